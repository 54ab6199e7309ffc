package flowlake

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"flowlake/aws/wire"
	"flowlake/fault"
	"flowlake/logs"
)

// FollowPath takes a POST that asks for the events of ?log-group in the order in which they came in, from ?from on, which is the
// Next of the answer before; without it the answer has no events and says where the group ends. ?prefix chooses streams, ?pattern events, and
// ?wait, up to MaxFollowWait, is how many milliseconds to wait for one. The answer is a FollowLine a line, of which the last has Next.
//
// GetLogEvents and FilterLogEvents page by the events' own times, and so pass by what comes in late with an earlier time; a live tail
// samples. This passes by nothing.
const FollowPath = "/log-events"

// MaxFollowWait is less than a server that stops waits for its requests.
const MaxFollowWait = 3 * time.Second

// FollowLine is an event, or the end of the answer. A client that has not read Next has not seen the whole.
type FollowLine struct {
	ID       string `json:"id,omitempty"`
	Time     int64  `json:"time,omitempty"`     // Unix milliseconds; with Next, the server's clock
	Ingested int64  `json:"ingested,omitempty"` // Unix milliseconds
	Stream   string `json:"stream,omitempty"`
	Message  string `json:"message,omitempty"`

	Next   string `json:"next,omitempty"`
	Missed uint64 `json:"missed,omitempty"` // events that expired, or went with their stream, before they were read
}

func (d *door) followRow() wire.Operation {
	return wire.Raw("FollowLogEvents", wire.RawRow{
		Permissions: []wire.RawPermission{{Action: "flowlake:FollowLogEvents", Resource: func(call *wire.Call) string {
			return logs.StreamARN(call.Caller, call.Request.URL.Query().Get("log-group"), "")
		}}},
		Honoured: []string{"?log-group", "?from", "?prefix", "?pattern", "?wait"},
	}, d.follow)
}

func (d *door) follow(ctx context.Context, call *wire.Call) error {
	query := call.Request.URL.Query()
	q := logs.FollowQuery{Group: query.Get("log-group"), From: query.Get("from"), Prefix: query.Get("prefix"), Pattern: query.Get("pattern")}
	if w := query.Get("wait"); w != "" {
		millis, err := strconv.ParseUint(w, 10, 31)
		if q.Wait = time.Duration(millis) * time.Millisecond; err != nil || q.Wait > MaxFollowWait {
			return fault.Newf(fault.Invalid, "wait "+w, "must be 0 to %d milliseconds", MaxFollowWait.Milliseconds())
		}
	}
	page, err := d.logs.Follow(ctx, call.Caller, q)
	if err != nil {
		return err
	}
	call.Writer.Header().Set("Content-Type", "application/x-ndjson")
	call.Writer.WriteHeader(http.StatusOK)
	out := bufio.NewWriter(call.Writer)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	for i := range page.Events {
		e := &page.Events[i]
		if err := lines.Encode(FollowLine{ID: e.ID, Time: e.TimeMillis, Ingested: e.IngestedMillis, Stream: e.Stream, Message: e.Message}); err != nil {
			return err
		}
	}
	if err := lines.Encode(FollowLine{Time: time.Now().UnixMilli(), Next: page.Next, Missed: page.Missed}); err != nil {
		return err
	}
	return out.Flush()
}
