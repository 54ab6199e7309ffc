package logs

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/logs/pattern"
)

// The limits of a page of events. Source: API reference, GetLogEvents and FilterLogEvents.
const (
	MaxPageEvents = 10_000
	maxPageBytes  = 1 << 20
	// filterRead is how many bytes of blocks one page of a filter reads before it returns, empty if need be.
	filterRead = 64 << 20
)

// GetQuery selects events of one stream.
type GetQuery struct {
	Stream string
	// FromMillis and ToMillis bound the time: FromMillis <= time < ToMillis. ToMillis 0 is no bound.
	FromMillis, ToMillis int64
	FromHead             bool   // the first page begins with the oldest event; otherwise it ends with the newest
	Limit                int    // 1 to 10,000; 0 is as many as a page holds
	Token                string // a token of an earlier page: its direction decides, FromHead does not
}

// Page is a page of one stream's events, by time, then by sequence, whatever the direction.
type Page struct {
	Events []Stored
	// Forward and Backward lead to the pages behind and before this one, and are never empty. The end is where the
	// token that comes back is the one that was sent; events that arrive later are found with it.
	Forward, Backward string
}

// Get reads a page of a stream. It returns fault.NotFound without the group or stream, fault.Invalid for a token
// of another stream. Events that are expired are not shown.
func (s *Store) Get(ctx context.Context, c access.Caller, group string, q GetQuery) (Page, error) {
	limit, err := pageLimit(q.Limit, MaxPageEvents)
	if err != nil {
		return Page{}, err
	}
	g, err := s.group(ctx, c, group)
	if err != nil {
		return Page{}, err
	}
	l, err := s.live(g.ID)
	if err != nil {
		return Page{}, err
	}
	visible := l.durable.Load()
	d, err := s.stream(g.ID, q.Stream)
	if err != nil {
		return Page{}, err
	}
	bound := s.bind("get", fmt.Sprint(g.ID, d.id))
	scanning := scanQuery{group: g.ID, stream: &d, visible: visible, backward: !q.FromHead,
		from: max(q.FromMillis, cutoff(time.Now(), g.RetentionDays)), to: math.MaxInt64}
	if q.ToMillis > 0 {
		scanning.to = q.ToMillis
	}
	if q.Token != "" {
		direction, sealed, _ := strings.Cut(q.Token, "/")
		p, name, err := bound.position(sealed)
		if err != nil {
			return Page{}, err
		}
		if name != direction {
			return Page{}, badToken()
		}
		scanning.start, scanning.backward = &p, direction == backwardToken
	}
	sc, err := s.scan(ctx, scanning)
	if err != nil {
		return Page{}, err
	}
	defer sc.Close()
	var page Page
	for size := 0; len(page.Events) < limit; {
		e, ok, err := sc.next()
		if err != nil {
			return Page{}, err
		}
		if size += len(e.message) + EventOverhead; !ok || size > maxPageBytes && len(page.Events) > 0 {
			break
		}
		page.Events = append(page.Events, e.stored(q.Stream))
	}
	if scanning.backward {
		slices.Reverse(page.Events)
	}
	begin := position{time: max(q.FromMillis, 0)} // where an empty first page stands: all that comes is behind it
	if scanning.start != nil {
		begin = *scanning.start
	}
	end := begin
	if n := len(page.Events); n > 0 {
		begin = page.Events[0].position()
		end = page.Events[n-1].position()
		end.sequence++
	}
	page.Forward = forwardToken + "/" + bound.positionToken(end, forwardToken)
	page.Backward = backwardToken + "/" + bound.positionToken(begin, backwardToken)
	return page, nil
}

const (
	forwardToken  = "f"
	backwardToken = "b"
)

func (e scanned) stored(stream string) Stored {
	return Stored{Sequence: e.sequence, TimeMillis: e.time, IngestedMillis: e.ingested, Stream: stream, Message: e.message}
}

func (e Stored) position() position { return position{e.TimeMillis, e.Sequence} }

// FilterQuery selects events of a group.
type FilterQuery struct {
	Streams []string // only these, at most 100; none: all. Not beside Prefix
	Prefix  string   // only streams whose names begin with it
	Pattern string   // see package pattern; "" lets all through
	// FromMillis and ToMillis bound the time: FromMillis <= time <= ToMillis. ToMillis 0 is no bound.
	FromMillis, ToMillis int64
	Newest               bool   // newest first
	Limit                int    // 1 to 10,000; 0 is as many as a page holds
	Token                string // the Next of the page before; its direction decides, Newest does not
}

// FilterPage is a page of events of several streams, interleaved by time, then by sequence. A page can be empty
// and have a Next; without a Next it is the last.
type FilterPage struct {
	Events []Filtered
	Next   string
}

// Filtered is an event with its id, which never changes.
type Filtered struct {
	ID string
	Stored
}

// Filter reads a page of the events of a group that match. It returns fault.NotFound without the group or one of
// the streams, fault.Invalid for a pattern or token that is wrong.
func (s *Store) Filter(ctx context.Context, c access.Caller, group string, q FilterQuery) (FilterPage, error) {
	var page FilterPage
	limit, err := pageLimit(q.Limit, MaxPageEvents)
	if err != nil {
		return page, err
	}
	if len(q.Streams) > 100 {
		return page, fault.Newf(fault.Invalid, "log stream names", "are %d: Member must have length less than or equal to 100", len(q.Streams))
	}
	if len(q.Streams) > 0 && q.Prefix != "" {
		return page, fault.Newf(fault.Invalid, "log stream filter", "logStreamNames and logStreamNamePrefix cannot be used together")
	}
	match, err := pattern.Compile(q.Pattern)
	if err != nil {
		return page, err
	}
	g, err := s.group(ctx, c, group)
	if err != nil {
		return page, err
	}
	l, err := s.live(g.ID)
	if err != nil {
		return page, err
	}
	scanning := scanQuery{group: g.ID, visible: l.durable.Load(), backward: q.Newest,
		from: max(q.FromMillis, cutoff(time.Now(), g.RetentionDays)), to: math.MaxInt64}
	if q.ToMillis > 0 {
		scanning.to = q.ToMillis + 1
	}
	bound := s.bind("filter", append([]string{fmt.Sprint(g.ID, q.FromMillis, q.ToMillis), q.Pattern, q.Prefix}, q.Streams...)...)
	if q.Token != "" {
		p, direction, err := bound.position(q.Token)
		if err != nil {
			return page, err
		}
		scanning.start, scanning.backward = &p, direction == backwardToken
	}
	known := streamNames{store: s, group: g.ID, names: map[uint64]string{}}
	if err := known.choose(q, &scanning); err != nil {
		return page, err
	}
	sc, err := s.scan(ctx, scanning)
	if err != nil {
		return page, err
	}
	defer sc.Close()
	budget := 0
	for size := 0; ; {
		e, ok, err := sc.next()
		if err != nil {
			return FilterPage{}, err
		}
		if !ok {
			return page, known.err
		}
		if budget == 0 { // what leads to the first event does not count: every page gets on
			budget = sc.read + s.filterRead
		}
		matches := match.Match(e.message)
		if matches {
			size += len(e.message) + EventOverhead
		}
		full := matches && (len(page.Events) == limit || size > maxPageBytes && len(page.Events) > 0)
		if full || sc.read > budget {
			page.Next = bound.pageToken(e.position, scanning.backward)
			return page, known.err
		}
		if !matches {
			continue
		}
		name, err := known.name(e.stream)
		if err != nil {
			return FilterPage{}, err
		}
		if name != "" { // "" is a stream that is being removed
			page.Events = append(page.Events, Filtered{ID: eventID(g.ID, e.position), Stored: e.stored(name)})
		}
	}
}

// pageToken leads to a page that begins with the event at p.
func (b binding) pageToken(p position, backward bool) string {
	if !backward {
		return b.positionToken(p, forwardToken)
	}
	p.sequence++
	return b.positionToken(p, backwardToken)
}

// eventID has the 56 digits of AWS's ids, and sorts as the events do.
func eventID(group uint64, p position) string {
	return string(appendEventID(make([]byte, 0, 56), group, p))
}

func appendEventID(b []byte, group uint64, p position) []byte {
	padded := func(n uint64, digits int) {
		var text [20]byte
		s := strconv.AppendUint(text[:0], n, 10)
		for range digits - len(s) {
			b = append(b, '0')
		}
		b = append(b, s...)
	}
	padded(uint64(p.time), 18)
	padded(group, 19)
	padded(p.sequence, 19)
	return b
}

// streamNames are the names of the streams that one page meets.
type streamNames struct {
	store *Store
	group uint64
	names map[uint64]string
	err   error // of a look-up inside skip
}

func (n *streamNames) name(id uint64) (string, error) {
	if name, ok := n.names[id]; ok {
		return name, nil
	}
	name, err := n.store.streamName(n.group, id)
	if err == nil {
		if len(n.names) >= maxNames {
			clear(n.names)
		}
		n.names[id] = name
	}
	return name, err
}

// choose lets the scan pass over the streams that the query does not want.
func (n *streamNames) choose(q FilterQuery, scanning *scanQuery) error {
	if len(q.Streams) > 0 {
		wanted := make(map[uint64]bool, len(q.Streams))
		for _, name := range q.Streams {
			d, err := n.store.stream(n.group, name)
			if err != nil {
				return err
			}
			wanted[d.id] = true
			scanning.stream = &d
		}
		if len(wanted) > 1 {
			scanning.stream = nil
			scanning.skip = func(id uint64) bool { return !wanted[id] }
		}
		return nil
	}
	if q.Prefix != "" {
		scanning.skip = func(id uint64) bool {
			name, err := n.name(id)
			if err != nil {
				n.err = err
			}
			return !strings.HasPrefix(name, q.Prefix)
		}
	}
	return nil
}
