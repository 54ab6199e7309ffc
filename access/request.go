package access

import (
	"context"
	"slices"
	"sync"
	"time"

	"flowlake/access/policy"
)

// Request is what is known of the request that a decision is made in; a context carries it. The guard notes in it
// what was allowed and what was refused. It is safe for concurrent use; its exported fields do not change once a context
// carries it.
type Request struct {
	ID        string // the request's id
	SourceIP  string // without a port
	UserAgent string
	Secure    bool // it came over TLS

	mu       sync.Mutex
	allowed  []question // guarded by mu; at most maxRemembered
	refusals []*Refusal // guarded by mu; at most maxRefusals
	admitted bool       // guarded by mu: the door has asked
	over     bool       // guarded by mu
}

// question is what was asked and allowed.
type question struct {
	caller           Caller
	action, resource string
	entries          []policy.Entry
	at               time.Time
	door             bool // the door asked it
}

const (
	// maxRemembered bounds a request's memory: a door asks a handful of questions, a batch up to a thousand that nobody
	// repeats.
	maxRemembered = 32
	// maxRefusals bounds what a request's audit record lists.
	maxRefusals = 16
	// rememberFor is how long an allowed question counts: from the door to the room. Requests that go on for hours (a
	// live tail) ask again.
	rememberFor = 2 * time.Second
)

type requestKey struct{}

// WithRequest returns a context in which decisions know their request.
func WithRequest(ctx context.Context, r *Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// RequestOf returns the request that a context carries, nil when there is none or it was answered already: work that
// outlives its request is background work.
func RequestOf(ctx context.Context) *Request {
	r, _ := ctx.Value(requestKey{}).(*Request)
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return nil
	}
	return r
}

// Admit says that the door has put its questions: those that follow are rooms'.
func (r *Request) Admit() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.admitted = true
}

// End says that the request was answered, and returns the refusals that were decided in it.
func (r *Request) End() []*Refusal {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over, r.allowed = true, nil
	return r.refusals
}

// remember notes that a question was allowed.
func (r *Request) remember(q question) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if q.door = !r.admitted; len(r.allowed) < maxRemembered {
		r.allowed = append(r.allowed, q)
	}
}

// remembers reports whether the question was allowed a moment ago. One without condition keys relies on the door's,
// which had them; not on another room's, which may have been about less (the listing of one prefix).
func (r *Request) remembers(c *Caller, action, resource string, entries []policy.Entry, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.allowed {
		q := &r.allowed[i]
		if q.action == action && q.resource == resource && now.Sub(q.at) < rememberFor && q.caller == *c &&
			(len(entries) == 0 && q.door || sameEntries(q.entries, entries)) {
			return true
		}
	}
	return false
}

// note keeps a refusal for the request's audit record.
func (r *Request) note(refusal *Refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.refusals) < maxRefusals {
		r.refusals = append(r.refusals, refusal)
	}
}

func sameEntries(a, b []policy.Entry) bool {
	return slices.EqualFunc(a, b, func(x, y policy.Entry) bool { return x.Key == y.Key && slices.Equal(x.Values, y.Values) })
}
