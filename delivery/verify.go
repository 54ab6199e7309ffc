package delivery

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"

	"flowlake/fault"
)

// Verify reads all that is stored of every stream's queue, and returns how many records that are, and what is damaged: a block whose
// checksum is wrong, records that are missing, numbers that do not add up, a batch under way that does not fit them. It changes nothing
// and may run beside everything else. Its error is ctx's.
func (s *Store) Verify(ctx context.Context, progress func(records int64)) (records int64, damage []string, err error) {
	names := map[uuid.UUID]string{}
	note := func() {
		for _, l := range s.allLines() {
			names[l.id] = l.stream.Load().Name
		}
	}
	note()
	snapshot := s.db.NewSnapshot()
	defer snapshot.Close()
	note() // one that was made meanwhile is no damage, and neither is one that went
	var streams []uuid.UUID
	for id := range names {
		streams = append(streams, id)
	}
	slices.SortFunc(streams, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	for _, id := range streams {
		a := audit{from: snapshot, id: id, name: names[id], seen: func(n int) {
			records += int64(n)
			progress(records)
		}}
		if err := a.run(ctx); ctx.Err() != nil {
			return records, damage, ctx.Err()
		} else if err != nil {
			a.found("%v", err)
		}
		damage = append(damage, a.damage...)
	}
	strays, err := strays(snapshot, names)
	if err != nil {
		strays = append(strays, "delivery queue: "+err.Error())
	}
	return records, append(damage, strays...), nil
}

// strays names what is stored of streams that do not exist.
func strays(from pebble.Reader, names map[uuid.UUID]string) (damage []string, err error) {
	it, err := iterate(from, nil, nil)
	if err != nil {
		return nil, err
	}
	defer it.Close()
	for it.First(); it.Valid(); {
		k := it.Key()
		if len(k) < 17 {
			damage = append(damage, fmt.Sprintf("delivery queue: the key %x is of nothing", k))
			it.Next()
			continue
		}
		id := uuid.UUID(k[:16])
		if _, known := names[id]; !known && id != (uuid.UUID{}) {
			damage = append(damage, fmt.Sprintf("delivery queue: holds records or numbers of a stream %s that does not exist", id))
		}
		next := after(id[:])
		if next == nil {
			break
		}
		it.SeekGE(next)
	}
	return damage, it.Error()
}

// audit is the check of one stream.
type audit struct {
	from   pebble.Reader
	id     uuid.UUID
	name   string
	seen   func(records int)
	damage []string
}

func (a *audit) found(format string, args ...any) {
	a.damage = append(a.damage, "delivery stream "+a.name+": "+fmt.Sprintf(format, args...))
}

func (a *audit) run(ctx context.Context) error {
	n := ledger{next: 1, head: 1}
	err := a.each(key(a.id, keyLedger), func(_, v []byte) error { return n.decode(v) })
	if err != nil {
		return err
	}
	if n.in != n.delivered+n.failed+n.dropped+n.waiting {
		a.found("%d rows came in, which are not %d delivered, %d failed, %d dropped and %d that wait", n.in, n.delivered, n.failed, n.dropped, n.waiting)
	}
	if err := a.queue(ctx, n); err != nil {
		return err
	}
	cursors := map[string]cursor{}
	prefix := key(a.id, keyCursor)
	if err := a.each(prefix, func(k, v []byte) error {
		var c cursor
		err := json.Unmarshal(v, &c)
		cursors[string(k[len(prefix):])] = c
		return err
	}); err != nil {
		return err
	}
	return a.batch(n, cursors)
}

// queue checks that the records that wait are there, one after the other.
func (a *audit) queue(ctx context.Context, n ledger) error {
	next, count, bytes := n.head, uint64(0), uint64(0)
	if err := a.each(key(a.id, keyEntry), func(k, v []byte) error {
		if len(k) != 25 {
			return fault.Newf(fault.Internal, "delivery queue", "the key %x is of nothing", k)
		}
		first := sequenceOf(k)
		if first != next {
			a.found("record %d comes where record %d is next", first, next)
		}
		_, m, err := readEntry(v, func(data []byte) { bytes += uint64(len(data)) })
		if err != nil {
			return fmt.Errorf("record %d: %w", first, err)
		}
		next, count = first+uint64(m), count+uint64(m)
		a.seen(m)
		return ctx.Err()
	}); err != nil {
		return err
	}
	if next != n.next {
		a.found("its records end before %d instead of %d", next, n.next)
	}
	if count != n.waiting || bytes != n.waitBytes {
		a.found("%d records of %d bytes wait, and %d of %d bytes are counted", count, bytes, n.waiting, n.waitBytes)
	}
	return nil
}

// batch checks the batch under way.
func (a *audit) batch(n ledger, cursors map[string]cursor) error {
	var p *plan
	var sealed *seal
	if err := a.each(key(a.id, keyPlan), func(_, v []byte) error { return json.Unmarshal(v, &p) }); err != nil {
		return err
	}
	if err := a.each(key(a.id, keySeal), func(_, v []byte) error { return json.Unmarshal(v, &sealed) }); err != nil {
		return err
	}
	number := n.number + 1
	switch {
	case p == nil && sealed != nil:
		a.found("batch %d is sealed and was not planned", number)
	case p != nil:
		if p.Number != number {
			a.found("batch %d is planned where batch %d is next", p.Number, number)
		}
		if sealed != nil && len(sealed.Ends) != len(p.Inputs) {
			a.found("batch %d has %d inputs and %d ends", p.Number, len(p.Inputs), len(sealed.Ends))
			sealed = nil
		}
		for i, in := range p.Inputs {
			a.input(p.Number, in, n, cursors)
			if sealed != nil && (sealed.Ends[i] < in.From || in.Subscription == nil && sealed.Ends[i] > n.next) {
				a.found("batch %d ends at %d, which is not behind %d or not there", p.Number, sealed.Ends[i], in.From)
			}
		}
	}
	prefix := key(a.id, keyKept)
	return a.each(prefix, func(k, _ []byte) error {
		if own := keptKey(a.id, number, ""); len(k) < len(own) || string(k[:len(own)]) != string(own) {
			a.found("%q is kept of another batch than %d", k[len(prefix):], number)
		}
		return nil
	})
}

// input checks that a planned run begins where its input is read up to, and is there.
func (a *audit) input(batch uint64, in planInput, n ledger, cursors map[string]cursor) {
	if in.Subscription == nil {
		if in.From != n.head || in.To > n.next {
			a.found("batch %d has the records from %d to %d, and those from %d to %d wait", batch, in.From, in.To, n.head, n.next)
		}
		return
	}
	if c, found := cursors[in.Subscription.ID]; found && c.Next != in.From {
		a.found("batch %d has the events of log group %s from %d on, and it is read up to %d", batch, in.Subscription.Group, in.From, c.Next)
	}
}

// each hands all that begins with prefix to do, which keeps neither key nor value.
func (a *audit) each(prefix []byte, do func(k, v []byte) error) error {
	it, err := iterate(a.from, prefix, after(prefix))
	if err != nil {
		return err
	}
	defer it.Close()
	for it.First(); it.Valid(); it.Next() {
		v, err := it.ValueAndErr()
		if err == nil {
			err = do(it.Key(), v)
		}
		if err != nil {
			return err
		}
	}
	return it.Error()
}
