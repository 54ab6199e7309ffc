package firehose

import (
	"context"
	"maps"
	"slices"
	"strings"

	"flowlake/access"
	"flowlake/delivery"
	"flowlake/fault"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"
)

// maxTags is how many tags a stream may have. Source: Firehose API reference, TagDeliveryStream
const maxTags = 50

// tagged adds tags to those that there are.
func tagged(to map[string]string, tags []types.Tag) (map[string]string, error) {
	if len(tags) > 0 && to == nil {
		to = map[string]string{}
	}
	for _, t := range tags {
		switch k := text(t.Key); {
		case k == "" || len(k) > 128 || strings.HasPrefix(strings.ToLower(k), "aws:"):
			return nil, fault.Newf(fault.Invalid, "tag "+k, "a key has 1 to 128 characters and does not begin with aws:")
		case len(text(t.Value)) > 256:
			return nil, fault.Newf(fault.Invalid, "tag "+k, "a value has up to 256 characters")
		default:
			to[k] = text(t.Value)
		}
	}
	if len(to) > maxTags {
		return nil, fault.Newf(fault.Limit, "tags", "%d are more than the %d that a delivery stream may have", len(to), maxTags)
	}
	return to, nil
}

func (d door) tagStream(ctx context.Context, c access.Caller, in *api.TagDeliveryStreamInput) (*api.TagDeliveryStreamOutput, error) {
	return nil, d.room.Tag(ctx, c, delivery.KindFirehose, *in.DeliveryStreamName, func(tags map[string]string) error {
		_, err := tagged(tags, in.Tags)
		return err
	})
}

func (d door) untagStream(ctx context.Context, c access.Caller, in *api.UntagDeliveryStreamInput) (*api.UntagDeliveryStreamOutput, error) {
	return nil, d.room.Tag(ctx, c, delivery.KindFirehose, *in.DeliveryStreamName, func(tags map[string]string) error {
		for _, k := range in.TagKeys {
			delete(tags, k)
		}
		return nil
	})
}

func (d door) listTags(ctx context.Context, c access.Caller, in *api.ListTagsForDeliveryStreamInput) (*api.ListTagsForDeliveryStreamOutput, error) {
	most := maxTags
	if in.Limit != nil {
		if *in.Limit < 1 || *in.Limit > maxTags {
			return nil, fault.Newf(fault.Invalid, "Limit", "%d is not from 1 to %d", *in.Limit, maxTags)
		}
		most = int(*in.Limit)
	}
	s, err := d.room.Stream(ctx, c, delivery.KindFirehose, *in.DeliveryStreamName)
	if err != nil {
		return nil, err
	}
	out := &api.ListTagsForDeliveryStreamOutput{Tags: []types.Tag{}, HasMoreTags: aws.Bool(false)}
	for _, k := range slices.Sorted(maps.Keys(s.Tags)) {
		switch {
		case in.ExclusiveStartTagKey != nil && k <= *in.ExclusiveStartTagKey:
		case len(out.Tags) == most:
			*out.HasMoreTags = true
		default:
			out.Tags = append(out.Tags, types.Tag{Key: aws.String(k), Value: aws.String(s.Tags[k])})
		}
	}
	return out, nil
}

// ownedKey refuses keys but AWS's own.
func ownedKey(k types.KeyType) error {
	if k == types.KeyTypeCustomerManagedCmk {
		return fault.Newf(fault.Unsupported, "KeyType", "%s: flowlake has no key management; AWS_OWNED_CMK is recorded", k)
	}
	return nil
}

func (d door) startEncryption(ctx context.Context, c access.Caller, in *api.StartDeliveryStreamEncryptionInput) (*api.StartDeliveryStreamEncryptionOutput, error) {
	if e := in.DeliveryStreamEncryptionConfigurationInput; e != nil {
		if err := ownedKey(e.KeyType); err != nil {
			return nil, err
		}
	}
	return nil, d.room.SetEncrypted(ctx, c, delivery.KindFirehose, *in.DeliveryStreamName, true)
}

func (d door) stopEncryption(ctx context.Context, c access.Caller, in *api.StopDeliveryStreamEncryptionInput) (*api.StopDeliveryStreamEncryptionOutput, error) {
	return nil, d.room.SetEncrypted(ctx, c, delivery.KindFirehose, *in.DeliveryStreamName, false)
}
