package firehose

import (
	"cmp"
	"time"

	"flowlake/delivery"
	"flowlake/delivery/destination"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"
)

// description is DeliveryStreamDescription as AWS has it, and behind it what flowlake knows beside: AWS's clients pass over members that
// they do not know.
type description struct {
	DeliveryStreamARN                     *string
	DeliveryStreamName                    *string
	DeliveryStreamStatus                  types.DeliveryStreamStatus
	DeliveryStreamType                    types.DeliveryStreamType
	Destinations                          []types.DestinationDescription
	HasMoreDestinations                   *bool
	VersionId                             *string
	CreateTimestamp                       *time.Time
	DeliveryStreamEncryptionConfiguration *types.DeliveryStreamEncryptionConfiguration
	FailureDescription                    *types.FailureDescription // what keeps the stream from delivering
	LastUpdateTimestamp                   *time.Time
	FlowlakeCounters                      *counters
}

// counters are delivery.Counters on the wire: In = Delivered + Failed + Dropped + Waiting.
type counters struct {
	In, Delivered, Failed, Dropped, Waiting                          *int64
	Missed, Batches, Objects, Retries, Behind                        *int64
	IncomingBytes, WaitingBytes, DeliveredBytes, DataFreshnessMillis *int64
}

func counted(n delivery.Counters) *counters {
	c := &counters{In: &n.In, Delivered: &n.Delivered, Failed: &n.Failed, Dropped: &n.Dropped, Waiting: &n.Waiting,
		Missed: &n.Missed, Batches: &n.Batches, Objects: &n.Objects, Retries: &n.Retries, Behind: &n.Behind,
		IncomingBytes: &n.InBytes, WaitingBytes: &n.WaitBytes, DeliveredBytes: &n.DeliveredBytes}
	if !n.Oldest.IsZero() {
		c.DataFreshnessMillis = aws.Int64(time.Since(n.Oldest).Milliseconds())
	}
	return c
}

// destinationID is the id of a stream's one destination.
const destinationID = "destinationId-000000000001"

// described is a destination in both of its shapes, as AWS shows it.
func described(s *destination.Settings, b delivery.Buffer) types.DestinationDescription {
	old := shownS3(&s.S3, &types.BufferingHints{SizeInMBs: aws.Int32(int32(b.Bytes >> 20)), IntervalInSeconds: aws.Int32(int32(b.Age / time.Second))})
	out := &types.ExtendedS3DestinationDescription{
		BucketARN: old.BucketARN, RoleARN: old.RoleARN, Prefix: old.Prefix, ErrorOutputPrefix: old.ErrorOutputPrefix, CompressionFormat: old.CompressionFormat,
		BufferingHints: old.BufferingHints, CloudWatchLoggingOptions: old.CloudWatchLoggingOptions, EncryptionConfiguration: old.EncryptionConfiguration,
		FileExtension: given(s.Extension), CustomTimeZone: given(s.Zone), S3BackupMode: types.S3BackupMode(cmp.Or(s.BackupMode, destination.BackupDisabled)),
	}
	if p := s.Processing; p != nil {
		out.ProcessingConfiguration = &types.ProcessingConfiguration{Enabled: &p.Enabled, Processors: []types.Processor{}}
		for _, one := range p.Processors {
			q := types.Processor{Type: types.ProcessorType(one.Type)}
			for _, v := range one.Parameters {
				q.Parameters = append(q.Parameters, types.ProcessorParameter{ParameterName: types.ProcessorParameterName(v.Name), ParameterValue: aws.String(v.Value)})
			}
			out.ProcessingConfiguration.Processors = append(out.ProcessingConfiguration.Processors, q)
		}
	}
	if d := s.Dynamic; d != nil {
		out.DynamicPartitioningConfiguration = &types.DynamicPartitioningConfiguration{Enabled: &d.Enabled}
		if d.RetrySeconds != nil {
			out.DynamicPartitioningConfiguration.RetryOptions = &types.RetryOptions{DurationInSeconds: d.RetrySeconds}
		}
	}
	if s.Conversion != nil {
		out.DataFormatConversionConfiguration = shownConversion(s.Conversion)
	}
	if s.Backup != nil {
		hints := &types.BufferingHints{SizeInMBs: aws.Int32(5), IntervalInSeconds: aws.Int32(300)}
		if h := s.Backup.Hints; h != nil {
			if h.SizeMB != nil {
				hints.SizeInMBs = h.SizeMB
			}
			if h.Seconds != nil {
				hints.IntervalInSeconds = h.Seconds
			}
		}
		out.S3BackupDescription = shownS3(s.Backup, hints)
	}
	return types.DestinationDescription{DestinationId: aws.String(destinationID), ExtendedS3DestinationDescription: out, S3DestinationDescription: old}
}

func shownS3(s *destination.S3, hints *types.BufferingHints) *types.S3DestinationDescription {
	out := &types.S3DestinationDescription{
		BucketARN: aws.String(s.BucketARN), RoleARN: aws.String(s.RoleARN), Prefix: given(s.Prefix), ErrorOutputPrefix: given(s.ErrorPrefix),
		CompressionFormat: types.CompressionFormat(cmp.Or(s.Compression, "UNCOMPRESSED")), BufferingHints: hints,
		CloudWatchLoggingOptions: &types.CloudWatchLoggingOptions{Enabled: aws.Bool(false)},
		EncryptionConfiguration:  &types.EncryptionConfiguration{NoEncryptionConfig: types.NoEncryptionConfigNoEncryption},
	}
	if l := s.Logging; l != nil {
		out.CloudWatchLoggingOptions = &types.CloudWatchLoggingOptions{Enabled: &l.Enabled, LogGroupName: given(l.Group), LogStreamName: given(l.Stream)}
	}
	return out
}

func shownConversion(c *destination.Conversion) *types.DataFormatConversionConfiguration {
	out := &types.DataFormatConversionConfiguration{Enabled: &c.Enabled}
	if s := c.Schema; s != nil {
		out.SchemaConfiguration = &types.SchemaConfiguration{CatalogId: given(s.CatalogID), DatabaseName: given(s.Database), TableName: given(s.Table),
			Region: given(s.Region), RoleARN: given(s.RoleARN), VersionId: aws.String(cmp.Or(s.VersionID, "LATEST"))}
	}
	if in := c.Input; in != nil {
		d := &types.Deserializer{}
		if o := in.OpenX; o != nil {
			d.OpenXJsonSerDe = &types.OpenXJsonSerDe{CaseInsensitive: o.CaseInsensitive, ColumnToJsonKeyMappings: o.Mappings, ConvertDotsInJsonKeysToUnderscores: o.Dots}
		}
		if h := in.Hive; h != nil {
			d.HiveJsonSerDe = &types.HiveJsonSerDe{TimestampFormats: h.Timestamps}
		}
		out.InputFormatConfiguration = &types.InputFormatConfiguration{Deserializer: d}
	}
	if o := c.Output; o != nil {
		s := &types.Serializer{}
		if p := o.Parquet; p != nil {
			s.ParquetSerDe = &types.ParquetSerDe{Compression: types.ParquetCompression(p.Compression), BlockSizeBytes: p.BlockSizeBytes, PageSizeBytes: p.PageSizeBytes,
				MaxPaddingBytes: p.MaxPaddingBytes, EnableDictionaryCompression: p.EnableDictionary, WriterVersion: types.ParquetWriterVersion(p.WriterVersion)}
		}
		out.OutputFormatConfiguration = &types.OutputFormatConfiguration{Serializer: s}
	}
	return out
}

// given is a member that is absent when it is empty.
func given(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
