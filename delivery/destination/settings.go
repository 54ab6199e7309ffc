// Package destination delivers Firehose's streams to buckets: what a stream's settings mean, and the delivery.Writer that
// makes of a batch its objects: text, compressed or not, or Parquet by a table's schema; the source's backup; failed records below the
// error prefix. It keeps nothing between batches and commits nothing: the delivery room does both.
package destination

import (
	"strings"
	"time"

	"flowlake/delivery"
	"flowlake/delivery/process"
	"flowlake/fault"
	"flowlake/lake"
)

// Settings are a stream's: ExtendedS3DestinationConfiguration, or S3DestinationConfiguration in the same shape. The members are AWS's,
// in its words; those without an effect here are kept to be shown.
type Settings struct {
	Extended bool `json:"extended"` // given as ExtendedS3DestinationConfiguration
	S3
	Extension  string      `json:"fileExtension,omitempty"`
	Zone       string      `json:"customTimeZone,omitempty"`
	Processing *Processing `json:"processing,omitempty"`
	Conversion *Conversion `json:"conversion,omitempty"`
	Dynamic    *Dynamic    `json:"dynamic,omitempty"`
	BackupMode string      `json:"backupMode,omitempty"` // Disabled or Enabled
	Backup     *S3         `json:"backup,omitempty"`
}

// S3 is a place in a bucket, and what is written there.
type S3 struct {
	BucketARN   string   `json:"bucketArn"`
	RoleARN     string   `json:"roleArn"`
	Prefix      string   `json:"prefix,omitempty"`
	ErrorPrefix string   `json:"errorOutputPrefix,omitempty"`
	Compression string   `json:"compressionFormat,omitempty"`
	Hints       *Hints   `json:"bufferingHints,omitempty"`
	Logging     *Logging `json:"logging,omitempty"`
}

// Hints are BufferingHints as they were given. A backup has its stream's batches, so its own hints are kept and have no effect.
type Hints struct {
	SizeMB  *int32 `json:"sizeInMBs,omitempty"`
	Seconds *int32 `json:"intervalInSeconds,omitempty"`
}

// Logging are CloudWatchLoggingOptions: kept, without an effect. What keeps a stream from delivering is in its Failure.
type Logging struct {
	Enabled bool   `json:"enabled"`
	Group   string `json:"group,omitempty"`
	Stream  string `json:"stream,omitempty"`
}

// Processing is ProcessingConfiguration. Without Enabled it is off, as on AWS.
type Processing struct {
	Enabled    bool                `json:"enabled"`
	Processors []process.Processor `json:"processors,omitempty"`
}

// Conversion is DataFormatConversionConfiguration. With Enabled false it is kept and has no effect.
type Conversion struct {
	Enabled bool    `json:"enabled"`
	Schema  *Schema `json:"schema,omitempty"`
	Input   *Input  `json:"input,omitempty"`
	Output  *Output `json:"output,omitempty"`
}

// Schema is SchemaConfiguration: the table.
type Schema struct {
	CatalogID string `json:"catalogId,omitempty"`
	Database  string `json:"database,omitempty"`
	Table     string `json:"table,omitempty"`
	Region    string `json:"region,omitempty"`
	RoleARN   string `json:"roleArn,omitempty"`
	VersionID string `json:"versionId,omitempty"`
}

// Input is InputFormatConfiguration: one of the two deserializers.
type Input struct {
	OpenX *OpenX `json:"openx,omitempty"`
	Hive  *Hive  `json:"hive,omitempty"`
}

// OpenX is OpenXJsonSerDe.
type OpenX struct {
	CaseInsensitive *bool             `json:"caseInsensitive,omitempty"` // nil is true
	Mappings        map[string]string `json:"columnToJsonKeyMappings,omitempty"`
	Dots            *bool             `json:"convertDotsInJsonKeysToUnderscores,omitempty"` // nil is false
}

// Hive is HiveJsonSerDe.
type Hive struct {
	Timestamps []string `json:"timestampFormats,omitempty"`
}

// Output is OutputFormatConfiguration: Parquet. ORC is refused by the door.
type Output struct {
	Parquet *Parquet `json:"parquet,omitempty"`
}

// Parquet is ParquetSerDe. Compression has its effect; the sizes are what other writers may want to know of.
type Parquet struct {
	Compression      string `json:"compression,omitempty"` // SNAPPY, GZIP, UNCOMPRESSED, and our own ZSTD; "" is SNAPPY
	BlockSizeBytes   *int32 `json:"blockSizeBytes,omitempty"`
	PageSizeBytes    *int32 `json:"pageSizeBytes,omitempty"`
	MaxPaddingBytes  *int32 `json:"maxPaddingBytes,omitempty"`
	EnableDictionary *bool  `json:"enableDictionaryCompression,omitempty"`
	WriterVersion    string `json:"writerVersion,omitempty"`
}

// Dynamic is DynamicPartitioningConfiguration.
type Dynamic struct {
	Enabled      bool   `json:"enabled"`
	RetrySeconds *int32 `json:"retrySeconds,omitempty"` // kept: what fails here fails for the record's own sake
}

// converts, partitions, backs and processes report what the settings turn on.
func (s *Settings) converts() bool   { return s.Conversion != nil && s.Conversion.Enabled }
func (s *Settings) partitions() bool { return s.Dynamic != nil && s.Dynamic.Enabled }
func (s *Settings) backs() bool      { return s.BackupMode == BackupEnabled }

func (s *Settings) processors() []process.Processor {
	if s.Processing == nil || !s.Processing.Enabled {
		return nil
	}
	return s.Processing.Processors
}

// The modes of S3BackupMode.
const (
	BackupDisabled = "Disabled"
	BackupEnabled  = "Enabled"
)

// The defaults of BufferingHints. Source: Firehose API reference, BufferingHints and DataFormatConversionConfiguration
const (
	defaultBytes     = 5 << 20
	convertedBytes   = 128 << 20
	defaultAge       = 300 * time.Second
	leastWideMB      = 64 // with conversion or dynamic partitioning
	maxActive        = 500
	longestExtension = 128
)

// Buffer is the stream's buffer by its hints. It returns fault.Invalid for hints out of range.
func (s *Settings) Buffer() (delivery.Buffer, error) {
	b := delivery.Buffer{Bytes: defaultBytes, Age: defaultAge}
	if s.converts() || s.partitions() {
		b.Bytes = convertedBytes
	}
	if s.Hints == nil {
		return b, nil
	}
	if mb := s.Hints.SizeMB; mb != nil {
		switch {
		case *mb < 1 || *mb > 128:
			return b, fault.Newf(fault.Invalid, "BufferingHints", "SizeInMBs %d is not from 1 to 128", *mb)
		case *mb < leastWideMB && s.converts():
			return b, fault.Newf(fault.Invalid, "BufferingHints", "SizeInMBs must be at least %d when data format conversion is enabled", leastWideMB)
		case *mb < leastWideMB && s.partitions():
			return b, fault.Newf(fault.Invalid, "BufferingHints", "SizeInMBs must be at least %d when dynamic partitioning is enabled", leastWideMB)
		}
		b.Bytes = int64(*mb) << 20
	}
	if age := s.Hints.Seconds; age != nil {
		if *age < 0 || *age > 900 {
			return b, fault.Newf(fault.Invalid, "BufferingHints", "IntervalInSeconds %d is not from 0 to 900", *age)
		}
		b.Age = time.Duration(*age) * time.Second
	}
	return b, nil
}

// bucketOf is the bucket that an ARN names.
func bucketOf(name, arn string) (string, error) {
	bucket, ok := strings.CutPrefix(arn, "arn:aws:s3:::")
	if !ok || lake.CheckBucketName(bucket) != nil {
		return "", fault.Newf(fault.Invalid, name, "%q is not the ARN of a bucket", arn)
	}
	return bucket, nil
}
