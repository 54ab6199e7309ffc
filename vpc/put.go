package vpc

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"flowlake/access"
	"flowlake/access/policy"
	"flowlake/delivery"
	"flowlake/fault"
	"flowlake/flow"
	"flowlake/logs"
	"flowlake/state"
)

// MaxPutRecords bounds the records of a put.
const MaxPutRecords = 10_000

// PutInput is a batch of records for one flow log.
type PutInput struct {
	FlowLog string
	// Fields are those of the lines, in any order. interface-id is needed; action is where the flow log takes part of the
	// traffic only. What the flow log's format has and Fields have not is "-" in what is delivered, but for what
	// the inventory knows: account-id, vpc-id, subnet-id, az-id and region are always its own.
	Fields []flow.Field
	Lines  [][]byte // without line ends
}

// PutResult says what became of the records of a put; the four add up.
type PutResult struct {
	Delivered int // handed to the destination, and durable there
	Traffic   int // left out: not of the flow log's traffic type
	Elsewhere int // left out: of an interface that the flow log's resource does not have
	Rejected  int // refused by the log group as too old, expired, or ahead of its clock
}

// Put has a flow log deliver records as it would those of captured traffic: in its format, those of its traffic type and of
// its resource's interfaces. Records of intervals without data (NODATA, SKIPDATA) are of every traffic type. It keeps no
// reference to the lines.
//
// It returns when the records are durable: as events of the log group, or in the delivery stream's queue. A put to a log group
// writes interface by interface: after an error those of some interfaces may be there. To S3 and to a delivery stream it is all or nothing.
//
// It returns fault.Invalid for a batch over the limit or a line that does not fit Fields, with its number; fault.NotFound
// about "flow log", or about "log destination" when it is gone; fault.Throttled while too much waits.
func (s *Store) Put(ctx context.Context, c access.Caller, in PutInput) (PutResult, error) {
	var result PutResult
	if len(in.Lines) > MaxPutRecords {
		return result, fault.Newf(fault.TooLarge, "flow records", "there are %d; a put has at most %d", len(in.Lines), MaxPutRecords)
	}
	f, err := s.FlowLog(ctx, c, in.FlowLog)
	if err != nil {
		return result, err
	}
	p, err := newPlan(f, in.Fields)
	if err != nil {
		return result, err
	}
	records, err := s.shape(ctx, c, f, p, in, &result)
	if err != nil || len(records) == 0 {
		return result, err
	}
	switch f.Type {
	case ToLogs:
		err = s.toLogs(ctx, f, records, &result)
	case ToFirehose:
		err = s.toFirehose(ctx, c.Via(Service, f.ARN()), f, records)
	default:
		err = s.toFiles(ctx, c.Via(Service, f.ARN()), f, records)
	}
	if err == nil {
		result.Delivered = len(records) - result.Rejected
	}
	if ctx.Err() == nil {
		s.note(f.ID, err)
	}
	return result, err
}

// record is a record as it is delivered.
type record struct {
	eni  string
	time int64 // milliseconds: the interval's start
	line string
}

// plan says where each column of a flow log's format comes from.
type plan struct {
	columns                  []column
	eni, action, start, stop int // places in the lines; -1: not there
}

type column struct {
	from  int                    // the place in the line; -1: none
	known func(Interface) string // of the inventory; nil: none
	fixed string
}

// inventory are the fields that are the inventory's to say.
var inventory = map[string]func(Interface) string{
	"account-id":   func(i Interface) string { return i.Owner },
	"interface-id": func(i Interface) string { return i.ID },
	"vpc-id":       func(i Interface) string { return i.VPC },
	"subnet-id":    func(i Interface) string { return i.Subnet },
	"az-id":        func(i Interface) string { return i.ZoneID },
	"region":       func(i Interface) string { return i.Zone[:len(i.Zone)-1] },
}

func newPlan(f FlowLog, fields []flow.Field) (plan, error) {
	place := func(name string) int {
		return slices.IndexFunc(fields, func(f flow.Field) bool { return f.Name == name })
	}
	p := plan{eni: place("interface-id"), action: place("action"), start: place("start"), stop: place("end")}
	if p.eni < 0 {
		return p, fault.Newf(fault.Invalid, "flow records", "their fields lack interface-id")
	}
	if p.action < 0 && f.Traffic != "ALL" {
		return p, fault.Newf(fault.Invalid, "flow records", "their fields lack action, and the flow log takes %s traffic only", f.Traffic)
	}
	format := f.Fields()
	for _, field := range format {
		col := column{from: place(field.Name), known: inventory[field.Name]}
		if field.Name == "version" {
			col.fixed = strconv.Itoa(flow.Version(format))
		}
		p.columns = append(p.columns, col)
	}
	return p, nil
}

// shape makes the records to be delivered, and counts the others.
func (s *Store) shape(ctx context.Context, c access.Caller, f FlowLog, p plan, in PutInput, result *PutResult) ([]record, error) {
	known := map[string]*Interface{} // nil: not of the resource
	records := make([]record, 0, len(in.Lines))
	var buf []byte
	now := time.Now().UnixMilli()
	err := s.state.View(ctx, func(tx *state.Tx) error {
		for n, line := range in.Lines {
			r, err := flow.Parse(in.Fields, line)
			if err != nil {
				return fault.Newf(fault.Invalid, "flow record "+strconv.Itoa(n+1), "%w", err)
			}
			eni := r.At(p.eni).Text()
			i, seen := known[eni]
			if !seen {
				if i, err = member(tx, c, f, eni); err != nil {
					return err
				}
				known[eni] = i
			}
			switch {
			case i == nil:
				result.Elsewhere++
				continue
			case f.Traffic != "ALL" && !r.At(p.action).Null() && r.At(p.action).Text() != f.Traffic:
				result.Traffic++
				continue
			}
			buf = buf[:0]
			for k, col := range p.columns {
				if k > 0 {
					buf = append(buf, ' ')
				}
				buf = col.append(buf, r, *i)
			}
			records = append(records, record{eni, p.timeOf(r, now), string(buf)})
		}
		return nil
	})
	return records, err
}

// timeOf is a record's time in milliseconds: its interval's start, or end, or now where it has neither.
func (p plan) timeOf(r flow.Record, now int64) int64 {
	for _, place := range [2]int{p.start, p.stop} {
		if place >= 0 && !r.At(place).Null() {
			return min(r.At(place).Int(), math.MaxInt64/1000) * 1000 // a log group rejects what is so far ahead
		}
	}
	return now
}

// member finds an interface if the flow log's resource has it.
func member(tx *state.Tx, c access.Caller, f FlowLog, eni string) (*Interface, error) {
	i, err := get[Interface](tx, c, kindInterface, eni)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil || f.Resource != i.VPC && f.Resource != i.Subnet && f.Resource != i.ID {
		return nil, err
	}
	return &i, nil
}

func (col column) append(dst []byte, r flow.Record, i Interface) []byte {
	switch {
	case col.fixed != "":
		return append(dst, col.fixed...)
	case col.known != nil:
		return append(dst, col.known(i)...)
	case col.from < 0 || r.At(col.from).Null():
		return append(dst, '-')
	case r.Fields()[col.from].Type == flow.String:
		return append(dst, r.At(col.from).Text()...)
	}
	return strconv.AppendInt(dst, r.At(col.from).Int(), 10)
}

// toLogs writes events to the streams of the interfaces, in runs that a put takes, as the flow log's role.
func (s *Store) toLogs(ctx context.Context, f FlowLog, records []record, result *PutResult) error {
	as, err := s.assume(ctx, f.Creator, f.ID, f.Role)
	if err != nil {
		return err
	}
	byStream := map[string][]logs.Event{}
	suffix := "-" + strings.ToLower(f.Traffic)
	for _, r := range records {
		byStream[r.eni+suffix] = append(byStream[r.eni+suffix], logs.Event{TimeMillis: r.time, Message: r.line})
	}
	names := make([]string, 0, len(byStream))
	for name := range byStream {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := s.mayWrite(ctx, as, "logs:PutLogEvents", f.Group, name); err != nil {
			return err
		}
		events := byStream[name]
		slices.SortStableFunc(events, func(a, b logs.Event) int { return cmp.Compare(a.TimeMillis, b.TimeMillis) })
		for len(events) > 0 {
			n := batch(events)
			put, err := s.putEvents(ctx, as, f.Group, name, events[:n])
			if err != nil {
				return err
			}
			result.Rejected += n - int(put.Next-put.First)
			events = events[n:]
		}
	}
	return nil
}

// batch is how many of the events, which are in time order, one put takes.
func batch(events []logs.Event) int {
	size := 0
	for i, e := range events {
		size += len(e.Message) + logs.EventOverhead
		if i == logs.MaxPutEvents || size > logs.MaxPutBytes || e.TimeMillis-events[0].TimeMillis > 24*time.Hour.Milliseconds() {
			return max(1, i)
		}
	}
	return len(events)
}

// mayWrite asks about one stream of a group. A refusal's statement is about all of them: every interface has its own.
func (s *Store) mayWrite(ctx context.Context, c access.Caller, action, group, stream string) error {
	err := s.guard.Allow(ctx, c, action, logs.StreamARN(c, group, stream))
	if refusal, ok := errors.AsType[*access.Refusal](err); ok {
		wide := *refusal
		wide.Statement = refusal.StatementFor(policy.Literal(logs.StreamARN(c, group, "")) + "*")
		return &wide
	}
	return err
}

// putEvents makes the group and the stream when they are not there, where the role may.
func (s *Store) putEvents(ctx context.Context, c access.Caller, group, stream string, events []logs.Event) (logs.PutResult, error) {
	put, err := s.logs.Put(ctx, c, group, stream, events)
	if !fault.Is(err, fault.NotFound) {
		return put, err
	}
	for _, action := range []string{"logs:DescribeLogGroups", "logs:DescribeLogStreams"} {
		if err := s.guard.Allow(ctx, c, action, logs.StreamARN(c, group, "")); err != nil {
			return put, err
		}
	}
	if fault.HasNoun(err, "log group") {
		if err := s.guard.Allow(ctx, c, "logs:CreateLogGroup", logs.StreamARN(c, group, "")); err != nil {
			return put, err
		}
		if err := s.logs.CreateGroup(ctx, c, group, nil); err != nil && !fault.Is(err, fault.Exists) {
			return put, err
		}
	}
	if err := s.mayWrite(ctx, c, "logs:CreateLogStream", group, stream); err != nil {
		return put, err
	}
	if err := s.logs.CreateStream(ctx, c, group, stream); err != nil && !fault.Is(err, fault.Exists) {
		return put, err
	}
	return s.logs.Put(ctx, c, group, stream, events)
}

// toFirehose puts each record as a JSON object of one member, message, and a line end.
//
// Not verified: AWS documents "plain text"; that the record is {"message":"…"} is what its users report.
func (s *Store) toFirehose(ctx context.Context, c access.Caller, f FlowLog, records []record) error {
	name := f.Destination[strings.LastIndexByte(f.Destination, '/')+1:]
	data := make([][]byte, len(records))
	for i, r := range records {
		quoted, err := json.Marshal(struct {
			Message string `json:"message"`
		}{r.line})
		if err != nil {
			return fault.Newf(fault.Internal, "flow record", "%w", err)
		}
		data[i] = append(quoted, '\n')
	}
	err := s.queue(ctx, c, delivery.KindFirehose, name, data)
	if fault.Is(err, fault.NotFound) {
		return fault.Newf(fault.NotFound, "log destination", "LogDestination: %s does not exist.", name)
	}
	return err
}

// toFiles puts the lines into the flow log's own stream. A flow log that is there behind the put was not deleted before it, so
// its stream is not removed before the records are delivered; of others' records nobody knows, and fault.NotFound says so.
func (s *Store) toFiles(ctx context.Context, c access.Caller, f FlowLog, records []record) error {
	data := make([][]byte, len(records))
	for i, r := range records {
		data[i] = []byte(r.line)
	}
	err := s.queue(ctx, c, delivery.KindFlowLog, f.ID, data)
	if fault.Is(err, fault.NotFound) {
		if _, err := s.FlowLog(ctx, c, f.ID); err != nil {
			return err
		}
		if err := s.openStream(ctx, f.Creator, f); err != nil { // a crash came between the flow log and its stream
			return err
		}
		err = s.queue(ctx, c, delivery.KindFlowLog, f.ID, data)
	}
	if err != nil {
		return err
	}
	_, err = s.FlowLog(ctx, c, f.ID)
	return err
}

// creation is how long a stream that was just made may take to be ready.
const creation = 10 * time.Second

// queue puts records into a delivery stream, and waits for one that is being made.
func (s *Store) queue(ctx context.Context, c access.Caller, kind, name string, data [][]byte) error {
	for began := time.Now(); ; {
		_, err := s.delivery.Put(ctx, c, kind, name, data)
		if !fault.Is(err, fault.Conflict) || time.Since(began) > creation {
			return err
		}
		if st, err := s.delivery.Stream(ctx, c, kind, name); err != nil || st.Status == delivery.Deleting {
			return fault.Newf(fault.NotFound, "delivery stream "+name, "is being deleted")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}
