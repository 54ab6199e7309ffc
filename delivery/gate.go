package delivery

import (
	"context"
	"sync"
	"time"
)

// gate keeps snapshots and the moment in which a batch becomes visible apart. Holds are shared, a pass is alone. Someone who holds one
// gate may ask for another, in any order: so a hold waits for a pass under way, but for one that itself waits only so long.
type gate struct {
	mu      sync.Mutex // guards the rest
	holds   int
	passing bool
	waiting int           // passes that wait
	since   time.Time     // since when the first of them does
	changed chan struct{} // closed at the next change; nil when nobody waits
}

// patience is how long a hold lets a waiting pass go first: without it, queries that overlap could keep a batch for ever. Holds that
// take longer than that still could; so a pass that has waited for long is let go first for longer than holds take.
const (
	patience     = 200 * time.Millisecond
	long         = time.Second
	longPatience = 5 * time.Second
)

// hold keeps batches from becoming visible until release.
func (g *gate) hold(ctx context.Context) error {
	wait := patience
	g.mu.Lock()
	if g.waiting > 0 && time.Since(g.since) > long {
		wait = longPatience
	}
	g.mu.Unlock()
	late := time.NewTimer(wait)
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
	if g.waiting++; g.waiting == 1 {
		g.since = time.Now()
	}
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
