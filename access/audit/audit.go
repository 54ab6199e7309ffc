// Package audit writes down who asked for what and what was decided: one JSON object a line, in the shape of
// CloudTrail's records, in files that rotate. It never holds a secret, nor what a request or an answer carried.
//
// A request is one record. What background work was allowed or refused is one record the first time, and then one
// with a count now and then (see Log.Repeat), so that a crawler that lists a million objects is a line and not a million.
package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"flowlake/fault"
)

// Config says where the log lies and how much of it is kept. Zero values take the defaults.
type Config struct {
	Dir       string        // made when it is not there: 0700, its files 0600
	MaxBytes  int64         // of a file, before the next is begun; 64 MiB
	MaxAge    time.Duration // of a file, before the next is begun; 24 h
	Keep      time.Duration // how long a finished file stays; 90 days, as CloudTrail's event history
	KeepBytes int64         // of finished files together: the oldest go; 2 GiB
	Log       *slog.Logger
	Now       func() time.Time // nil: time.Now
}

// Default returns the bounds that a house uses.
func Default() Config {
	return Config{MaxBytes: 64 << 20, MaxAge: 24 * time.Hour, Keep: 90 * 24 * time.Hour, KeepBytes: 2 << 30}
}

// current is the file that is written to; finished ones are "audit-<time>.jsonl", in the order of their names, and
// "audit-<time>.delivered.jsonl" once a bucket has them.
const (
	current       = "audit.jsonl"
	finishedStamp = "20060102T150405.000000Z"
	delivered     = ".delivered.jsonl"
)

// Log is the audit log of a house. It is safe for concurrent use.
//
// A record is with the kernel when Write returns: the process may be killed, and nothing is lost; it is not fsynced, so
// a power cut may take the last seconds. A record that cannot be written (a full disk) is counted and reported,
// and its request goes on.
type Log struct {
	cfg Config

	mu       sync.Mutex
	file     *os.File     // guarded by mu; nil after Close, and when the next one could not be opened
	closed   bool         // guarded by mu
	size     int64        // guarded by mu
	began    time.Time    // guarded by mu; when the file's first record was written
	buf      bytes.Buffer // guarded by mu
	lost     int          // guarded by mu; records since the last report
	reported time.Time    // guarded by mu
	repeats  repeats      // guarded by mu
}

// Open opens the log below cfg.Dir and goes on where the last process stopped. It starts nothing.
func Open(cfg Config) (*Log, error) {
	d := Default()
	if cfg.MaxBytes <= 0 {
		cfg.MaxBytes = d.MaxBytes
	}
	if cfg.MaxAge <= 0 {
		cfg.MaxAge = d.MaxAge
	}
	if cfg.Keep <= 0 {
		cfg.Keep = d.Keep
	}
	if cfg.KeepBytes <= 0 {
		cfg.KeepBytes = d.KeepBytes
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fault.Newf(fault.Unavailable, "audit log "+cfg.Dir, "cannot be made: %w", err)
	}
	l := &Log{cfg: cfg}
	if err := l.open(); err != nil {
		return nil, err
	}
	return l, nil
}

// open opens the current file; a last line that a crash cut short is ended.
func (l *Log) open() error {
	path := filepath.Join(l.cfg.Dir, current)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fault.Newf(fault.Unavailable, "audit log "+path, "cannot be opened: %w", err)
	}
	info, err := f.Stat()
	if err == nil && info.Size() > 0 {
		last := make([]byte, 1)
		if _, err = f.ReadAt(last, info.Size()-1); err == nil && last[0] != '\n' {
			_, err = f.Write([]byte{'\n'})
		}
	}
	if err != nil {
		return errors.Join(fault.Newf(fault.Unavailable, "audit log "+path, "cannot be read: %w", err), f.Close())
	}
	l.file, l.size, l.began = f, info.Size(), l.cfg.Now()
	if l.size > 0 {
		l.began = info.ModTime() // no later than this
	}
	return nil
}

// Write appends an event. Its id, version and time are filled in when they are empty.
func (l *Log) Write(e *Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.write(e)
}

// write appends an event; l.mu is held.
func (l *Log) write(e *Event) {
	now := l.cfg.Now()
	e.fill(now)
	l.buf.Reset()
	encode := json.NewEncoder(&l.buf)
	encode.SetEscapeHTML(false)
	err := encode.Encode(e) // ends with a line feed
	if err == nil && l.file == nil {
		if err = fs.ErrClosed; !l.closed { // what kept the last record out may be over
			err = l.open()
		}
	}
	if err == nil && l.size > 0 && (l.size+int64(l.buf.Len()) > l.cfg.MaxBytes || now.Sub(l.began) > l.cfg.MaxAge) {
		err = l.finish(now)
	}
	if err == nil {
		if l.size == 0 {
			l.began = now
		}
		var n int
		n, err = l.file.Write(l.buf.Bytes())
		l.size += int64(n)
		if err != nil && n > 0 { // half a line is none
			if l.file.Truncate(l.size-int64(n)) == nil {
				l.size -= int64(n)
			}
		}
	}
	if err == nil {
		return
	}
	l.lost++
	if now.Sub(l.reported) >= time.Minute {
		l.cfg.Log.Error("audit records lost", "records", l.lost, "err", err)
		l.lost, l.reported = 0, now
	}
}

// finish ends the current file and begins the next; l.mu is held.
func (l *Log) finish(now time.Time) error {
	name := "audit-" + now.UTC().Format(finishedStamp) + ".jsonl"
	for at := now; ; { // two within a microsecond
		if _, err := os.Lstat(filepath.Join(l.cfg.Dir, name)); errors.Is(err, fs.ErrNotExist) {
			break
		}
		at = at.Add(time.Microsecond)
		name = "audit-" + at.UTC().Format(finishedStamp) + ".jsonl"
	}
	if err := errors.Join(l.file.Sync(), l.file.Close()); err != nil {
		l.cfg.Log.Warn("audit file not synced", "err", err)
	}
	l.file = nil
	if err := os.Rename(filepath.Join(l.cfg.Dir, current), filepath.Join(l.cfg.Dir, name)); err != nil {
		return errors.Join(fmt.Errorf("finish the audit file: %w", err), l.open())
	}
	if err := l.open(); err != nil {
		return err
	}
	l.forget(now)
	return nil
}

// forget removes finished files that are old or too many; l.mu is held.
func (l *Log) forget(now time.Time) {
	names, err := l.finished()
	if err != nil {
		l.cfg.Log.Warn("audit files not listed", "err", err)
		return
	}
	var bytes int64
	for _, name := range slices.Backward(names) {
		path := filepath.Join(l.cfg.Dir, name)
		info, err := os.Stat(path)
		if err != nil {
			continue
		}
		bytes += info.Size()
		if bytes <= l.cfg.KeepBytes && now.Sub(info.ModTime()) <= l.cfg.Keep {
			continue
		}
		if err := os.Remove(path); err != nil {
			l.cfg.Log.Warn("audit file not removed", "file", name, "err", err)
			continue
		}
		l.cfg.Log.Info("audit file removed", "file", name, "bytes", info.Size())
	}
}

// finished lists the finished files' names, oldest first.
func (l *Log) finished() ([]string, error) {
	entries, err := os.ReadDir(l.cfg.Dir) // in the order of names
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "audit-") && strings.HasSuffix(e.Name(), ".jsonl") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Seal ends the current file, if anything is in it, so that it can be delivered, and counts of what repeats with it.
func (l *Log) Seal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return fs.ErrClosed
	}
	l.sweep(l.cfg.Now())
	if l.size == 0 {
		return nil
	}
	return l.finish(l.cfg.Now())
}

// Undelivered returns the paths of the finished files that Delivered was not called for, oldest first.
func (l *Log) Undelivered() ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	names, err := l.finished()
	if err != nil {
		return nil, fault.Newf(fault.Unavailable, "audit log "+l.cfg.Dir, "%w", err)
	}
	var paths []string
	for _, name := range names {
		if !strings.HasSuffix(name, delivered) {
			paths = append(paths, filepath.Join(l.cfg.Dir, name))
		}
	}
	return paths, nil
}

// Delivered marks a finished file as one that need not be delivered again.
func (l *Log) Delivered(path string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return os.Rename(path, strings.TrimSuffix(path, ".jsonl")+delivered)
}

// Close writes the counts of what repeated and closes the file. What is written afterwards is lost, and counted so.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.flush()
	l.closed = true
	if l.file == nil {
		return nil
	}
	err := errors.Join(l.file.Sync(), l.file.Close())
	l.file = nil
	return err
}
