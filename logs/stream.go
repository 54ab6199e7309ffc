package logs

import (
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cockroachdb/pebble/v2"

	"flowlake/access"
	"flowlake/fault"
)

// Stream is a log stream.
type Stream struct {
	Name          string
	CreatedMillis int64
	// FirstMillis and LastMillis are the times of its oldest and newest event, and LastIngestionMillis is when it last
	// got one. They are 0 while it never had an event.
	FirstMillis, LastMillis, LastIngestionMillis int64
	UploadToken                                  string // never empty; puts ignore it
}

// streamKind is the noun of faults about streams.
const streamKind = "log stream"

// streamDoc is a stream's record in Pebble. It changes with every put, in its commit.
type streamDoc struct {
	id       uint64
	created  uint64
	first    uint64 // time of the oldest event
	last     uint64 // time of the newest event
	ingested uint64 // 0 before the first put
	events   uint64 // stored
	bytes    uint64 // stored
	maxSpan  uint64 // as in counters
}

func (d *streamDoc) append(dst []byte) []byte {
	return appendNumbers(dst, d.id, d.created, d.first, d.last, d.ingested, d.events, d.bytes, d.maxSpan)
}

func readStreamDoc(v []byte) (d streamDoc, err error) {
	return d, readNumbers("log stream record", v, &d.id, &d.created, &d.first, &d.last, &d.ingested, &d.events, &d.bytes, &d.maxSpan)
}

func (d *streamDoc) describe(group uint64, name string) Stream {
	return Stream{Name: name, CreatedMillis: int64(d.created), FirstMillis: int64(d.first), LastMillis: int64(d.last),
		LastIngestionMillis: int64(d.ingested), UploadToken: uploadToken(group, d)}
}

// uploadToken has the 56 digits of AWS's tokens.
func uploadToken(group uint64, d *streamDoc) string {
	return fmt.Sprintf("49%018d%018d%018d", group, d.id, d.ingested)
}

// StreamName checks a new stream's name: 1 to 512 characters without ":" and "*".
func StreamName(name string) error {
	n := utf8.RuneCountInString(name)
	switch {
	case n == 0 || n > 512:
		return fault.Newf(fault.Invalid, streamKind+" name", "has %d characters: must have 1 to 512", n)
	case !utf8.ValidString(name):
		return fault.Newf(fault.Invalid, streamKind+" name", "%q is not UTF-8", name)
	case strings.ContainsAny(name, ":*"):
		return fault.Newf(fault.Invalid, streamKind+" name", "%q failed to satisfy constraint: Member must satisfy regular expression pattern: [^:*]*", name)
	}
	return nil
}

func noStream(name string) error {
	return fault.Newf(fault.NotFound, streamKind+" "+name, "The specified log stream does not exist.")
}

// stream finds a stream's record.
func (r records) stream(group uint64, name string) (streamDoc, error) {
	v, ok, err := r.get(streamKey(group, name))
	if err != nil {
		return streamDoc{}, err
	}
	if !ok {
		return streamDoc{}, noStream(name)
	}
	return readStreamDoc(v)
}

// CreateStream makes a stream in a group. It returns fault.NotFound without the group, fault.Exists when the
// stream is there.
func (s *Store) CreateStream(ctx context.Context, c access.Caller, group, name string) error {
	if err := StreamName(name); err != nil {
		return err
	}
	g, err := s.group(ctx, c, group)
	if err != nil {
		return err
	}
	return s.commit(group, g.ID, func(b *pebble.Batch, n *counters) error {
		if _, err := s.stream(g.ID, name); err == nil {
			return fault.Newf(fault.Exists, streamKind+" "+name, "The specified log stream already exists")
		} else if !fault.Is(err, fault.NotFound) {
			return err
		}
		n.streams++
		d := streamDoc{id: n.streams, created: uint64(time.Now().UnixMilli())}
		if err := b.Set(streamKey(g.ID, name), d.append(nil), nil); err != nil {
			return err
		}
		return b.Set(key(g.ID, kindName, d.id), []byte(name), nil)
	})
}

// Stream describes one stream, or returns fault.NotFound.
func (s *Store) Stream(ctx context.Context, c access.Caller, group, name string) (Stream, error) {
	g, err := s.group(ctx, c, group)
	if err != nil {
		return Stream{}, err
	}
	d, err := s.stream(g.ID, name)
	return d.describe(g.ID, name), err
}

// StreamQuery selects streams of a group.
type StreamQuery struct {
	Prefix     string // of the name; not beside ByLast
	ByLast     bool   // in the order of their newest event instead of their names
	Descending bool
	Limit      int    // 1 to 50; 0 is 50
	Token      string // the Next of the page before
}

// StreamPage is a page of streams. Next is empty at the end.
type StreamPage struct {
	Streams []Stream
	Next    string
}

// Streams lists a group's streams. In the order of the newest event a stream that gets events between two pages
// can be missed or seen twice, and every page reads all the group's stream records.
func (s *Store) Streams(ctx context.Context, c access.Caller, group string, q StreamQuery) (StreamPage, error) {
	limit, err := pageLimit(q.Limit, 50)
	if err != nil {
		return StreamPage{}, err
	}
	if q.ByLast && q.Prefix != "" {
		return StreamPage{}, fault.Newf(fault.Invalid, "log stream filter", "Cannot order by LastEventTime with a logStreamNamePrefix.")
	}
	g, err := s.group(ctx, c, group)
	if err != nil {
		return StreamPage{}, err
	}
	bound := s.bind("streams", fmt.Sprint(g.ID, q.ByLast, q.Descending), q.Prefix)
	var from *place
	if q.Token != "" {
		p, name, err := bound.position(q.Token)
		if err != nil {
			return StreamPage{}, err
		}
		from = &place{last: p.time, name: name}
	}
	if q.ByLast {
		return s.streamsByLast(g.ID, q.Descending, limit, from, bound)
	}
	return s.streamsByName(g.ID, q, limit, from, bound)
}

func (s *Store) streamsByName(group uint64, q StreamQuery, limit int, from *place, bound binding) (StreamPage, error) {
	var page StreamPage
	prefix := streamKey(group, q.Prefix)
	it, err := s.iter(prefix, after(prefix))
	if err != nil {
		return page, err
	}
	defer it.Close()
	step, ok := it.Next, false
	switch {
	case !q.Descending && from == nil:
		ok = it.First()
	case !q.Descending:
		ok = it.SeekGE(append(streamKey(group, from.name), 0))
	case from == nil:
		step, ok = it.Prev, it.Last()
	default:
		step, ok = it.Prev, it.SeekLT(streamKey(group, from.name))
	}
	for ; ok; ok = step() {
		if len(page.Streams) == limit {
			page.Next = bound.positionToken(position{}, page.Streams[limit-1].Name)
			break
		}
		d, err := readStreamDoc(it.Value())
		if err != nil {
			return StreamPage{}, err
		}
		page.Streams = append(page.Streams, d.describe(group, string(it.Key()[9:])))
	}
	return page, it.Error()
}

// place is where a stream stands in the order of newest events.
type place struct {
	last int64
	name string
	doc  streamDoc
}

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.last, q.last), strings.Compare(p.name, q.name))
}

// furthest is a heap of the places of a page with the last one on top.
type furthest struct {
	places []place
	order  func(a, b place) int
}

func (f *furthest) Len() int           { return len(f.places) }
func (f *furthest) Less(i, j int) bool { return f.order(f.places[i], f.places[j]) > 0 }
func (f *furthest) Swap(i, j int)      { f.places[i], f.places[j] = f.places[j], f.places[i] }
func (f *furthest) Push(x any)         { f.places = append(f.places, x.(place)) }
func (f *furthest) Pop() any {
	last := f.places[len(f.places)-1]
	f.places = f.places[:len(f.places)-1]
	return last
}

// streamsByLast goes over all records of the group, and keeps a page of them.
func (s *Store) streamsByLast(group uint64, descending bool, limit int, from *place, bound binding) (StreamPage, error) {
	order := place.compare
	if descending {
		order = func(a, b place) int { return b.compare(a) }
	}
	prefix := streamKey(group, "")
	it, err := s.iter(prefix, after(prefix))
	if err != nil {
		return StreamPage{}, err
	}
	defer it.Close()
	best := &furthest{order: order}
	more := false
	for ok := it.First(); ok; ok = it.Next() {
		d, err := readStreamDoc(it.Value())
		if err != nil {
			return StreamPage{}, err
		}
		p := place{last: int64(d.last), name: string(it.Key()[9:]), doc: d}
		switch {
		case from != nil && order(p, *from) <= 0: // on an earlier page
		case len(best.places) < limit:
			heap.Push(best, p)
		default:
			more = true
			if order(p, best.places[0]) < 0 {
				best.places[0] = p
				heap.Fix(best, 0)
			}
		}
	}
	if err := it.Error(); err != nil {
		return StreamPage{}, err
	}
	slices.SortFunc(best.places, order)
	var page StreamPage
	for _, p := range best.places {
		page.Streams = append(page.Streams, p.doc.describe(group, p.name))
	}
	if more {
		last := best.places[limit-1]
		page.Next = bound.positionToken(position{time: last.last}, last.name)
	}
	return page, nil
}

// streamName finds the name of a stream, "" when the stream is gone.
func (r records) streamName(group, id uint64) (string, error) {
	v, _, err := r.get(key(group, kindName, id))
	return string(v), err
}
