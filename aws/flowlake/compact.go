package flowlake

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"flowlake/aws/wire"
	"flowlake/catalog/compact"
	"flowlake/fault"
)

const (
	// CompactPath takes a POST of a compact.Request as JSON, begins a run and answers with its compact.Run.
	CompactPath = "/compact"
	// CompactionPath takes a POST and answers with the run that ?id names. With ?state=S&after=N it waits,
	// for at most ten seconds, until the run is in another state or has begun another step than the N-th.
	CompactionPath = "/compaction"
)

func (d *door) compactRows() []wire.Operation {
	return []wire.Operation{
		// The table is in the body: the room asks again for flowlake:CompactTable on it.
		wire.Raw("CompactTable", wire.RawRow{Permissions: []wire.RawPermission{{Action: "flowlake:CompactTable"}}, MaxBody: 1 << 20}, d.startCompaction),
		wire.Raw("GetCompaction", wire.RawRow{Permissions: []wire.RawPermission{{Action: "flowlake:CompactTable"}}, Honoured: []string{"?id", "?state", "?after"}}, d.compaction),
	}
}

func (d *door) startCompaction(ctx context.Context, call *wire.Call) error {
	body, err := io.ReadAll(call.Body)
	if err != nil {
		return err
	}
	var r compact.Request
	if err := json.Unmarshal(body, &r); err != nil {
		return fault.Newf(fault.Invalid, "request", "is not the JSON of a compaction: %w", err)
	}
	run, err := d.compact.Start(ctx, call.Caller, r)
	if err != nil {
		return err
	}
	return writeRun(call, run)
}

func (d *door) compaction(ctx context.Context, call *wire.Call) error {
	if _, err := io.Copy(io.Discard, call.Body); err != nil { // its hash is checked at its end
		return err
	}
	q := call.Request.URL.Query()
	var old *compact.Run
	if text := q.Get("after"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return fault.Newf(fault.Invalid, "parameter after", "%q is no number", text)
		}
		old = &compact.Run{State: q.Get("state"), Steps: n}
	}
	const patience = 10 * time.Second
	run, err := d.compact.Find(ctx, call.Caller, q.Get("id"), old, patience)
	if err != nil {
		return err
	}
	return writeRun(call, run)
}

func writeRun(call *wire.Call, run compact.Run) error {
	answer, err := json.Marshal(run)
	if err != nil {
		return err
	}
	call.Writer.Header().Set("Content-Type", "application/json")
	call.Writer.WriteHeader(http.StatusOK)
	_, err = call.Writer.Write(append(answer, '\n'))
	return err
}
