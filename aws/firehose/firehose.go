// Package firehose is the door of Firehose: one row per operation, each a call of the delivery room about its streams to S3. It
// keeps nothing; what AWS's shapes say about a stream it turns into destination.Settings, and back.
package firehose

import (
	"flowlake/access"
	"flowlake/aws/wire"
	"flowlake/delivery"
	"flowlake/delivery/destination"
	"flowlake/fault"

	api "github.com/aws/aws-sdk-go-v2/service/firehose"
)

// Bodies: a record has 1,000 KiB, a batch 4 MiB, which base64 makes a third larger and its escapes, where a client writes any, larger yet.
const (
	maxRecordBody = 4 << 20
	maxBatchBody  = 16 << 20
)

// Service returns the table of the service's operations over the delivery room and the writer of its streams.
func Service(room *delivery.Store, writer *destination.Writer) wire.Service {
	d := door{room, writer}
	return wire.Service{
		Name:     "firehose",
		Title:    "Data Firehose",
		Protocol: wire.JSON11,
		Target:   "Firehose_20150804.",
		Enums: map[string][]string{
			"ParquetCompression":     {"ZSTD"},
			"ProcessorParameterName": {"ExtractedFields"},
		},
		Faults: []wire.FaultRule{
			{Kind: fault.NotFound, Noun: "delivery stream", Code: "ResourceNotFoundException"},
			{Kind: fault.NotFound, Code: "InvalidArgumentException"},
			{Kind: fault.Exists, Code: "ResourceInUseException"},
			{Kind: fault.Conflict, Code: "ResourceInUseException"},
			{Kind: fault.Precondition, Code: "ConcurrentModificationException"},
			{Kind: fault.Limit, Code: "LimitExceededException"},
			{Kind: fault.Invalid, Noun: "member", Code: "ValidationException"}, // what AWS's model of the shapes refuses, before the service looks
			{Kind: fault.Invalid, Noun: "DeliveryStreamName", Code: "ValidationException"},
			{Kind: fault.Invalid, Noun: "Records", Code: "ValidationException"},
			{Kind: fault.TooLarge, Noun: "record", Code: "ValidationException"},
			{Kind: fault.Invalid, Code: "InvalidArgumentException"},
			{Kind: fault.TooLarge, Code: "InvalidArgumentException"},
			{Kind: fault.Unsupported, Code: "InvalidArgumentException"},
			{Kind: fault.Throttled, Code: "ServiceUnavailableException", Status: 503},
			{Kind: fault.Unavailable, Code: "ServiceUnavailableException", Status: 503},
		},
		Operations: append(append(d.streams(), d.records()...), append(d.tags(), d.encryption()...)...),
	}
}

// door holds the functions of the rows.
type door struct {
	room   *delivery.Store
	writer *destination.Writer
}

// ARN is a stream's.
func ARN(c access.Caller, name string) string { return c.ARN("firehose", "deliverystream/"+name) }

// The members of a destination, by the shape that it is given in. KMSEncryptionConfig, OrcSerDe and the other destinations are not among
// them: the codec refuses them by name.
func destinationMembers(extended, plain, backup string) (honoured, recorded []string) {
	hints := []string{".BufferingHints.SizeInMBs", ".BufferingHints.IntervalInSeconds"}
	log := []string{".CloudWatchLoggingOptions.Enabled", ".CloudWatchLoggingOptions.LogGroupName", ".CloudWatchLoggingOptions.LogStreamName", ".EncryptionConfiguration.NoEncryptionConfig"}
	common := []string{".BucketARN", ".RoleARN", ".Prefix", ".ErrorOutputPrefix", ".CompressionFormat"}
	own := append([]string{".FileExtension", ".CustomTimeZone", ".S3BackupMode", ".ProcessingConfiguration", ".DynamicPartitioningConfiguration.Enabled",
		".DataFormatConversionConfiguration.Enabled", ".DataFormatConversionConfiguration.SchemaConfiguration", ".DataFormatConversionConfiguration.InputFormatConfiguration",
		".DataFormatConversionConfiguration.OutputFormatConfiguration.Serializer.ParquetSerDe.Compression"}, append(common, hints...)...)
	kept := append([]string{".DynamicPartitioningConfiguration.RetryOptions.DurationInSeconds"}, log...)
	for _, m := range []string{"BlockSizeBytes", "PageSizeBytes", "MaxPaddingBytes", "EnableDictionaryCompression", "WriterVersion"} {
		kept = append(kept, ".DataFormatConversionConfiguration.OutputFormatConfiguration.Serializer.ParquetSerDe."+m)
	}
	add := func(to *[]string, shape string, members ...string) {
		for _, m := range members {
			*to = append(*to, shape+m)
		}
	}
	add(&honoured, extended, own...)
	add(&recorded, extended, kept...)
	add(&honoured, plain, append(common, hints...)...)
	add(&recorded, plain, log...)
	add(&honoured, extended+"."+backup, common...) // a backup is written with its stream's batches, so that its own hints have no effect
	add(&recorded, extended+"."+backup, append(hints, log...)...)
	return honoured, recorded
}

func (d door) streams() []wire.Operation {
	made, kept := destinationMembers("ExtendedS3DestinationConfiguration", "S3DestinationConfiguration", "S3BackupConfiguration")
	changed, recorded := destinationMembers("ExtendedS3DestinationUpdate", "S3DestinationUpdate", "S3BackupUpdate")
	return []wire.Operation{
		wire.Op("CreateDeliveryStream", wire.Row[api.CreateDeliveryStreamInput]{
			Permissions: []wire.Permission[api.CreateDeliveryStreamInput]{
				{Action: "firehose:CreateDeliveryStream", Resource: onStream(func(in *api.CreateDeliveryStreamInput) *string { return in.DeliveryStreamName })},
				{Action: "firehose:TagDeliveryStream", Resource: onStream(func(in *api.CreateDeliveryStreamInput) *string { return in.DeliveryStreamName }),
					When: func(in *api.CreateDeliveryStreamInput) bool { return len(in.Tags) > 0 }},
				{Action: "iam:PassRole", Resources: createdRoles, Context: passedToFirehose[api.CreateDeliveryStreamInput]},
			},
			Required: []string{"DeliveryStreamName", "ExtendedS3DestinationConfiguration.BucketARN", "ExtendedS3DestinationConfiguration.RoleARN",
				"S3DestinationConfiguration.BucketARN", "S3DestinationConfiguration.RoleARN", "Tags.Key"},
			Honoured: append([]string{"DeliveryStreamName", "DeliveryStreamType"}, made...),
			Recorded: append([]string{"Tags", "DeliveryStreamEncryptionConfigurationInput.KeyType"}, kept...),
		}, d.createDeliveryStream),
		wire.Op("DeleteDeliveryStream", wire.Row[api.DeleteDeliveryStreamInput]{
			Permissions: may("firehose:DeleteDeliveryStream", onStream(func(in *api.DeleteDeliveryStreamInput) *string { return in.DeliveryStreamName })),
			Required:    []string{"DeliveryStreamName"},
			Honoured:    []string{"DeliveryStreamName"},
			Recorded:    []string{"AllowForceDelete"}, // there is no grant whose end could fail
		}, d.deleteDeliveryStream),
		wire.Op("DescribeDeliveryStream", wire.Row[api.DescribeDeliveryStreamInput]{
			Permissions: may("firehose:DescribeDeliveryStream", onStream(func(in *api.DescribeDeliveryStreamInput) *string { return in.DeliveryStreamName })),
			Required:    []string{"DeliveryStreamName"},
			Honoured:    []string{"DeliveryStreamName", "Limit", "ExclusiveStartDestinationId"},
		}, d.describeDeliveryStream),
		wire.Op("ListDeliveryStreams", wire.Row[api.ListDeliveryStreamsInput]{
			Permissions: []wire.Permission[api.ListDeliveryStreamsInput]{{Action: "firehose:ListDeliveryStreams"}},
			Honoured:    []string{"DeliveryStreamType", "ExclusiveStartDeliveryStreamName", "Limit"},
		}, d.listDeliveryStreams),
		wire.Op("UpdateDestination", wire.Row[api.UpdateDestinationInput]{
			Permissions: []wire.Permission[api.UpdateDestinationInput]{
				{Action: "firehose:UpdateDestination", Resource: onStream(func(in *api.UpdateDestinationInput) *string { return in.DeliveryStreamName })},
				{Action: "iam:PassRole", Resources: updatedRoles, Context: passedToFirehose[api.UpdateDestinationInput]},
			},
			Required: []string{"DeliveryStreamName", "CurrentDeliveryStreamVersionId", "DestinationId"},
			Honoured: append([]string{"DeliveryStreamName", "CurrentDeliveryStreamVersionId", "DestinationId"}, changed...),
			Recorded: recorded,
		}, d.updateDestination),
	}
}

func (d door) records() []wire.Operation {
	return []wire.Operation{
		wire.Op("PutRecord", wire.Row[api.PutRecordInput]{
			Permissions: may("firehose:PutRecord", onStream(func(in *api.PutRecordInput) *string { return in.DeliveryStreamName })),
			Required:    []string{"DeliveryStreamName", "Record", "Record.Data"},
			Honoured:    []string{"DeliveryStreamName", "Record"},
			Decode:      decodePutRecord,
			MaxBody:     maxRecordBody,
		}, d.putRecord),
		wire.Op("PutRecordBatch", wire.Row[api.PutRecordBatchInput]{
			Permissions: may("firehose:PutRecordBatch", onStream(func(in *api.PutRecordBatchInput) *string { return in.DeliveryStreamName })),
			Required:    []string{"DeliveryStreamName", "Records", "Records.Data"},
			Honoured:    []string{"DeliveryStreamName", "Records"},
			Decode:      decodePutRecordBatch,
			MaxBody:     maxBatchBody,
		}, d.putRecordBatch),
	}
}

func (d door) tags() []wire.Operation {
	return []wire.Operation{
		wire.Op("ListTagsForDeliveryStream", wire.Row[api.ListTagsForDeliveryStreamInput]{
			Permissions: may("firehose:ListTagsForDeliveryStream", onStream(func(in *api.ListTagsForDeliveryStreamInput) *string { return in.DeliveryStreamName })),
			Required:    []string{"DeliveryStreamName"},
			Honoured:    []string{"DeliveryStreamName", "ExclusiveStartTagKey", "Limit"},
		}, d.listTags),
		wire.Op("TagDeliveryStream", wire.Row[api.TagDeliveryStreamInput]{
			Permissions: may("firehose:TagDeliveryStream", onStream(func(in *api.TagDeliveryStreamInput) *string { return in.DeliveryStreamName })),
			Required:    []string{"DeliveryStreamName", "Tags", "Tags.Key"},
			Honoured:    []string{"DeliveryStreamName"},
			Recorded:    []string{"Tags"},
		}, d.tagStream),
		wire.Op("UntagDeliveryStream", wire.Row[api.UntagDeliveryStreamInput]{
			Permissions: may("firehose:UntagDeliveryStream", onStream(func(in *api.UntagDeliveryStreamInput) *string { return in.DeliveryStreamName })),
			Required:    []string{"DeliveryStreamName", "TagKeys"},
			Honoured:    []string{"DeliveryStreamName", "TagKeys"},
		}, d.untagStream),
	}
}

// encryption: there is no key management here. That a client asked for encryption with AWS's own key is kept and shown, as S3's
// AES256 is; records lie on the disk as they were put, and encrypting that is the disk's business. A key of one's own is refused.
func (d door) encryption() []wire.Operation {
	return []wire.Operation{
		wire.Op("StartDeliveryStreamEncryption", wire.Row[api.StartDeliveryStreamEncryptionInput]{
			Permissions: may("firehose:StartDeliveryStreamEncryption", onStream(func(in *api.StartDeliveryStreamEncryptionInput) *string { return in.DeliveryStreamName })),
			Required:    []string{"DeliveryStreamName"},
			Honoured:    []string{"DeliveryStreamName"},
			Recorded:    []string{"DeliveryStreamEncryptionConfigurationInput.KeyType"},
		}, d.startEncryption),
		wire.Op("StopDeliveryStreamEncryption", wire.Row[api.StopDeliveryStreamEncryptionInput]{
			Permissions: may("firehose:StopDeliveryStreamEncryption", onStream(func(in *api.StopDeliveryStreamEncryptionInput) *string { return in.DeliveryStreamName })),
			Required:    []string{"DeliveryStreamName"},
			Honoured:    []string{"DeliveryStreamName"},
		}, d.stopEncryption),
	}
}

// may is one permission.
func may[In any](action string, resource func(access.Caller, *In) string) []wire.Permission[In] {
	return []wire.Permission[In]{{Action: action, Resource: resource}}
}

// onStream names a stream.
func onStream[In any](name func(*In) *string) func(access.Caller, *In) string {
	return func(c access.Caller, in *In) string { return ARN(c, text(name(in))) }
}

// text is a string member, "" when it is absent.
func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}
