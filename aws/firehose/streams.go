package firehose

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"flowlake/access"
	"flowlake/delivery"
	"flowlake/delivery/destination"
	"flowlake/fault"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"
)

// acts is the service that acts for a stream's maker.
const acts = "firehose.amazonaws.com"

var streamName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,64}$`)

func (d door) createDeliveryStream(ctx context.Context, c access.Caller, in *api.CreateDeliveryStreamInput) (*api.CreateDeliveryStreamOutput, error) {
	name := *in.DeliveryStreamName
	if !streamName.MatchString(name) {
		return nil, fault.Newf(fault.Invalid, "DeliveryStreamName", "%.80q does not satisfy [a-zA-Z0-9_.-]+, or is longer than 64 characters", name)
	}
	if k := in.DeliveryStreamType; k != "" && k != types.DeliveryStreamTypeDirectPut {
		return nil, fault.Newf(fault.Unsupported, "DeliveryStreamType", "%s is a source that flowlake does not have: DirectPut and log subscriptions are", k)
	}
	var s destination.Settings
	//lint:ignore SA1019 older clients send it
	switch plainly, fully := in.S3DestinationConfiguration, in.ExtendedS3DestinationConfiguration; {
	case (plainly == nil) == (fully == nil):
		return nil, fault.Newf(fault.Invalid, "destination", "Exactly one destination configuration is supported for a Firehose")
	case fully != nil:
		extended(fully, &s)
	default:
		plain(plainly).onto(&s.S3)
	}
	made, err := newStream(c, name, &s)
	if err != nil {
		return nil, err
	}
	if made.Tags, err = tagged(nil, in.Tags); err != nil {
		return nil, err
	}
	if e := in.DeliveryStreamEncryptionConfigurationInput; e != nil {
		if err := ownedKey(e.KeyType); err != nil {
			return nil, err
		}
		made.Encrypted = true
	}
	stream, err := d.room.Create(ctx, c, made)
	if err != nil {
		return nil, err
	}
	return &api.CreateDeliveryStreamOutput{DeliveryStreamARN: &stream.ARN}, nil
}

// newStream is what the room makes of settings.
func newStream(c access.Caller, name string, s *destination.Settings) (delivery.NewStream, error) {
	buffer, err := s.Buffer()
	if err != nil {
		return delivery.NewStream{}, err
	}
	settings, err := json.Marshal(s)
	if err != nil {
		return delivery.NewStream{}, fmt.Errorf("settings of delivery stream %s: %w", name, err)
	}
	return delivery.NewStream{Kind: delivery.KindFirehose, Name: name, ARN: ARN(c, name), Settings: settings, Buffer: buffer, Service: acts}, nil
}

func (d door) deleteDeliveryStream(ctx context.Context, c access.Caller, in *api.DeleteDeliveryStreamInput) (*api.DeleteDeliveryStreamOutput, error) {
	return nil, d.room.Delete(ctx, c, delivery.KindFirehose, *in.DeliveryStreamName)
}

// settingsOf reads a stream's settings.
func settingsOf(s delivery.Stream) (*destination.Settings, error) {
	var settings destination.Settings
	if err := json.Unmarshal(s.Settings, &settings); err != nil {
		return nil, fmt.Errorf("settings of delivery stream %s: %w", s.Name, err)
	}
	return &settings, nil
}

// describeOutput is DescribeDeliveryStreamOutput with our own members.
type describeOutput struct {
	DeliveryStreamDescription *description
}

func (d door) describeDeliveryStream(ctx context.Context, c access.Caller, in *api.DescribeDeliveryStreamInput) (*describeOutput, error) {
	if in.Limit != nil && (*in.Limit < 1 || *in.Limit > 10000) {
		return nil, fault.Newf(fault.Invalid, "Limit", "%d is not from 1 to 10000", *in.Limit)
	}
	s, err := d.room.Stream(ctx, c, delivery.KindFirehose, *in.DeliveryStreamName)
	if err != nil {
		return nil, err
	}
	settings, err := settingsOf(s)
	if err != nil {
		return nil, err
	}
	count, err := d.room.Counters(ctx, c, delivery.KindFirehose, s.Name)
	if err != nil {
		return nil, err
	}
	shown := &description{
		DeliveryStreamARN: &s.ARN, DeliveryStreamName: &s.Name, DeliveryStreamStatus: types.DeliveryStreamStatus(s.Status), DeliveryStreamType: types.DeliveryStreamTypeDirectPut,
		Destinations: []types.DestinationDescription{}, HasMoreDestinations: aws.Bool(false), VersionId: aws.String(strconv.FormatInt(s.Version, 10)),
		CreateTimestamp: &s.Created, FlowlakeCounters: counted(count),
		DeliveryStreamEncryptionConfiguration: &types.DeliveryStreamEncryptionConfiguration{Status: types.DeliveryStreamEncryptionStatusDisabled},
	}
	if text(in.ExclusiveStartDestinationId) < destinationID {
		shown.Destinations = append(shown.Destinations, described(settings, s.Buffer))
	}
	if s.Encrypted {
		shown.DeliveryStreamEncryptionConfiguration = &types.DeliveryStreamEncryptionConfiguration{
			Status: types.DeliveryStreamEncryptionStatusEnabled, KeyType: types.KeyTypeAwsOwnedCmk}
	}
	if !s.Updated.IsZero() {
		shown.LastUpdateTimestamp = &s.Updated
	}
	if f := s.Failure; f.Message != "" {
		details := fmt.Sprintf("%s (since %s, %d attempts", f.Message, f.Since.UTC().Format(time.RFC3339), f.Attempts)
		if !f.Next.IsZero() {
			details += ", again at " + f.Next.UTC().Format(time.RFC3339)
		}
		if !f.GivenUp.IsZero() {
			details += "; records were put below the error prefix at " + f.GivenUp.UTC().Format(time.RFC3339)
		}
		details += ")"
		if f.Remedy != "" {
			details += "\n" + f.Remedy
		}
		shown.FailureDescription = &types.FailureDescription{Type: types.DeliveryStreamFailureTypeUnknownError, Details: &details}
	}
	return &describeOutput{shown}, nil
}

func (d door) listDeliveryStreams(ctx context.Context, c access.Caller, in *api.ListDeliveryStreamsInput) (*api.ListDeliveryStreamsOutput, error) {
	most := 10
	if in.Limit != nil {
		if *in.Limit < 1 || *in.Limit > 10000 {
			return nil, fault.Newf(fault.Invalid, "Limit", "%d is not from 1 to 10000", *in.Limit)
		}
		most = int(*in.Limit)
	}
	out := &api.ListDeliveryStreamsOutput{DeliveryStreamNames: []string{}, HasMoreDeliveryStreams: aws.Bool(false)}
	if k := in.DeliveryStreamType; k != "" && k != types.DeliveryStreamTypeDirectPut {
		return out, nil // a filter that lets none through
	}
	streams, more, err := d.room.Streams(ctx, c, delivery.KindFirehose, text(in.ExclusiveStartDeliveryStreamName), most)
	if err != nil {
		return nil, err
	}
	for _, s := range streams {
		out.DeliveryStreamNames = append(out.DeliveryStreamNames, s.Name)
	}
	*out.HasMoreDeliveryStreams = more
	return out, nil
}

func (d door) updateDestination(ctx context.Context, c access.Caller, in *api.UpdateDestinationInput) (*api.UpdateDestinationOutput, error) {
	name := *in.DeliveryStreamName
	if *in.DestinationId != destinationID {
		return nil, fault.Newf(fault.Invalid, "DestinationId", "%.80q is not of delivery stream %s, which has %s", *in.DestinationId, name, destinationID)
	}
	//lint:ignore SA1019 older clients send it
	simple := in.S3DestinationUpdate
	if (simple == nil) == (in.ExtendedS3DestinationUpdate == nil) {
		return nil, fault.Newf(fault.Invalid, "destination", "exactly one of ExtendedS3DestinationUpdate and S3DestinationUpdate must be given")
	}
	_, err := d.room.Update(ctx, c, delivery.KindFirehose, name, 0, func(s *delivery.Stream) error {
		if *in.CurrentDeliveryStreamVersionId != strconv.FormatInt(s.Version, 10) {
			return fault.Newf(fault.Precondition, "delivery stream "+name, "CurrentDeliveryStreamVersionId %.80q is not its version, which is %d", *in.CurrentDeliveryStreamVersionId, s.Version)
		}
		settings, err := settingsOf(*s)
		if err != nil {
			return err
		}
		backed := settings.BackupMode == destination.BackupEnabled
		if in.ExtendedS3DestinationUpdate != nil {
			onto(in.ExtendedS3DestinationUpdate, settings)
		} else {
			plainUpdate(simple).onto(&settings.S3)
		}
		if backed && settings.BackupMode != destination.BackupEnabled {
			return fault.Newf(fault.Invalid, "S3BackupMode", "cannot be disabled once it is enabled")
		}
		now, err := newStream(c, name, settings)
		if err != nil {
			return err
		}
		s.Settings, s.Buffer = now.Settings, now.Buffer
		return nil
	})
	return nil, err
}
