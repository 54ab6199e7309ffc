package delivery

import (
	"context"
	"sync"
	"time"
)

// gate keeps snapshots and the moment in which a batch becomes visible apart. Holds are shared, a pass is alone. Someone who holds one
// gate may ask for another, in any order: so a hold waits for a pass under way, but for one that itself waits no longer than patience.
type gate struct {
	mu      sync.Mutex // guards the rest
	holds   int
	passing bool
	waiting int           // passes that wait
	changed chan struct{} // closed at the next change; nil when nobody waits
}

// patience is how long a hold lets a waiting pass go first: without it, queries that overlap could keep a batch for ever.
const patience = 200 * time.Millisecond

// hold keeps batches from becoming visible until release.
func (g *gate) hold(ctx context.Context) error {
	late := time.NewTimer(patience)
	defer late.Stop()
	over := false
	return g.wait(ctx, func() bool {
		if g.passing || g.waiting > 0 && !over {
			return false
		}
		g.holds++
		return true
	}, late.C, func() { over = true })
}

func (g *gate) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.holds--
	g.notify()
}

// pass waits until nobody holds the gate; until leave nobody can.
func (g *gate) pass(ctx context.Context) error {
	g.mu.Lock()
	g.waiting++
	g.mu.Unlock()
	err := g.wait(ctx, func() bool {
		if g.holds > 0 || g.passing {
			return false
		}
		g.passing = true
		return true
	}, nil, nil)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting--
	g.notify()
	return err
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.passing = false
	g.notify()
}

// notify tells those who wait. mu is held.
func (g *gate) notify() {
	if g.changed != nil {
		close(g.changed)
		g.changed = nil
	}
}

// wait asks take, under mu, at each change until it says yes.
func (g *gate) wait(ctx context.Context, take func() bool, late <-chan time.Time, isLate func()) error {
	for {
		g.mu.Lock()
		if take() {
			g.mu.Unlock()
			return nil
		}
		if g.changed == nil {
			g.changed = make(chan struct{})
		}
		changed := g.changed
		g.mu.Unlock()
		select {
		case <-changed:
		case <-late:
			isLate()
			late = nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
