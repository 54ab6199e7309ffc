package main

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/term"

	"flowlake/catalog/backfill"
)

// How often progress is shown: on a terminal, and as lines of a log.
const (
	barEvery  = 200 * time.Millisecond
	lineEvery = 5 * time.Second
)

// meter shows how a conversion goes on: a bar on a terminal, a line every few seconds elsewhere.
type meter struct {
	end, ended chan struct{}
}

func newMeter(v *conversion, p *backfill.Plan, r *backfill.Run) *meter {
	m := &meter{make(chan struct{}), make(chan struct{})}
	if v.quiet || p.Groups() == 0 {
		close(m.ended)
		return m
	}
	began, progress := time.Now(), &r.Progress
	show := func() { v.tell("%s", progressLine(p, progress, time.Since(began))) }
	every, finish := lineEvery, func() {}
	if term.IsTerminal(int(os.Stderr.Fd())) {
		bar := newProgress("convert", p.Bytes)
		v.mu.Lock()
		v.log = aboveBar{bar, v.log}
		v.mu.Unlock()
		every = barEvery
		show = func() {
			v.mu.Lock()
			defer v.mu.Unlock()
			rows := progress.Rows.Load()
			bar.Describe(fmt.Sprintf("%s rows, %s/s", humanCount(float64(rows)), humanCount(float64(rows)/time.Since(began).Seconds())))
			bar.Set64(min(progress.Bytes.Load(), p.Bytes)) //nolint:errcheck // a bar that cannot be drawn is no obstacle
		}
		under := v.log.(aboveBar).w
		finish = func() {
			v.mu.Lock()
			defer v.mu.Unlock()
			bar.Finish() //nolint:errcheck // as above
			v.log = under
		}
	}
	go func() {
		defer close(m.ended)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				show()
			case <-m.end:
				finish()
				return
			}
		}
	}()
	return m
}

// stop ends the display.
func (m *meter) stop() {
	close(m.end)
	<-m.ended
}

// progressLine is what a log says of a conversion under way.
func progressLine(p *backfill.Plan, done *backfill.Progress, took time.Duration) string {
	bytes, rows := done.Bytes.Load(), done.Rows.Load()
	left := ""
	if bytes > 0 && bytes < p.Bytes {
		left = ", about " + roundTime(time.Duration(float64(took)*float64(p.Bytes-bytes)/float64(bytes))) + " left"
	}
	return fmt.Sprintf("%d of %s, %s of %s, %s rows, %s rows/s%s", done.Files.Load(), count(int64(p.Files), "file"), humanBytes(bytes), humanBytes(p.Bytes),
		humanCount(float64(rows)), humanCount(float64(rows)/max(took.Seconds(), 1e-3)), left)
}

// roundTime is a duration as people read it.
func roundTime(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
