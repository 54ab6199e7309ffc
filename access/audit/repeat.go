package audit

import "time"

// maxRepeats bounds what is counted at a time; when it is reached all counts are written and counting begins anew.
const maxRepeats = 4096

// repeats are the events that come again and again, by what makes them the same.
type repeats struct {
	known map[string]*repeat
	swept time.Time
}

type repeat struct {
	event Event // as it was the last time
	every time.Duration
	since time.Time // it was written
	count int       // of times since then
}

// Repeat records an event of a kind that comes again and again: the first of a key is written, later ones are counted, and
// the count is written with the next one, or soon, when every has passed. Keys are the caller's to choose: equal ones
// make equal events. make is called for those that are kept.
func (l *Log) Repeat(key string, every time.Duration, make func() Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.cfg.Now()
	if now.Sub(l.repeats.swept) >= time.Minute {
		l.sweep(now)
	}
	r := l.repeats.known[key]
	if r == nil {
		if len(l.repeats.known) >= maxRepeats {
			l.flush()
		}
		r = &repeat{event: make(), every: every, since: now}
		if l.repeats.known == nil {
			l.repeats.known = map[string]*repeat{}
		}
		l.repeats.known[key] = r
		first := r.event
		l.write(&first)
		return
	}
	r.count++
	if r.count == 1 {
		r.event = make()
	}
	r.event.EventTime = now
	if now.Sub(r.since) >= r.every {
		l.writeCount(r, now)
	}
}

// writeCount writes what a key's count stands for; l.mu is held.
func (l *Log) writeCount(r *repeat, now time.Time) {
	e := r.event
	if e.AdditionalEventData == nil {
		e.AdditionalEventData = &Additional{}
	} else {
		data := *e.AdditionalEventData
		e.AdditionalEventData = &data
	}
	e.AdditionalEventData.Repeated = r.count
	e.EventID = ""
	l.write(&e)
	r.since, r.count = now, 0
}

// sweep writes the counts whose time has come, and forgets keys that came no more; l.mu is held.
func (l *Log) sweep(now time.Time) {
	l.repeats.swept = now
	for key, r := range l.repeats.known {
		switch {
		case now.Sub(r.since) < r.every:
		case r.count > 0:
			l.writeCount(r, now)
		default:
			delete(l.repeats.known, key)
		}
	}
}

// flush writes all counts and forgets all keys; l.mu is held.
func (l *Log) flush() {
	now := l.cfg.Now()
	for _, r := range l.repeats.known {
		if r.count > 0 {
			l.writeCount(r, now)
		}
	}
	clear(l.repeats.known)
}
