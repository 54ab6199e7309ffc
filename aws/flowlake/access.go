package flowlake

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"flowlake/aws/wire"
	"flowlake/pipeline"
)

const (
	// ExplainPath takes a POST of a pipeline.Question as JSON about the principal that ?principal names, and answers with
	// a pipeline.Explanation.
	ExplainPath = "/access/explain"
	// MapPath takes a POST and answers with the pipeline.Map of the region that it is signed for.
	MapPath = "/access/map"
)

func (d *door) accessRows() []wire.Operation {
	return []wire.Operation{
		// Who may simulate a principal's policies may read why it was refused: the same permission as IAM's. A service's
		// are everybody's.
		wire.Raw("ExplainAccess", wire.RawRow{Permissions: []wire.RawPermission{{Action: "iam:SimulatePrincipalPolicy", Resource: func(call *wire.Call) string {
			if principal := call.Request.URL.Query().Get("principal"); strings.HasPrefix(principal, "arn:") {
				return entityOf(principal)
			}
			return "*"
		}}}, Honoured: []string{"?principal"}, MaxBody: pipeline.MaxQuestion}, d.explainAccess),
		// Each part is asked for by itself, as its own service's operations ask for it.
		wire.Raw("GetAccessMap", wire.RawRow{Permissions: []wire.RawPermission{{Action: "flowlake:GetAccessMap"}}}, d.accessMap),
	}
}

// entityOf is the role of a session's ARN, whose policies they are; other ARNs are what they are.
func entityOf(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[2] != "sts" {
		return arn
	}
	kind, rest, _ := strings.Cut(parts[5], "/")
	name, _, _ := strings.Cut(rest, "/")
	if kind != "assumed-role" || name == "" {
		return arn
	}
	return "arn:" + parts[1] + ":iam::" + parts[4] + ":role/" + name
}

func (d *door) explainAccess(ctx context.Context, call *wire.Call) error {
	body, err := io.ReadAll(call.Body)
	if err != nil {
		return err
	}
	q, err := pipeline.ParseQuestion(body)
	if err != nil {
		return err
	}
	q.Principal = call.Request.URL.Query().Get("principal")
	x, err := d.pipeline.Explain(ctx, call.Caller, q)
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
