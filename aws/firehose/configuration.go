package firehose

import (
	"maps"

	"flowlake/delivery/destination"
	"flowlake/delivery/process"

	"github.com/aws/aws-sdk-go-v2/service/firehose/types"
)

// What configurations and updates say is laid over what a stream's settings have: a member that is absent leaves them.

func over[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// place is what the shapes of a place in a bucket have in common.
type place struct {
	bucket, role, prefix, errorPrefix *string
	compression                       types.CompressionFormat
	hints                             *types.BufferingHints
	logging                           *types.CloudWatchLoggingOptions
}

func (p place) onto(s *destination.S3) {
	over(&s.BucketARN, p.bucket)
	over(&s.RoleARN, p.role)
	over(&s.Prefix, p.prefix)
	over(&s.ErrorPrefix, p.errorPrefix)
	if p.compression != "" {
		s.Compression = string(p.compression)
	}
	if p.hints != nil {
		hints := destination.Hints{}
		over(&hints, s.Hints)
		if p.hints.SizeInMBs != nil {
			hints.SizeMB = p.hints.SizeInMBs
		}
		if p.hints.IntervalInSeconds != nil {
			hints.Seconds = p.hints.IntervalInSeconds
		}
		s.Hints = &hints
	}
	if l := p.logging; l != nil {
		s.Logging = &destination.Logging{Enabled: l.Enabled != nil && *l.Enabled, Group: text(l.LogGroupName), Stream: text(l.LogStreamName)}
	}
}

func plain(c *types.S3DestinationConfiguration) place {
	return place{c.BucketARN, c.RoleARN, c.Prefix, c.ErrorOutputPrefix, c.CompressionFormat, c.BufferingHints, c.CloudWatchLoggingOptions}
}

func plainUpdate(c *types.S3DestinationUpdate) place {
	return place{c.BucketARN, c.RoleARN, c.Prefix, c.ErrorOutputPrefix, c.CompressionFormat, c.BufferingHints, c.CloudWatchLoggingOptions}
}

// extended is ExtendedS3DestinationConfiguration as an update of nothing: the two shapes differ in the backup's type alone.
func extended(c *types.ExtendedS3DestinationConfiguration, s *destination.Settings) {
	onto(&types.ExtendedS3DestinationUpdate{
		BucketARN: c.BucketARN, RoleARN: c.RoleARN, Prefix: c.Prefix, ErrorOutputPrefix: c.ErrorOutputPrefix, CompressionFormat: c.CompressionFormat,
		BufferingHints: c.BufferingHints, CloudWatchLoggingOptions: c.CloudWatchLoggingOptions, FileExtension: c.FileExtension, CustomTimeZone: c.CustomTimeZone,
		ProcessingConfiguration: c.ProcessingConfiguration, DynamicPartitioningConfiguration: c.DynamicPartitioningConfiguration,
		DataFormatConversionConfiguration: c.DataFormatConversionConfiguration, S3BackupMode: c.S3BackupMode,
	}, s)
	if c.S3BackupConfiguration != nil {
		s.Backup = &destination.S3{}
		plain(c.S3BackupConfiguration).onto(s.Backup)
	}
}

// onto lays an update over settings. ProcessingConfiguration and DynamicPartitioningConfiguration are replaced whole, the conversion
// member by member, as on AWS.
func onto(u *types.ExtendedS3DestinationUpdate, s *destination.Settings) {
	s.Extended = true
	place{u.BucketARN, u.RoleARN, u.Prefix, u.ErrorOutputPrefix, u.CompressionFormat, u.BufferingHints, u.CloudWatchLoggingOptions}.onto(&s.S3)
	over(&s.Extension, u.FileExtension)
	over(&s.Zone, u.CustomTimeZone)
	if p := u.ProcessingConfiguration; p != nil {
		s.Processing = &destination.Processing{Enabled: p.Enabled != nil && *p.Enabled}
		for _, one := range p.Processors {
			q := process.Processor{Type: string(one.Type)}
			for _, v := range one.Parameters {
				q.Parameters = append(q.Parameters, process.Parameter{Name: string(v.ParameterName), Value: text(v.ParameterValue)})
			}
			s.Processing.Processors = append(s.Processing.Processors, q)
		}
	}
	if p := u.DynamicPartitioningConfiguration; p != nil {
		s.Dynamic = &destination.Dynamic{Enabled: p.Enabled != nil && *p.Enabled}
		if p.RetryOptions != nil {
			s.Dynamic.RetrySeconds = p.RetryOptions.DurationInSeconds
		}
	}
	if u.S3BackupMode != "" {
		s.BackupMode = string(u.S3BackupMode)
	}
	if u.S3BackupUpdate != nil {
		backup := destination.S3{}
		over(&backup, s.Backup)
		plainUpdate(u.S3BackupUpdate).onto(&backup)
		s.Backup = &backup
	}
	if u.DataFormatConversionConfiguration != nil {
		s.Conversion = conversion(u.DataFormatConversionConfiguration, s.Conversion)
	}
}

// conversion lays a conversion over the one before.
func conversion(c *types.DataFormatConversionConfiguration, before *destination.Conversion) *destination.Conversion {
	now := destination.Conversion{Enabled: true} // what is absent is enabled
	over(&now, before)
	over(&now.Enabled, c.Enabled)
	if from := c.SchemaConfiguration; from != nil {
		schema := destination.Schema{}
		over(&schema, now.Schema)
		over(&schema.CatalogID, from.CatalogId)
		over(&schema.Database, from.DatabaseName)
		over(&schema.Table, from.TableName)
		over(&schema.Region, from.Region)
		over(&schema.RoleARN, from.RoleARN)
		over(&schema.VersionID, from.VersionId)
		now.Schema = &schema
	}
	if from := c.InputFormatConfiguration; from != nil {
		now.Input = &destination.Input{}
		if d := from.Deserializer; d != nil {
			if o := d.OpenXJsonSerDe; o != nil {
				now.Input.OpenX = &destination.OpenX{CaseInsensitive: o.CaseInsensitive, Mappings: maps.Clone(o.ColumnToJsonKeyMappings), Dots: o.ConvertDotsInJsonKeysToUnderscores}
			}
			if h := d.HiveJsonSerDe; h != nil {
				now.Input.Hive = &destination.Hive{Timestamps: h.TimestampFormats}
			}
		}
	}
	if from := c.OutputFormatConfiguration; from != nil {
		now.Output = &destination.Output{}
		if from.Serializer != nil && from.Serializer.ParquetSerDe != nil {
			p := from.Serializer.ParquetSerDe
			now.Output.Parquet = &destination.Parquet{Compression: string(p.Compression), BlockSizeBytes: p.BlockSizeBytes, PageSizeBytes: p.PageSizeBytes,
				MaxPaddingBytes: p.MaxPaddingBytes, EnableDictionary: p.EnableDictionaryCompression, WriterVersion: string(p.WriterVersion)}
		}
	}
	return &now
}
