package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	gluetypes "github.com/aws/aws-sdk-go-v2/service/glue/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	doorflowlake "flowlake/aws/flowlake"
	"flowlake/catalog"
	"flowlake/catalog/backfill"
	"flowlake/fault"
	"flowlake/lake"
)

// steadfast tries for about half a minute what a server may answer when it has started again: a conversion of hours does not
// end because of a restart.
type steadfast struct{ aws.RetryerV2 }

func newSteadfast() aws.Retryer {
	return steadfast{retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = attempts
		o.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) { return patience(attempt), nil })
		o.RateLimiter = unlimited{}
	})}
}

// attempts and the pauses between them are half a minute and more.
const attempts = 13

// patience is how long to wait after an attempt, counted from 1: a tenth of a second at first, five seconds at most.
func patience(attempt int) time.Duration {
	longest := min(100*time.Millisecond<<min(max(attempt-1, 0), 10), 5*time.Second)
	return longest - time.Duration(rand.Int64N(int64(longest/2))) // not all at the same moment
}

// IsErrorRetryable reports whether another attempt may help: it may where nobody listens now.
func (s steadfast) IsErrorRetryable(err error) bool {
	dial, ok := errors.AsType[*net.OpError](err)
	return ok && dial.Op == "dial" || s.RetryerV2.IsErrorRetryable(err)
}

// unlimited lets every attempt be made: their number is bounded for each call.
type unlimited struct{}

func (unlimited) GetToken(context.Context, uint) (func() error, error) {
	return func() error { return nil }, nil
}
func (unlimited) AddTokens(uint) error { return nil }

// asFault gives an answer of S3's its kind.
func asFault(what string, err error) error {
	res, ok := errors.AsType[*awshttp.ResponseError](err)
	if !ok {
		return err
	}
	kind := fault.Unavailable
	switch res.HTTPStatusCode() {
	case http.StatusNotFound:
		kind = fault.NotFound
	case http.StatusForbidden:
		kind = fault.Denied
	case http.StatusPreconditionFailed, http.StatusConflict:
		kind = fault.Precondition
	default:
		return err
	}
	return fault.Newf(kind, what, "%w", err)
}

// convertObjects is the lake through the S3 door.
type convertObjects struct {
	client *s3.Client
	cfg    aws.Config
}

var _ backfill.Objects = convertObjects{}

// Get returns a small object.
func (o convertObjects) Get(ctx context.Context, bucket, key string) ([]byte, error) {
	out, err := o.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return nil, asFault("object s3://"+bucket+"/"+key, err)
	}
	defer out.Body.Close()
	return io.ReadAll(out.Body)
}

// Put writes an object.
func (o convertObjects) Put(ctx context.Context, bucket, key string, body io.ReadSeeker, size int64) (etag string, err error) {
	out, err := o.client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: body, ContentLength: &size})
	if err != nil {
		return "", asFault("object s3://"+bucket+"/"+key, err)
	}
	return aws.ToString(out.ETag), nil
}

// Move renames and removes objects at once, by flowlake's own operation. An attempt whose answer was lost is made again.
func (o convertObjects) Move(ctx context.Context, moves []lake.Move, removes []lake.Ref) error {
	body, err := json.Marshal(doorflowlake.MoveRequest{Moves: moves, Removes: removes})
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		answer, err := post(ctx, o.cfg, "flowlake", doorflowlake.MovePath, body, http.Header{})
		if err == nil {
			return answer.Close()
		}
		refused, answered := errors.AsType[*refusal](err)
		switch {
		case answered && refused.status == http.StatusNotFound:
			return fault.Newf(fault.NotFound, "move of "+count(int64(len(moves)), "object"), "%w", err)
		case answered && refused.status == http.StatusPreconditionFailed:
			return fault.Newf(fault.Precondition, "move of "+count(int64(len(moves)), "object"), "%w", err)
		case answered && refused.status < 500 || n == attempts || ctx.Err() != nil:
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(patience(n)):
		}
	}
}

// PutNew writes an object that is not there. An attempt whose answer was lost may have written it: what is there then is the same.
func (o convertObjects) PutNew(ctx context.Context, bucket, key string, body []byte) error {
	_, err := o.client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(body), IfNoneMatch: aws.String("*")})
	err = asFault("object s3://"+bucket+"/"+key, err)
	if fault.Is(err, fault.Precondition) {
		if there, getErr := o.Get(ctx, bucket, key); getErr == nil && bytes.Equal(there, body) {
			return nil
		}
	}
	return err
}

// Delete removes an object.
func (o convertObjects) Delete(ctx context.Context, bucket, key string) error {
	_, err := o.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &key})
	return asFault("object s3://"+bucket+"/"+key, err)
}

// Has reports whether an object is there.
func (o convertObjects) Has(ctx context.Context, bucket, key string) (bool, error) {
	_, err := o.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
	if err = asFault("object s3://"+bucket+"/"+key, err); fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// Keys yields keys below a prefix; a bucket that is not there has none.
func (o convertObjects) Keys(ctx context.Context, bucket, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		pages := s3.NewListObjectsV2Paginator(o.client, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err = asFault("bucket "+bucket, err); fault.Is(err, fault.NotFound) {
				return
			}
			if err != nil {
				yield("", err)
				return
			}
			for _, obj := range page.Contents {
				if !yield(*obj.Key, nil) {
					return
				}
			}
		}
	}
}

// convertPartitions is a table's part of the catalogue through the Glue door.
type convertPartitions struct {
	client          *glue.Client
	database, table string
}

var _ backfill.Partitions = convertPartitions{}

// Find returns those of the partitions that are registered.
func (p convertPartitions) Find(ctx context.Context, values [][]string) (found []catalog.Partition, err error) {
	for len(values) > 0 {
		n := min(len(values), 1000) // Glue's limit
		in := &glue.BatchGetPartitionInput{DatabaseName: &p.database, TableName: &p.table}
		for _, v := range values[:n] {
			in.PartitionsToGet = append(in.PartitionsToGet, gluetypes.PartitionValueList{Values: v})
		}
		values = values[n:]
		out, err := p.client.BatchGetPartition(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, g := range out.Partitions {
			found = append(found, catalog.Partition{Values: g.Values, Storage: storageOf(g.StorageDescriptor)})
		}
	}
	return found, nil
}

// Add registers partitions.
func (p convertPartitions) Add(ctx context.Context, ps []catalog.Partition) error {
	for len(ps) > 0 {
		n := min(len(ps), 100) // Glue's limit
		in := &glue.BatchCreatePartitionInput{DatabaseName: &p.database, TableName: &p.table}
		for _, one := range ps[:n] {
			in.PartitionInputList = append(in.PartitionInputList, gluetypes.PartitionInput{Values: one.Values, StorageDescriptor: descriptorOf(one.Storage)})
		}
		ps = ps[n:]
		out, err := p.client.BatchCreatePartition(ctx, in)
		if err != nil {
			return err
		}
		for _, e := range out.Errors {
			if e.ErrorDetail == nil || aws.ToString(e.ErrorDetail.ErrorCode) == "AlreadyExistsException" {
				continue
			}
			return fault.Newf(fault.Unavailable, "partition "+p.database+"."+p.table, "register %v: %s: %s", e.PartitionValues, aws.ToString(e.ErrorDetail.ErrorCode), aws.ToString(e.ErrorDetail.ErrorMessage))
		}
	}
	return nil
}

// some returns a few partitions, to see how they are spelled and where they lie.
func (p convertPartitions) some(ctx context.Context) (ps []catalog.Partition, err error) {
	out, err := p.client.GetPartitions(ctx, &glue.GetPartitionsInput{DatabaseName: &p.database, TableName: &p.table, MaxResults: aws.Int32(100)})
	if err != nil {
		return nil, err
	}
	for _, g := range out.Partitions {
		ps = append(ps, catalog.Partition{Values: g.Values, Storage: storageOf(g.StorageDescriptor)})
	}
	return ps, nil
}

// tableFromGlue is a table as the Glue door gives it, as far as a conversion asks.
func tableFromGlue(g *gluetypes.Table) catalog.Table {
	return catalog.Table{Database: aws.ToString(g.DatabaseName), Name: aws.ToString(g.Name), Kind: aws.ToString(g.TableType), Parameters: g.Parameters,
		PartitionKeys: columnsOf(g.PartitionKeys), Storage: storageOf(g.StorageDescriptor)}
}

func storageOf(d *gluetypes.StorageDescriptor) (s catalog.Storage) {
	if d == nil {
		return s
	}
	s = catalog.Storage{Columns: columnsOf(d.Columns), Location: aws.ToString(d.Location), InputFormat: aws.ToString(d.InputFormat), OutputFormat: aws.ToString(d.OutputFormat), Compressed: d.Compressed, Parameters: d.Parameters}
	if d.SerdeInfo != nil {
		s.SerDe = catalog.SerDe{Name: aws.ToString(d.SerdeInfo.Name), Library: aws.ToString(d.SerdeInfo.SerializationLibrary), Parameters: d.SerdeInfo.Parameters}
	}
	return s
}

func descriptorOf(s catalog.Storage) *gluetypes.StorageDescriptor {
	return &gluetypes.StorageDescriptor{Columns: glueColumns(s.Columns), Location: &s.Location, InputFormat: &s.InputFormat, OutputFormat: &s.OutputFormat, Compressed: s.Compressed,
		Parameters: s.Parameters, SerdeInfo: &gluetypes.SerDeInfo{SerializationLibrary: &s.SerDe.Library, Parameters: s.SerDe.Parameters}}
}

func columnsOf(cs []gluetypes.Column) (out []catalog.Column) {
	for _, c := range cs {
		out = append(out, catalog.Column{Name: aws.ToString(c.Name), Type: aws.ToString(c.Type), Comment: aws.ToString(c.Comment)})
	}
	return out
}

func glueColumns(cs []catalog.Column) (out []gluetypes.Column) {
	for _, c := range cs {
		out = append(out, gluetypes.Column{Name: &c.Name, Type: &c.Type})
	}
	return out
}
