package firehose

import (
	"context"
	"strconv"

	"flowlake/access"
	"flowlake/aws/wire"
	"flowlake/delivery"
	"flowlake/fault"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"
)

// The limits of records. Source: Firehose developer guide, "Quotas"
const (
	maxRecord  = 1_024_000
	maxBatch   = 4 << 20
	maxRecords = 500
)

// put puts records, and returns how the first is named and whether the client asked for encryption.
func (d door) put(ctx context.Context, c access.Caller, name string, records [][]byte) (delivery.PutResult, bool, error) {
	s, err := d.room.Stream(ctx, c, delivery.KindFirehose, name)
	if err != nil {
		return delivery.PutResult{}, false, err
	}
	unpacks, err := d.writer.Decompresses(s)
	if err != nil {
		return delivery.PutResult{}, false, err
	}
	if unpacks {
		return delivery.PutResult{}, false, &wire.Error{Code: "InvalidSourceException",
			Message: "Only requests from CloudWatch Logs are supported when CloudWatch Logs decompression is enabled.", Fields: map[string]string{"code": "InvalidSourceException"}}
	}
	put, err := d.room.Put(ctx, c, delivery.KindFirehose, name, records)
	return put, s.Encrypted, err
}

// recordID names a record of a put.
func recordID(p delivery.PutResult, i int) *string {
	return aws.String(p.Stream + strconv.FormatUint(p.First+uint64(i), 10))
}

func (d door) putRecord(ctx context.Context, c access.Caller, in *api.PutRecordInput) (*api.PutRecordOutput, error) {
	if err := checkRecord(0, in.Record.Data); err != nil {
		return nil, err
	}
	put, encrypted, err := d.put(ctx, c, *in.DeliveryStreamName, [][]byte{in.Record.Data})
	if err != nil {
		return nil, err
	}
	return &api.PutRecordOutput{RecordId: recordID(put, 0), Encrypted: &encrypted}, nil
}

// putRecordBatch puts all of a batch or none of it: FailedPutCount is 0, or the whole call fails and may be repeated.
func (d door) putRecordBatch(ctx context.Context, c access.Caller, in *api.PutRecordBatchInput) (*api.PutRecordBatchOutput, error) {
	if n := len(in.Records); n < 1 || n > maxRecords {
		return nil, fault.Newf(fault.Invalid, "Records", "1 validation error detected: Value at 'records' failed to satisfy constraint: a batch has 1 to %d records, not %d", maxRecords, n)
	}
	records := make([][]byte, len(in.Records))
	size := 0
	for i, r := range in.Records {
		if err := checkRecord(i, r.Data); err != nil {
			return nil, err
		}
		records[i] = r.Data
		size += len(r.Data)
	}
	if size > maxBatch {
		return nil, fault.Newf(fault.TooLarge, "Records", "a batch has up to 4 MiB, not %d bytes", size)
	}
	put, encrypted, err := d.put(ctx, c, *in.DeliveryStreamName, records)
	if err != nil {
		return nil, err
	}
	out := &api.PutRecordBatchOutput{FailedPutCount: aws.Int32(0), Encrypted: &encrypted, RequestResponses: make([]types.PutRecordBatchResponseEntry, len(records))}
	for i := range records {
		out.RequestResponses[i].RecordId = recordID(put, i)
	}
	return out, nil
}

func checkRecord(i int, data []byte) error {
	if len(data) > maxRecord {
		return fault.Newf(fault.TooLarge, "record "+strconv.Itoa(i), "has %d bytes, and may have %d", len(data), maxRecord)
	}
	return nil
}
