package vpc

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"time"

	"github.com/klauspost/compress/gzip"

	"flowlake/access"
	"flowlake/delivery"
	"flowlake/fault"
	"flowlake/flow"
	"flowlake/lake"
)

// fileSettings are what the files of a flow log are made by; its delivery stream keeps them.
type fileSettings struct {
	FlowLog string  `json:"flowLog"`
	Account string  `json:"account"`
	Region  string  `json:"region"`
	Bucket  string  `json:"bucket"`
	Folder  string  `json:"folder,omitempty"` // ends in a slash
	Format  string  `json:"format"`
	Options Options `json:"options"`
}

// Prefix is the folder below which a flow log's files lie, up to the part that is the time's.
//
// Source: VPC user guide, "Flow log files".
func (o Options) Prefix(folder, account, region string) string {
	if o.Hive {
		return folder + "AWSLogs/aws-account-id=" + account + "/aws-service=vpcflowlogs/aws-region=" + region + "/"
	}
	return folder + "AWSLogs/" + account + "/vpcflowlogs/" + region + "/"
}

// period is the part of a file's folder that is the time's.
func (o Options) period(t time.Time) string {
	layout := "2006/01/02/"
	if o.Hive {
		layout = "year=2006/month=01/day=02/"
	}
	if o.Hourly {
		layout += map[bool]string{true: "hour=15/", false: "15/"}[o.Hive]
	}
	return t.UTC().Format(layout)
}

// key is where a batch's file lies: it follows from the batch, so that a batch that is written again is the same file.
// Its time is that of the five minutes in which its oldest record came. The last part looks like a hash and is the batch's number,
// shuffled: of 32 random bits two would be the same one day, and the second file would replace the first.
func (f fileSettings) key(b *delivery.Batch) string {
	at := b.Oldest.UTC().Truncate(5 * time.Minute)
	name := f.Account + "_vpcflowlogs_" + f.Region + "_" + f.FlowLog + "_" + at.Format("20060102T1504Z") + "_" + fmt.Sprintf("%08x", shuffle(f.FlowLog, b.Number))
	if f.Options.Parquet {
		name += ".log.parquet"
	} else {
		name += ".log.gz"
	}
	return f.Options.Prefix(f.Folder, f.Account, f.Region) + f.Options.period(at) + name
}

// shuffle gives each of 2³² numbers in a row another value; which, the flow log decides.
func shuffle(flowLog string, number uint64) uint32 {
	seed := fnv.New32a()
	seed.Write([]byte(flowLog))
	n := uint32(number) ^ seed.Sum32() // each step can be undone, so that no two numbers meet
	for range 2 {
		n *= 0x9e3779b1
		n ^= n >> 15
	}
	return n
}

// files writes the files of flow logs to S3.
type files struct{}

var _ delivery.Writer = files{}

// Roles are none: the log delivery service writes as itself, where the bucket's policy lets it.
func (files) Roles(delivery.Stream) ([]delivery.Role, error) { return nil, nil }

// Check refuses settings that this program did not make.
func (files) Check(_ context.Context, _ access.Caller, s delivery.Stream) error {
	_, _, err := readSettings(s)
	return err
}

// Plan holds on to nothing: a flow log's settings never change.
func (files) Plan(context.Context, delivery.Stream) (json.RawMessage, error) { return nil, nil }

func readSettings(s delivery.Stream) (f fileSettings, fields []flow.Field, err error) {
	if err := json.Unmarshal(s.Settings, &f); err != nil {
		return f, nil, fault.Newf(fault.Invalid, "flow log "+s.Name, "its settings cannot be read: %w", err)
	}
	fields, err = flow.ParseFormat(f.Format)
	return f, fields, err
}

// Write makes one file of a batch.
func (files) Write(ctx context.Context, b *delivery.Batch, out *delivery.Output) error {
	f, fields, err := readSettings(b.Stream)
	if err != nil {
		return err
	}
	contentType := "application/x-gzip"
	if f.Options.Parquet {
		contentType = "application/octet-stream"
	}
	object, err := out.Create(ctx, b.Stream.Caller, lake.PutInput{Bucket: f.Bucket, Key: f.key(b), Size: -1, ACL: fileACL, Headers: lake.Headers{ContentType: contentType}})
	if err != nil {
		return err
	}
	var file recordFile
	if f.Options.Parquet {
		file, err = newParquetFile(object, fields)
	} else {
		file, err = newTextFile(object, fields)
	}
	if err != nil {
		return err
	}
	for segment, err := range b.Segments(ctx) {
		if err != nil {
			return err
		}
		for _, r := range segment.Records {
			if err := file.add(r.Data); err != nil {
				return err
			}
		}
		out.Delivered(int64(len(segment.Records)))
	}
	if err := file.close(); err != nil {
		return err
	}
	return object.Close()
}

// recordFile is a file of records under way. close does not close what is below it.
type recordFile interface {
	add(line []byte) error
	close() error
}

// textFile is a line of field names and the records' lines, in one gzip member.
type textFile struct {
	zip *gzip.Writer
	buf *bufio.Writer
}

func newTextFile(w io.Writer, fields []flow.Field) (*textFile, error) {
	zip := gzip.NewWriter(w)
	t := &textFile{zip, bufio.NewWriterSize(zip, 64<<10)}
	_, err := t.buf.WriteString(flow.Header(fields) + "\n")
	return t, err
}

func (t *textFile) add(line []byte) error {
	t.buf.Write(line)
	return t.buf.WriteByte('\n')
}

func (t *textFile) close() error {
	if err := t.buf.Flush(); err != nil {
		return err
	}
	return t.zip.Close()
}

// fileURL is a location as tables have it.
func fileURL(bucket, key string) string { return "s3://" + bucket + "/" + key }
