package crawler

import (
	"context"
	"errors"
	"sync"
	"time"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/state"
)

// job is a crawl under way, as it is kept until its end.
type job struct {
	ID       string        `json:"id"`
	Caller   access.Caller `json:"caller"` // who started it
	Started  time.Time     `json:"started"`
	Attempts int           `json:"attempts"` // how often it was begun
}

// maxAttempts bounds how often a crawl is begun again after the server ended under it.
const maxAttempts = 3

var (
	errStopped = errors.New("stopped by its user")
)

// Run runs crawls until ctx ends: those that were under way when the server last ended, and those that
// Start begins. A crawl that is under way when ctx ends changes nothing, and is done again by the next Run.
func (k *Crawlers) Run(ctx context.Context) error {
	var crawls sync.WaitGroup
	defer crawls.Wait()
	slots := make(chan struct{}, k.cfg.Crawls)
	for {
		ids, err := k.waiting(ctx)
		if err != nil && ctx.Err() == nil {
			k.log.Error("crawls not read", "err", err)
			pause(ctx)
			k.poke()
		}
		for _, id := range ids {
			work, cancel := context.WithCancelCause(ctx)
			k.mu.Lock()
			_, there := k.running[id]
			if !there {
				k.running[id] = cancel
			}
			k.mu.Unlock()
			if there {
				cancel(nil)
				continue
			}
			crawls.Go(func() {
				defer func() {
					k.mu.Lock()
					delete(k.running, id)
					k.mu.Unlock()
					cancel(nil)
					k.poke() // its crawler may have been started again meanwhile
				}()
				select {
				case slots <- struct{}{}:
					defer func() { <-slots }()
				case <-work.Done():
					if ctx.Err() != nil {
						return
					}
				}
				k.crawl(ctx, work, id)
			})
		}
		select {
		case <-k.wake:
		case <-ctx.Done():
			return nil
		}
	}
}

func (k *Crawlers) waiting(ctx context.Context) (ids []state.ID, err error) {
	err = k.st.View(ctx, func(tx *state.Tx) error {
		for row, err := range tx.All(kindCrawl) {
			if err != nil {
				return err
			}
			ids = append(ids, row.ID)
		}
		return nil
	})
	return ids, err
}

// crawl carries out one crawl. ctx is the server's life, work ends with it or when the crawl is stopped.
func (k *Crawlers) crawl(ctx, work context.Context, id state.ID) {
	name := id.Key
	j, cr, err := k.begin(ctx, id)
	if err != nil {
		if !fault.Is(err, fault.NotFound) && ctx.Err() == nil {
			k.log.Error("crawl not begun", "crawler", name, "err", err)
			pause(ctx)
		}
		return
	}
	began := time.Now()
	var found *discovery
	switch {
	case cr.State == Stopping:
		err = errStopped
	case j.Attempts > maxAttempts:
		err = fault.Newf(fault.Internal, "crawl", "the server ended %d times while it ran", maxAttempts)
	default:
		var as access.Caller
		if as, err = k.assume(work, j.Caller, cr); err == nil {
			found, err = k.discover(work, as, cr)
			err = hiddenFrom(as, cr, err)
		}
	}
	if err == nil {
		if err = ctx.Err(); err == nil {
			err = k.commit(ctx, id, j, found)
		}
	}
	switch {
	case err != nil && ctx.Err() != nil: // the next Run does it again
		k.putOff(ctx, id)
	case err == nil:
		k.log.Info("crawl done", "crawler", name, "files", found.report.Files, "tables", len(found.tables), "took", time.Since(began))
	default:
		status, message := Failed, access.Explain(err)
		if errors.Is(context.Cause(work), errStopped) || errors.Is(err, errStopped) {
			status, message = Cancelled, ""
		} else if fault.KindOf(err) == fault.Internal {
			k.log.Error("crawl failed", "crawler", name, "err", err)
			message = "Internal Service Exception"
			if j.Attempts > maxAttempts {
				message = err.Error()
			}
		} else {
			k.log.Info("crawl failed", "crawler", name, "err", err)
		}
		if err := k.end(ctx, id, j, status, message); err != nil && ctx.Err() == nil {
			k.log.Error("crawl not ended", "crawler", name, "err", err)
			pause(ctx)
		}
	}
}

// pause keeps a disk that refuses everything from being asked without end.
func pause(ctx context.Context) {
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
	}
}

// begin counts an attempt, and returns the crawl with its crawler as it is now.
func (k *Crawlers) begin(ctx context.Context, id state.ID) (j job, cr Crawler, err error) {
	err = k.st.Update(ctx, func(tx *state.Tx) error {
		if _, err := tx.Get(id, &j); err != nil {
			return err
		}
		j.Attempts++
		if cr, err = get(tx, j.Caller, id.Key); err != nil {
			return err
		}
		return tx.Put(id, j)
	})
	return j, cr, err
}

// putOff takes back an attempt that an orderly end of the server cut off: only those that took the server
// with them count.
func (k *Crawlers) putOff(ctx context.Context, id state.ID) {
	err := k.st.Update(context.WithoutCancel(ctx), func(tx *state.Tx) error {
		var j job
		if _, err := tx.Get(id, &j); err != nil {
			return err
		}
		j.Attempts--
		return tx.Put(id, j)
	})
	if err != nil && !fault.Is(err, fault.NotFound) {
		k.log.Warn("crawl put off, its attempt still counts", "crawler", id.Key, "err", err)
	}
}

// end ends a crawl that changed nothing.
func (k *Crawlers) end(ctx context.Context, id state.ID, j job, status Status, message string) error {
	return k.st.Update(ctx, func(tx *state.Tx) error { return finish(tx, id, j, status, message) })
}

// finish makes the crawler READY again and removes the crawl's document, in the caller's transaction.
func finish(tx *state.Tx, crawl state.ID, j job, status Status, message string) error {
	cr, err := get(tx, j.Caller, crawl.Key)
	if err != nil {
		return err
	}
	if len(message) > 2048 {
		message = message[:2045] + "…"
	}
	cr.Last = &Crawl{ID: j.ID, Status: status, Message: message, Started: j.Started, Ended: time.Now().UTC()}
	cr.State, cr.Started = Ready, time.Time{}
	if err := tx.Put(id(j.Caller, kindCrawler, crawl.Key), cr); err != nil {
		return err
	}
	return tx.Delete(crawl)
}
