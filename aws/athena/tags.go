package athena

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	"github.com/aws/aws-sdk-go-v2/service/athena/types"

	"flowlake/access"
	"flowlake/aws/wire"
	"flowlake/fault"
	"flowlake/query"
)

// tags are those of workgroups; a data catalogue has none here.
func (d *door) tags() []wire.Operation {
	return []wire.Operation{
		op("ListTagsForResource", wire.Row[athena.ListTagsForResourceInput]{
			Permissions: []wire.Permission[athena.ListTagsForResourceInput]{{Action: "athena:ListTagsForResource",
				Resource: func(_ access.Caller, in *athena.ListTagsForResourceInput) string { return *in.ResourceARN }}},
			Honoured: []string{"ResourceARN", "MaxResults", "NextToken"}, Required: []string{"ResourceARN"},
		}, d.listTagsForResource),
		op("TagResource", wire.Row[athena.TagResourceInput]{
			Permissions: []wire.Permission[athena.TagResourceInput]{{Action: "athena:TagResource",
				Resource: func(_ access.Caller, in *athena.TagResourceInput) string { return *in.ResourceARN }}},
			Honoured: []string{"ResourceARN", "Tags"}, Required: []string{"ResourceARN", "Tags", "Tags.Key"},
		}, d.tagResource),
		op("UntagResource", wire.Row[athena.UntagResourceInput]{
			Permissions: []wire.Permission[athena.UntagResourceInput]{{Action: "athena:UntagResource",
				Resource: func(_ access.Caller, in *athena.UntagResourceInput) string { return *in.ResourceARN }}},
			Honoured: []string{"ResourceARN", "TagKeys"}, Required: []string{"ResourceARN", "TagKeys"},
		}, d.untagResource),
	}
}

// workgroupOf returns the name of the workgroup that an ARN of the caller's own namespace names.
func workgroupOf(c access.Caller, arn string) (string, error) {
	name, ok := strings.CutPrefix(arn, c.ARN("athena", "workgroup/"))
	if !ok {
		return "", fault.Newf(fault.NotFound, "resource "+arn, "is not a workgroup of account %s in %s", c.Account, c.Region)
	}
	return name, nil
}

// missing makes a workgroup that is not there a resource that is not there: so do the tag operations say it.
func missing(arn string, err error) error {
	if fault.Is(err, fault.NotFound) && fault.HasNoun(err, "workgroup") {
		return fault.Newf(fault.NotFound, "resource "+arn, "there is no such workgroup")
	}
	return err
}

func (d *door) listTagsForResource(ctx context.Context, c access.Caller, in *athena.ListTagsForResourceInput) (*athena.ListTagsForResourceOutput, error) {
	if in.MaxResults != nil && *in.MaxResults < 75 { // Athena's least; no workgroup has more tags than a page
		return nil, fault.Newf(fault.Invalid, "MaxResults", "%d is less than 75", *in.MaxResults)
	}
	if in.NextToken != nil {
		return nil, fault.Newf(fault.Invalid, "next token", "Malformed nextPageToken %q: there is one page", *in.NextToken)
	}
	name, err := workgroupOf(c, *in.ResourceARN)
	if err != nil {
		return nil, err
	}
	w, err := d.q.Workgroup(ctx, c, name)
	if err != nil {
		return nil, missing(*in.ResourceARN, err)
	}
	out := &athena.ListTagsForResourceOutput{Tags: []types.Tag{}}
	for _, k := range slices.Sorted(maps.Keys(w.Tags)) {
		out.Tags = append(out.Tags, types.Tag{Key: &k, Value: aws.String(w.Tags[k])})
	}
	return out, nil
}

func (d *door) tagResource(ctx context.Context, c access.Caller, in *athena.TagResourceInput) (*athena.TagResourceOutput, error) {
	return nil, d.retag(ctx, c, *in.ResourceARN, func(tags map[string]string) { maps.Copy(tags, tagMap(in.Tags)) })
}

func (d *door) untagResource(ctx context.Context, c access.Caller, in *athena.UntagResourceInput) (*athena.UntagResourceOutput, error) {
	return nil, d.retag(ctx, c, *in.ResourceARN, func(tags map[string]string) {
		for _, k := range in.TagKeys {
			delete(tags, k)
		}
	})
}

func (d *door) retag(ctx context.Context, c access.Caller, arn string, change func(map[string]string)) error {
	name, err := workgroupOf(c, arn)
	if err != nil {
		return err
	}
	return missing(arn, d.q.UpdateWorkgroup(ctx, c, name, func(w *query.Workgroup) error {
		if w.Tags == nil {
			w.Tags = map[string]string{}
		}
		change(w.Tags)
		return nil
	}))
}

func tagMap(tags []types.Tag) map[string]string {
	m := map[string]string{}
	for _, t := range tags {
		m[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return m
}
