package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"flowlake/catalog"
	"flowlake/catalog/backfill"
	"flowlake/fault"
	"flowlake/flow"
)

// convertInputs lists what is to be converted, in the order of names, each file once. Folders are walked without what is
// hidden, and without below, the table's own location.
func convertInputs(ctx context.Context, client *s3.Client, args []string, below string) (inputs []backfill.Input, err error) {
	for _, arg := range args {
		before := len(inputs)
		switch rest, remote := strings.CutPrefix(arg, "s3://"); {
		case remote:
			inputs, err = listS3(ctx, client, inputs, rest, below)
		case arg == "-":
			err = usagef("standard input cannot be read again after an interruption: save it to a file, and convert that")
		default:
			inputs, err = listLocal(inputs, arg)
		}
		if err != nil {
			return nil, err
		}
		if len(inputs) == before {
			return nil, fmt.Errorf("%s has no file to convert", arg)
		}
	}
	slices.SortFunc(inputs, func(a, b backfill.Input) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(inputs, func(a, b backfill.Input) bool { return a.Name == b.Name }), nil
}

func listLocal(inputs []backfill.Input, arg string) ([]backfill.Input, error) {
	root, err := filepath.Abs(arg)
	if err == nil {
		root, err = filepath.EvalSymlinks(root)
	}
	if err != nil {
		return nil, err
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); path != root && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		st, err := os.Stat(path) // a link counts as what it names
		if err != nil || st.IsDir() || !st.Mode().IsRegular() {
			if path == root && err == nil && !st.IsDir() {
				return usagef("%s is neither a file nor a folder", arg)
			}
			return err
		}
		inputs = append(inputs, localInput(path, st))
		return nil
	})
	return inputs, err
}

func localInput(path string, st fs.FileInfo) backfill.Input {
	return backfill.Input{Name: path, Size: st.Size(), Stamp: strconv.FormatInt(st.ModTime().UnixNano(), 10)}
}

// listS3 lists an object, a folder of objects, or, with a * at the end, the objects whose keys begin so.
func listS3(ctx context.Context, client *s3.Client, inputs []backfill.Input, rest, below string) ([]backfill.Input, error) {
	bucket, prefix, _ := strings.Cut(rest, "/")
	prefix, open := strings.CutSuffix(prefix, "*")
	if bucket == "" || strings.Contains(prefix, "*") {
		return nil, usagef("s3://%s is not s3://bucket/folder/, an object, or the beginning of keys with * at its end", rest)
	}
	if !open && prefix != "" && !strings.HasSuffix(prefix, "/") {
		head, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &prefix})
		if err == nil {
			return append(inputs, backfill.Input{Name: "s3://" + bucket + "/" + prefix, Size: aws.ToInt64(head.ContentLength), Stamp: aws.ToString(head.ETag)}), nil
		}
		if err = asFault("object s3://"+rest, err); !fault.Is(err, fault.NotFound) {
			return nil, err
		}
		prefix += "/"
	}
	if table := strings.TrimPrefix(below, "s3://"); below != "" && strings.HasPrefix(bucket+"/"+prefix, table) {
		return nil, usagef("s3://%s lies in the table's own location, %s", rest, below)
	}
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("s3://%s: %w", rest, err)
		}
		for _, o := range page.Contents {
			url := "s3://" + bucket + "/" + *o.Key
			relative := (*o.Key)[strings.LastIndexByte(prefix, '/')+1:]
			if below != "" && strings.HasPrefix(url, below) || strings.HasSuffix(url, "/") || !catalog.IsData(relative) && !strings.HasSuffix(url, "/aws-logs-write-test") {
				continue
			}
			inputs = append(inputs, backfill.Input{Name: url, Size: aws.ToInt64(o.Size), Stamp: aws.ToString(o.ETag)})
		}
	}
	return inputs, nil
}

// convertSource opens files and objects.
type convertSource struct{ client *s3.Client }

var _ backfill.Source = convertSource{}

// Open opens an input as it was listed.
func (s convertSource) Open(ctx context.Context, in backfill.Input, limit int64) (io.ReadCloser, error) {
	rest, remote := strings.CutPrefix(in.Name, "s3://")
	if !remote {
		return openLocal(in)
	}
	bucket, key, _ := strings.Cut(rest, "/")
	if in.Size == 0 {
		limit = 0 // there is no range of nothing
	}
	r := &objectReader{ctx: ctx, client: s.client, bucket: bucket, key: key, in: in, limit: limit}
	return r, r.open()
}

// localFile is a file that must be the listed one from its first byte to its last.
type localFile struct {
	*os.File
	in backfill.Input
}

func openLocal(in backfill.Input) (io.ReadCloser, error) {
	f, err := os.Open(in.Name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.Newf(fault.NotFound, "file "+in.Name, "%w", err)
	case errors.Is(err, fs.ErrPermission):
		return nil, fault.Newf(fault.Denied, "file "+in.Name, "%w", err)
	case err != nil:
		return nil, err
	}
	l := localFile{f, in}
	if err := l.check(); err != nil {
		f.Close()
		return nil, err
	}
	return l, nil
}

func (l localFile) check() error {
	st, err := l.Stat()
	if err != nil {
		return err
	}
	if localInput(l.in.Name, st) != l.in {
		return fault.Newf(fault.Conflict, "file "+l.in.Name, "it changed since it was listed")
	}
	return nil
}

// Read looks at the file once more where it ends.
func (l localFile) Read(p []byte) (int, error) {
	n, err := l.File.Read(p)
	if err == io.EOF {
		if changed := l.check(); changed != nil {
			err = changed
		}
	}
	return n, err
}

// objectReader reads an object, and goes on where a connection broke, a bounded number of times in a row.
type objectReader struct {
	ctx         context.Context // of the one conversion that reads
	client      *s3.Client
	bucket, key string
	in          backfill.Input
	limit, at   int64
	body        io.ReadCloser
	broken      int
}

// maxBroken is how often in a row, without a byte between, a connection may break.
const maxBroken = 5

func (r *objectReader) open() error {
	in := &s3.GetObjectInput{Bucket: &r.bucket, Key: &r.key, IfMatch: &r.in.Stamp}
	switch {
	case r.limit > 0:
		in.Range = aws.String(fmt.Sprintf("bytes=%d-%d", r.at, r.limit-1))
	case r.at > 0:
		in.Range = aws.String(fmt.Sprintf("bytes=%d-", r.at))
	}
	out, err := r.client.GetObject(r.ctx, in)
	if err = asFault("file "+r.in.Name, err); err != nil {
		if fault.Is(err, fault.Precondition) {
			return fault.Newf(fault.Conflict, "file "+r.in.Name, "it changed since it was listed")
		}
		return err
	}
	r.body = out.Body
	return nil
}

// Read gives the object's next bytes.
func (r *objectReader) Read(p []byte) (int, error) {
	for {
		n, err := r.body.Read(p)
		if r.at += int64(n); n > 0 {
			r.broken = 0
			return n, nil
		}
		end := r.in.Size
		if r.limit > 0 {
			end = min(end, r.limit)
		}
		if err == nil || err == io.EOF && r.at >= end || r.ctx.Err() != nil {
			return 0, err
		}
		if r.broken++; r.broken > maxBroken {
			return 0, fmt.Errorf("%s: the connection broke at byte %d, %d times: %w", r.in.Name, r.at, r.broken, err)
		}
		select {
		case <-r.ctx.Done():
		case <-time.After(time.Duration(r.broken) * 200 * time.Millisecond):
		}
		r.body.Close()
		if err := r.open(); err != nil {
			return 0, err
		}
	}
}

// Close ends the reading.
func (r *objectReader) Close() error {
	if r.body == nil {
		return nil
	}
	return r.body.Close()
}

// sniffer looks at files' beginnings, several at a time, and remembers what it saw.
type sniffer struct {
	source backfill.Source
	format []flow.Field
	timed  bool // rows need a time
	seen   map[string]backfill.Found
}

func (s *sniffer) look(ctx context.Context, inputs []backfill.Input) ([]backfill.Found, error) {
	found := make([]backfill.Found, len(inputs))
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(16)
	for i, in := range inputs {
		if f, seen := s.seen[in.Name]; seen && f.Input == in {
			found[i] = f
			continue
		}
		work.Go(func() (err error) {
			found[i], err = backfill.Sniff(ctx, s.source, in, s.format)
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return nil, err
	}
	for i := range found {
		f := &found[i]
		if s.timed && f.Why == "" && len(f.Fields) > 0 && !slices.ContainsFunc(f.Fields, func(field flow.Field) bool { return field.Name == "start" || field.Name == "end" }) {
			f.Why = "has neither the field start nor end, which the table's partitions follow from"
		}
		s.seen[f.Name] = *f
	}
	return found, nil
}
