package main

import (
	"compress/flate"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/klauspost/compress/gzip"

	"flowlake/flow"
)

// maxOpenDays bounds how many dates of one file are written at a time; a file of more dates than
// that writes some dates in several objects.
const maxOpenDays = 64

// bucketImport lays records out in a bucket as flow-log delivery does.
type bucketImport struct {
	client                          *s3.Client
	bucket, prefix, account, region string
	log                             io.Writer

	skipInvalid bool // lines that cannot be filed are left out and counted; otherwise they stop the import

	records, objects, skipped int64
	firstSkipped              string
}

func (b *bucketImport) run(ctx context.Context, files []string, read io.Writer) error {
	_, missing := b.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &b.bucket}) // in us-east-1 S3 makes one's own bucket again
	_, err := b.client.CreateBucket(ctx, b.newBucket())
	var owned *types.BucketAlreadyOwnedByYou
	switch {
	case errors.As(err, &owned):
	case err != nil:
		return asNoServer(err)
	case missing != nil:
		note(b.log, "created bucket %s", b.bucket)
	}
	for _, f := range files {
		if err := b.file(ctx, f, read); err != nil {
			if b.objects > 0 {
				note(b.log, "before that, %s went in", count(b.objects, "object"))
			}
			return err
		}
	}
	if b.skipped > 0 {
		note(b.log, "left out %s without a start time; the first is %s", count(b.skipped, "line"), b.firstSkipped)
	}
	note(b.log, "imported %s into %s under s3://%s/%s", count(b.records, "record"), count(b.objects, "object"), b.bucket, b.folder())
	return nil
}

func (b *bucketImport) newBucket() *s3.CreateBucketInput {
	in := &s3.CreateBucketInput{Bucket: &b.bucket}
	if b.region != "us-east-1" { // S3 refuses that one as a constraint
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(b.region)}
	}
	return in
}

// folder is what all keys begin with.
func (b *bucketImport) folder() string {
	p := b.prefix
	if p != "" && !strings.HasSuffix(p, "/") {
		p += "/"
	}
	return p + path.Join("AWSLogs", b.account, "vpcflowlogs", b.region) + "/"
}

// file reads one file's records and writes one object for each of their dates.
func (b *bucketImport) file(ctx context.Context, name string, read io.Writer) error {
	lines, err := openLines(name, read)
	if err != nil {
		return err
	}
	defer lines.close()
	days := &dayFiles{open: map[string]*dayFile{}}
	defer days.discard()
	var clock recordClock
	for {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if len(line) == 0 {
			continue
		}
		if _, record, ok := flow.CutExportTimestamp(line); ok {
			line = record
		}
		if clock.header(line) {
			if days.header != string(line) { // the files that one of another header is joined to are whole
				if err := b.putAll(ctx, days); err != nil {
					return err
				}
			}
			if days.header = string(line); clock.start < 0 {
				return fmt.Errorf("%s: the header in line %d has no field start: its records cannot be filed by date", name, lines.number)
			}
			continue
		}
		if days.header == "" {
			fields, ok := flow.Recognise(line)
			if !ok || flow.Header(fields) != flow.Header(flow.DefaultFormat()) {
				return fmt.Errorf("%s: line %d is no flow-log record of the default format, and the file has no header line: its columns cannot be known", name, lines.number)
			}
			days.header = flow.Header(fields)
		}
		at, ok := clock.read(line)
		if !ok && !b.skipInvalid {
			return fmt.Errorf("%s: line %d has no start time to file it under (--skip-invalid leaves such lines out)", name, lines.number)
		}
		if !ok {
			if b.skipped++; b.skipped == 1 {
				b.firstSkipped = fmt.Sprintf("%s: line %d", name, lines.number)
			}
			continue
		}
		full, err := days.add(at.UTC(), line)
		if err != nil {
			return err
		}
		b.records++
		if full != nil {
			if err := b.put(ctx, full); err != nil {
				return err
			}
		}
	}
	return b.putAll(ctx, days)
}

// putAll uploads the days that are open.
func (b *bucketImport) putAll(ctx context.Context, days *dayFiles) error {
	for _, d := range days.oldestFirst() {
		delete(days.open, d.date)
		if err := b.put(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// put uploads a finished day. Its name is made from its content, so that the same import again
// writes the same object.
func (b *bucketImport) put(ctx context.Context, d *dayFile) error {
	defer d.discard()
	if err := d.zip.Close(); err != nil {
		return fmt.Errorf("temporary file: %w", err)
	}
	size, err := d.tmp.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	if _, err := d.tmp.Seek(0, io.SeekStart); err != nil {
		return err
	}
	logID := sha256.Sum256([]byte(b.bucket + "/" + b.prefix))
	key := fmt.Sprintf("%s%s/%s_vpcflowlogs_%s_fl-%s_%sZ_%s.log.gz", b.folder(), d.date, b.account, b.region,
		hex.EncodeToString(logID[:])[:17], d.first.Format("20060102T1504"), hex.EncodeToString(d.sum.Sum(nil))[:8])
	_, err = b.client.PutObject(ctx, &s3.PutObjectInput{Bucket: &b.bucket, Key: &key, Body: d.tmp, ContentLength: &size})
	if err != nil {
		return asNoServer(fmt.Errorf("put s3://%s/%s: %w", b.bucket, key, err))
	}
	b.objects++
	return nil
}

// dayFiles are the dates that are being written.
type dayFiles struct {
	header string
	open   map[string]*dayFile
	clock  int64
}

// dayFile is one date's records, gathered in a temporary gzip file.
type dayFile struct {
	date  string // yyyy/MM/dd
	first time.Time
	tmp   *os.File
	zip   *gzip.Writer
	sum   interface {
		io.Writer
		Sum([]byte) []byte
	}
	used int64
}

// add writes a line under its date. When too many dates are open it hands back the one that has
// waited longest, to be put.
func (d *dayFiles) add(at time.Time, line []byte) (full *dayFile, err error) {
	date := at.Format("2006/01/02")
	day := d.open[date]
	if day == nil {
		if day, err = newDay(date, at, d.header); err != nil {
			return nil, err
		}
		d.open[date] = day
	}
	d.clock++
	day.used = d.clock
	if at.Before(day.first) {
		day.first = at
	}
	if err := day.write(line); err != nil {
		return nil, err
	}
	if len(d.open) > maxOpenDays {
		full = slices.MinFunc(d.oldestFirst(), func(a, b *dayFile) int { return int(a.used - b.used) })
		delete(d.open, full.date)
	}
	return full, nil
}

func newDay(date string, at time.Time, header string) (*dayFile, error) {
	tmp, err := os.CreateTemp("", "flowlake-import-*.gz")
	if err != nil {
		return nil, err
	}
	day := &dayFile{date: date, first: at, tmp: tmp, sum: sha256.New()}
	if day.zip, err = gzip.NewWriterLevel(tmp, flate.BestSpeed); err == nil {
		err = day.write([]byte(header))
	}
	if err != nil {
		day.discard()
		return nil, err
	}
	return day, nil
}

func (d *dayFile) write(line []byte) error {
	line = append(line[:len(line):len(line)], '\n')
	d.sum.Write(line)
	if _, err := d.zip.Write(line); err != nil {
		return fmt.Errorf("temporary file: %w", err)
	}
	return nil
}

func (d *dayFile) discard() {
	d.tmp.Close()
	os.Remove(d.tmp.Name())
}

func (d *dayFiles) oldestFirst() []*dayFile {
	var out []*dayFile
	for _, day := range d.open {
		out = append(out, day)
	}
	slices.SortFunc(out, func(a, b *dayFile) int { return strings.Compare(a.date, b.date) })
	return out
}

func (d *dayFiles) discard() {
	for _, day := range d.open {
		day.discard()
	}
}
