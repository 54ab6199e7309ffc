package flowlake

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"

	"flowlake/aws/wire"
	"flowlake/fault"
	"flowlake/flow"
	"flowlake/vpc"
)

// RecordsPath takes a POST of flow records for the flow log that ?flow-log names: text, a line of field names first, then a
// line for each record, at most vpc.MaxPutRecords of them. The answer is a RecordsAnswer.
const RecordsPath = "/flow-records"

// MaxRecordsBytes bounds the body of such a POST.
const MaxRecordsBytes = 8 << 20

// RecordsAnswer says what became of the records; the four add up to what was sent.
type RecordsAnswer struct {
	Delivered int `json:"delivered"` // durable in the log group, or in the way to the delivery stream or the bucket
	Traffic   int `json:"traffic"`   // left out: not of the flow log's traffic type
	Elsewhere int `json:"elsewhere"` // left out: not of its resource's interfaces
	Rejected  int `json:"rejected"`  // by the log group: too old, or too far ahead
}

func (d *door) recordRows() []wire.Operation {
	return []wire.Operation{wire.Raw("PutFlowRecords", wire.RawRow{
		Permissions: []wire.RawPermission{{Action: "flowlake:PutFlowRecords", Resource: func(call *wire.Call) string {
			return call.Caller.ARN("ec2", "vpc-flow-log/"+call.Request.URL.Query().Get("flow-log"))
		}}},
		Honoured: []string{"?flow-log"},
		MaxBody:  MaxRecordsBytes,
	}, d.putRecords)}
}

func (d *door) putRecords(ctx context.Context, call *wire.Call) error {
	id := call.Request.URL.Query().Get("flow-log")
	if id == "" {
		return fault.Newf(fault.Invalid, "flow records", "the query lacks the flow log's id: "+RecordsPath+"?flow-log=fl-…")
	}
	body, err := io.ReadAll(call.Body)
	if err != nil {
		return err
	}
	in, err := parseRecords(body)
	if err != nil {
		return err
	}
	in.FlowLog = id
	result, err := d.vpc.Put(ctx, call.Caller, in)
	if err != nil {
		return err
	}
	answer, err := json.Marshal(RecordsAnswer(result))
	if err != nil {
		return err
	}
	call.Writer.Header().Set("Content-Type", "application/json")
	call.Writer.WriteHeader(http.StatusOK)
	_, err = call.Writer.Write(append(answer, '\n'))
	return err
}

// parseRecords takes a body apart. The lines point into it.
func parseRecords(body []byte) (in vpc.PutInput, err error) {
	header, rest, _ := bytes.Cut(body, []byte{'\n'})
	fields, ok := flow.ParseHeader(header)
	if !ok {
		return in, fault.Newf(fault.Invalid, "flow records", "their first line is not a line of field names")
	}
	in.Fields = fields
	for len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte{'\n'})
		if line = bytes.TrimSuffix(line, []byte{'\r'}); len(line) == 0 {
			continue
		}
		if len(in.Lines) == vpc.MaxPutRecords {
			return in, fault.Newf(fault.TooLarge, "flow records", "there are more than the %d that a request takes", vpc.MaxPutRecords)
		}
		in.Lines = append(in.Lines, line)
	}
	return in, nil
}
