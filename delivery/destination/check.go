package destination

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"flowlake/access"
	"flowlake/columnar"
	"flowlake/columnar/parquet"
	"flowlake/delivery"
	"flowlake/delivery/convert"
	"flowlake/delivery/prefix"
	"flowlake/delivery/process"
	"flowlake/fault"
)

// compiled are settings made ready.
type compiled struct {
	Settings
	bucket, backupBucket string
	layout, backup       *prefix.Layout
	pipeline             *process.Pipeline
}

// Compression formats, each with what an object's name ends with and its Content-Encoding. The service names both of Snappy's
// forms .snappy, where the developer guide says .hsnappy of Hadoop's.
var compressions = map[string]struct{ extension, encoding string }{
	"": {}, "UNCOMPRESSED": {}, "GZIP": {".gz", "gzip"}, "ZIP": {".zip", "zip"}, "Snappy": {".snappy", "snappy-java"}, "HADOOP_SNAPPY": {".snappy", "hadoop-snappy"},
}

var (
	extensionForm = regexp.MustCompile(`^(|\.[0-9a-z!\-_.*'()]+)$`)
	noBlank       = regexp.MustCompile(`^\S+$`)
)

// compile checks settings as AWS does, and makes them ready. Its errors are fault.Invalid, and fault.Unsupported for what flowlake
// does not do.
func (s Settings) compile(functions bool) (*compiled, error) {
	c, err := s.places()
	if err != nil {
		return nil, err
	}
	if _, err := s.Buffer(); err != nil {
		return nil, err
	}
	if s.Conversion != nil {
		if err := s.Conversion.check(); err != nil {
			return nil, err
		}
	}
	if s.converts() && s.Compression != "" && s.Compression != "UNCOMPRESSED" {
		return nil, fault.Newf(fault.Invalid, "CompressionFormat", "must be UNCOMPRESSED when data format conversion is enabled: the serializer has a compression of its own")
	}
	if c.pipeline, err = process.New(s.processors(), functions); err != nil {
		return nil, err
	}
	return c, c.checkPartitioning()
}

// places makes ready what says where objects go, and nothing else.
func (s Settings) places() (*compiled, error) {
	c := &compiled{Settings: s}
	var err error
	if c.bucket, err = s.S3.check(""); err != nil {
		return nil, err
	}
	if len(s.Extension) > longestExtension || !extensionForm.MatchString(s.Extension) {
		return nil, fault.Newf(fault.Invalid, "FileExtension", "%q does not satisfy ^(|\\.[0-9a-z!\\-_.*'()]+)$, or is longer than %d", s.Extension, longestExtension)
	}
	extension := compressions[s.Compression].extension
	if s.converts() {
		extension = ".parquet"
	}
	if s.Extension != "" {
		extension = s.Extension // it takes the other's place
	}
	c.layout, err = prefix.New(prefix.Settings{Prefix: s.Prefix, Error: s.ErrorPrefix, Zone: s.Zone, Dynamic: s.partitions(), Extension: extension})
	if err != nil {
		return nil, err
	}
	switch s.BackupMode {
	case "", BackupDisabled:
	case BackupEnabled:
		if s.Backup == nil {
			return nil, fault.Newf(fault.Invalid, "S3BackupConfiguration", "is required when S3BackupMode is Enabled")
		}
	default:
		return nil, fault.Newf(fault.Invalid, "S3BackupMode", "%q is neither Enabled nor Disabled", s.BackupMode)
	}
	if s.Backup != nil {
		if c.backupBucket, err = s.Backup.check("S3BackupConfiguration."); err != nil {
			return nil, err
		}
		c.backup, err = prefix.New(prefix.Settings{Prefix: s.Backup.Prefix, Error: s.Backup.ErrorPrefix, Zone: s.Zone, Extension: compressions[s.Backup.Compression].extension})
		if err != nil {
			return nil, err
		}
	}
	return c, nil
}

// check checks a place in a bucket, and returns the bucket.
func (s S3) check(within string) (bucket string, err error) {
	if bucket, err = bucketOf(within+"BucketARN", s.BucketARN); err != nil {
		return "", err
	}
	if err := access.CheckRole(within+"RoleARN", s.RoleARN); err != nil {
		return "", err
	}
	if _, ok := compressions[s.Compression]; !ok {
		return "", fault.Newf(fault.Invalid, within+"CompressionFormat", "%q is not one of [ZIP, HADOOP_SNAPPY, Snappy, GZIP, UNCOMPRESSED]", s.Compression)
	}
	return bucket, nil
}

// check checks a conversion. What is required is so only while it is enabled.
func (v *Conversion) check() error {
	bad := func(name, format string, args ...any) error { return fault.Newf(fault.Invalid, name, format, args...) }
	if s := v.Schema; s != nil {
		for _, m := range []struct{ name, value string }{{"CatalogId", s.CatalogID}, {"DatabaseName", s.Database}, {"TableName", s.Table}, {"Region", s.Region}, {"VersionId", s.VersionID}} {
			if m.value != "" && (len(m.value) > 1024 || !noBlank.MatchString(m.value)) {
				return bad("SchemaConfiguration."+m.name, "%q has blanks, or more than 1024 characters", m.value)
			}
		}
		if s.VersionID != "" && s.VersionID != "LATEST" {
			return fault.Newf(fault.Unsupported, "SchemaConfiguration.VersionId", "flowlake keeps the latest version of a table only: %q must be LATEST", s.VersionID)
		}
	}
	if in := v.Input; in != nil && in.OpenX != nil {
		for column, key := range in.OpenX.Mappings {
			if len(column) > 1024 || len(key) > 1024 || !noBlank.MatchString(column) || strings.TrimSpace(key) == "" {
				return bad("ColumnToJsonKeyMappings", "%q: %q is not a column's name and a key of 1 to 1024 characters", column, key)
			}
		}
	}
	if out := v.Output; out != nil && out.Parquet != nil {
		p := out.Parquet
		switch {
		case p.Compression != "" && !slices.Contains(parquetNames, p.Compression):
			return bad("ParquetSerDe.Compression", "%q is not one of [SNAPPY, GZIP, UNCOMPRESSED], or flowlake's own ZSTD", p.Compression)
		case p.BlockSizeBytes != nil && *p.BlockSizeBytes < 64<<20:
			return bad("ParquetSerDe.BlockSizeBytes", "must have value greater than or equal to %d", 64<<20)
		case p.PageSizeBytes != nil && *p.PageSizeBytes < 64<<10:
			return bad("ParquetSerDe.PageSizeBytes", "must have value greater than or equal to %d", 64<<10)
		case p.MaxPaddingBytes != nil && *p.MaxPaddingBytes < 0:
			return bad("ParquetSerDe.MaxPaddingBytes", "must have value greater than or equal to 0")
		case p.WriterVersion != "" && p.WriterVersion != "V1" && p.WriterVersion != "V2":
			return bad("ParquetSerDe.WriterVersion", "%q is not one of [V1, V2]", p.WriterVersion)
		}
	}
	if !v.Enabled {
		return nil
	}
	switch {
	case v.Schema == nil:
		return bad("SchemaConfiguration", "is required when data format conversion is enabled")
	case v.Input == nil || (v.Input.OpenX == nil) == (v.Input.Hive == nil):
		return bad("InputFormatConfiguration", "exactly one deserializer, OpenXJsonSerDe or HiveJsonSerDe, is required when data format conversion is enabled")
	case v.Output == nil || v.Output.Parquet == nil:
		return bad("OutputFormatConfiguration", "a serializer, ParquetSerDe, is required when data format conversion is enabled")
	case v.Schema.Database == "" || v.Schema.Table == "":
		return bad("SchemaConfiguration", "DatabaseName and TableName are required when data format conversion is enabled")
	}
	return access.CheckRole("SchemaConfiguration.RoleARN", v.Schema.RoleARN)
}

// parquetNames are Parquet's compressions as the settings spell them.
var parquetNames = []string{"SNAPPY", "GZIP", "UNCOMPRESSED", "ZSTD"}

func (s *Settings) parquetCompression() parquet.Compression {
	switch s.Conversion.Output.Parquet.Compression {
	case "GZIP":
		return parquet.Gzip
	case "UNCOMPRESSED":
		return parquet.Uncompressed
	case "ZSTD":
		return parquet.Zstd
	}
	return parquet.Snappy
}

// checkPartitioning holds the prefix's partition keys against the processors that give them.
func (c *compiled) checkPartitioning() error {
	query, lambda := c.layout.QueryKeys(), c.layout.LambdaKeys()
	known, told := c.pipeline.Keys()
	switch {
	case len(query) > 0 && !c.pipeline.HasQuery():
		return fault.Newf(fault.Invalid, "processor "+process.MetadataExtraction, "should be present when S3 Prefix has partitionKeyFromQuery namespace")
	case len(lambda) > 0 && !c.pipeline.Transforms():
		return fault.Newf(fault.Invalid, "processor "+process.Lambda, "should be present when S3 Prefix has partitionKeyFromLambda namespace")
	case c.pipeline.HasQuery() && !c.partitions():
		return fault.Newf(fault.Invalid, "processor "+process.MetadataExtraction, "extracts partition keys, and dynamic partitioning is not enabled")
	}
	for _, k := range query {
		if told && !slices.Contains(known, k) {
			return fault.Newf(fault.Invalid, "Prefix", "partitionKeyFromQuery:%s is not in MetadataExtractionQuery, which gives %s", k, strings.Join(known, ", "))
		}
	}
	return nil
}

// options are how the conversion's deserializer reads JSON.
func (s *Settings) options() convert.Options {
	if h := s.Conversion.Input.Hive; h != nil {
		return convert.Options{CaseInsensitive: true, Timestamps: h.Timestamps}
	}
	o := s.Conversion.Input.OpenX
	return convert.Options{CaseInsensitive: o.CaseInsensitive == nil || *o.CaseInsensitive, Mappings: o.Mappings, Dots: o.Dots != nil && *o.Dots}
}

// table is where the conversion's table is.
func (s *Settings) table(stream delivery.Stream) delivery.TableRef {
	r := delivery.TableRef{Region: s.Conversion.Schema.Region, Database: s.Conversion.Schema.Database, Table: s.Conversion.Schema.Table}
	if r.Region == "" {
		r.Region = stream.Region
	}
	return r
}

// read reads a stream's settings.
func (w *Writer) read(s delivery.Stream) (*compiled, error) {
	var settings Settings
	if err := json.Unmarshal(s.Settings, &settings); err != nil {
		return nil, fault.Newf(fault.Internal, "delivery stream "+s.Name, "its settings cannot be read: %w", err)
	}
	return settings.compile(w.functions)
}

// Check refuses settings that AWS refuses, those that flowlake does not do, and a conversion by a table that is not there or that
// its options do not fit.
func (w *Writer) Check(ctx context.Context, _ access.Caller, s delivery.Stream) error {
	settings, err := w.read(s)
	if err != nil || !settings.converts() {
		return err
	}
	if id := settings.Conversion.Schema.CatalogID; id != "" && id != s.Account {
		return fault.Newf(fault.Unsupported, "SchemaConfiguration.CatalogId", "%s: the catalogue of another account is not here", id)
	}
	plan, err := w.table(ctx, s, settings)
	if fault.Is(err, fault.Denied) {
		return fault.Newf(fault.Invalid, "SchemaConfiguration", "Access was denied when calling Glue. Please ensure that the role specified in the data format conversion configuration has the necessary permissions. %s", access.Explain(err))
	}
	if err != nil {
		return err
	}
	if _, err := plan.converter(settings); err != nil {
		return err
	}
	if why := settings.unregistered(plan); why != "" {
		w.log.Warn("a stream's partitions will not be registered", "stream", s.Name, "table", plan.Database+"."+plan.Name, "reason", why)
	}
	return nil
}

// converter makes the plan's table a converter.
func (p *tablePlan) converter(s *compiled) (*convert.Converter, error) {
	columns := make([]columnar.Column, len(p.Columns))
	for i, col := range p.Columns {
		t, err := columnar.ParseType(col.Type)
		if err != nil {
			return nil, fault.Newf(fault.KindOf(err), "table "+p.Database+"."+p.Name, "column %s: %w", col.Name, err)
		}
		columns[i] = columnar.Column{Name: col.Name, Type: t}
	}
	return convert.New(columns, s.options())
}
