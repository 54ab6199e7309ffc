// Package flowlake is the door of flowlake's own operations, which no AWS service has. Their requests
// are signed for the service "flowlake". No behaviour lives here.
package flowlake

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"flowlake/aws/wire"
	"flowlake/catalog/compact"
	"flowlake/delivery"
	"flowlake/fault"
	"flowlake/lake"
	"flowlake/logs"
	"flowlake/pipeline"
	"flowlake/vpc"
)

// VerifyPath takes a POST that checks all that is stored and answers with one VerifyLine a line.
const VerifyPath = "/verify"

// Service returns the table over the rooms that it checks and puts records into.
func Service(lk *lake.Store, lg *logs.Store, dl *delivery.Store, room *vpc.Store, compactor *compact.Compactor, whole pipeline.Rooms) wire.Service {
	d := &door{lk, lg, dl, room, compactor, whole}
	return wire.Service{
		Name: "flowlake", Title: "flowlake's own", Protocol: wire.RestXML,
		Faults: []wire.FaultRule{
			{Kind: fault.Denied, Code: "AccessDenied", Status: http.StatusForbidden},
			{Kind: fault.NotFound, Noun: "log group", Code: "ResourceNotFoundException", Status: http.StatusNotFound},
			{Kind: fault.NotFound, Noun: "flow log", Code: "NoSuchFlowLog", Status: http.StatusNotFound},
			{Kind: fault.NotFound, Noun: "log destination", Code: "NoSuchDestination", Status: http.StatusNotFound},
			{Kind: fault.NotFound, Noun: "database", Code: "NoSuchDatabase", Status: http.StatusNotFound},
			{Kind: fault.NotFound, Noun: "table", Code: "NoSuchTable", Status: http.StatusNotFound},
			{Kind: fault.NotFound, Noun: "object", Code: "NoSuchKey", Status: http.StatusNotFound},
			{Kind: fault.NotFound, Noun: "bucket", Code: "NoSuchBucket", Status: http.StatusNotFound},
			{Kind: fault.Precondition, Code: "PreconditionFailed", Status: http.StatusPreconditionFailed},
			{Kind: fault.NotFound, Noun: "principal", Code: "NoSuchEntity", Status: http.StatusNotFound},
			{Kind: fault.NotFound, Noun: "column", Code: "NoSuchColumn", Status: http.StatusNotFound},
			{Kind: fault.NotFound, Noun: "compaction", Code: "NoSuchCompaction", Status: http.StatusNotFound},
		},
		Operations: append([]wire.Operation{wire.Raw("Verify", wire.RawRow{
			Permissions: []wire.RawPermission{{Action: "flowlake:Verify"}},
			Honoured:    []string{"?sums"},
		}, d.verify)}, slices.Concat(d.recordRows(), []wire.Operation{d.followRow(), d.moveRow()}, d.compactRows(), d.accessRows())...),
		Route: func(r *http.Request) (string, bool) {
			name := routes[r.URL.Path]
			return name, r.Method == http.MethodPost && name != ""
		},
	}
}

// routes are the operations by their path; all of them are POSTs.
var routes = map[string]string{VerifyPath: "Verify", RecordsPath: "PutFlowRecords", FollowPath: "FollowLogEvents",
	CompactPath: "CompactTable", MovePath: "MoveObjects", CompactionPath: "GetCompaction", ExplainPath: "ExplainAccess", MapPath: "GetAccessMap"}

// VerifyLine is one line of Verify's answer: progress, something damaged, or the end. A client that
// has not read Done has not seen the whole answer.
type VerifyLine struct {
	Room    string `json:"room,omitempty"`    // "logs", "delivery" or "lake"
	Checked int64  `json:"checked,omitempty"` // events, records or objects so far
	Total   int64  `json:"total,omitempty"`   // 0: not known
	Bytes   int64  `json:"bytes,omitempty"`
	Damage  string `json:"damage,omitempty"` // what is wrong, with its name
	Failed  string `json:"failed,omitempty"` // why the check could not go on
	Done    bool   `json:"done,omitempty"`
}

type door struct {
	lake     *lake.Store
	logs     *logs.Store
	delivery *delivery.Store
	vpc      *vpc.Store
	compact  *compact.Compactor
	pipeline pipeline.Rooms
}

// verify streams; it works as long as its client listens. ?sums=true has it read every object's bytes.
func (d *door) verify(ctx context.Context, call *wire.Call) error {
	sums := false
	switch text := call.Request.URL.Query().Get("sums"); text {
	case "true":
		sums = true
	case "", "false":
	default:
		return fault.Newf(fault.Invalid, "parameter sums", "%q is neither true nor false", text)
	}
	if _, err := io.Copy(io.Discard, call.Body); err != nil { // its hash is checked at its end
		return err
	}
	call.Writer.Header().Set("Content-Type", "application/x-ndjson")
	out := &lines{w: call.Writer, flush: http.NewResponseController(call.Writer)}
	if err := d.logs.Verify(ctx, func(done, total int64) { out.progress(VerifyLine{Room: "logs", Checked: done, Total: total}) }); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		out.write(VerifyLine{Room: "logs", Damage: err.Error()})
	}
	records, torn, err := d.delivery.Verify(ctx, func(n int64) { out.progress(VerifyLine{Room: "delivery", Checked: n}) })
	if err != nil {
		return err
	}
	for _, text := range torn {
		out.write(VerifyLine{Room: "delivery", Damage: text})
	}
	out.write(VerifyLine{Room: "delivery", Checked: records})
	seen, damage, err := d.lake.Verify(ctx, lake.VerifyOptions{Sums: sums, Progress: func(p lake.VerifyProgress) {
		out.progress(VerifyLine{Room: "lake", Checked: p.Objects, Bytes: p.Bytes})
	}})
	for _, dmg := range damage {
		out.write(VerifyLine{Room: "lake", Damage: dmg.String()})
	}
	if err != nil {
		out.write(VerifyLine{Room: "lake", Failed: err.Error()})
		return out.err
	}
	out.write(VerifyLine{Room: "lake", Checked: seen.Objects, Bytes: seen.Bytes, Done: true})
	return out.err
}

// lines writes JSON lines, progress at most a few times a second.
type lines struct {
	mu    sync.Mutex // guards w, last, err: progress may come from several goroutines
	w     io.Writer
	flush *http.ResponseController
	last  time.Time
	err   error
}

func (l *lines) progress(line VerifyLine) {
	l.mu.Lock()
	due := time.Since(l.last) > 250*time.Millisecond
	l.mu.Unlock()
	if due {
		l.write(line)
	}
}

func (l *lines) write(line VerifyLine) {
	b, err := json.Marshal(line)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
	}
	if l.err == nil {
		_, l.err = fmt.Fprintf(l.w, "%s\n", b)
	}
	if l.err == nil {
		l.err = l.flush.Flush()
	}
	l.last = time.Now()
}
