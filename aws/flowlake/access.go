package flowlake

import (
	"context"
	"encoding/json"
	"io"
	"net/http"

	"flowlake/aws/wire"
	"flowlake/fault"
	"flowlake/pipeline"
)

const (
	// ExplainPath takes a POST that asks whether ?principal may do ?action to ?resource. Its body, which may be empty, is
	// a JSON object of condition keys with their values: {"s3:prefix": ["logs/"]}. The answer is a pipeline.Explanation.
	ExplainPath = "/access/explain"
	// MapPath takes a POST and answers with a pipeline.Map.
	MapPath = "/access/map"
)

func (d *door) accessRows() []wire.Operation {
	return []wire.Operation{
		// Who may simulate a principal's policies may read why it was refused: the same permission as IAM's.
		wire.Raw("ExplainAccess", wire.RawRow{Permissions: []wire.RawPermission{{Action: "iam:SimulatePrincipalPolicy", Resource: func(call *wire.Call) string {
			return call.Request.URL.Query().Get("principal")
		}}}, Honoured: []string{"?principal", "?action", "?resource", "?source-arn"}, MaxBody: 64 << 10}, d.explainAccess),
		wire.Raw("GetAccessMap", wire.RawRow{Permissions: []wire.RawPermission{{Action: "flowlake:GetAccessMap"}}}, d.accessMap),
	}
}

func (d *door) explainAccess(ctx context.Context, call *wire.Call) error {
	body, err := io.ReadAll(call.Body)
	if err != nil {
		return err
	}
	q := call.Request.URL.Query()
	in := pipeline.Question{Principal: q.Get("principal"), Action: q.Get("action"), Resource: q.Get("resource"), SourceARN: q.Get("source-arn")}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &in.Context); err != nil {
			return fault.Newf(fault.Invalid, "condition keys", "are not a JSON object of lists of strings: %w", err)
		}
	}
	x, err := d.pipeline.Explain(ctx, call.Caller, in)
	if err != nil {
		return err
	}
	return writeJSON(call, x)
}

func (d *door) accessMap(ctx context.Context, call *wire.Call) error {
	if _, err := io.Copy(io.Discard, call.Body); err != nil { // its hash is checked at its end
		return err
	}
	m, err := d.pipeline.Map(ctx, call.Caller)
	if err != nil {
		return err
	}
	return writeJSON(call, m)
}

func writeJSON(call *wire.Call, v any) error {
	answer, err := json.Marshal(v)
	if err != nil {
		return err
	}
	call.Writer.Header().Set("Content-Type", "application/json")
	call.Writer.WriteHeader(http.StatusOK)
	_, err = call.Writer.Write(append(answer, '\n'))
	return err
}
