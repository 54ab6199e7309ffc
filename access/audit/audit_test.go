package audit

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// clock is a time that a test moves.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func open(t *testing.T, dir string, cfg Config) (*Log, *clock) {
	t.Helper()
	c := &clock{time.Date(2026, 8, 22, 15, 10, 0, 0, time.UTC)}
	cfg.Dir, cfg.Now = dir, c.now
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l, c
}

// records reads all files, the oldest first.
func records(t *testing.T, dir string) (all []map[string]any) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "audit-*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, filepath.Join(dir, current)) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			var r map[string]any
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				t.Fatalf("%s: %q: %v", file, line, err)
			}
			all = append(all, r)
		}
	}
	return all
}

func TestARecordHasCloudTrailsShape(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	l, _ := open(t, dir, Config{})
	l.Write(&Event{UserIdentity: Identity{Type: "IAMUser", ARN: "arn:aws:iam::123456789012:user/ana<b>"}, EventSource: "s3.amazonaws.com", EventName: "PutObject",
		AWSRegion: "us-east-1", SourceIPAddress: "127.0.0.1", EventType: "AwsApiCall", EventCategory: "Data", RecipientAccountID: "123456789012"})
	for path, mode := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, current): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v, want %v", path, info.Mode(), err, mode)
		}
	}
	r := records(t, dir)[0]
	for _, member := range []string{"eventVersion", "userIdentity", "eventTime", "eventSource", "eventName", "awsRegion", "sourceIPAddress",
		"requestParameters", "responseElements", "eventID", "readOnly", "eventType", "managementEvent", "recipientAccountId", "eventCategory"} {
		if _, ok := r[member]; !ok {
			t.Errorf("%s is not there", member)
		}
	}
	if r["eventTime"] != "2026-08-22T15:10:00Z" || r["requestParameters"] != nil || r["eventVersion"] != "1.11" {
		t.Errorf("got %v", r)
	}
}

func TestFilesRotate(t *testing.T) {
	for _, tt := range []struct {
		name  string
		cfg   Config
		step  time.Duration
		files int // that are left of twenty events, with the current one
		kept  int // events in them
	}{
		{"by size", Config{MaxBytes: 1000}, time.Second, 10, 20},
		{"by age", Config{MaxAge: 90 * time.Minute}, time.Hour, 10, 20},
		{"and go by their bytes", Config{MaxBytes: 1000, KeepBytes: 2000}, time.Second, 3, 6},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			l, c := open(t, dir, tt.cfg)
			for i := range 20 {
				l.Write(&Event{EventName: fmt.Sprint("event", i)})
				c.at = c.at.Add(tt.step)
			}
			entries, _ := os.ReadDir(dir)
			all := records(t, dir)
			if len(entries) != tt.files || len(all) != tt.kept || all[len(all)-1]["eventName"] != "event19" {
				t.Errorf("got %d files, %d events, the last %v; want %d, %d", len(entries), len(all), all[len(all)-1]["eventName"], tt.files, tt.kept)
			}
		})
	}
	t.Run("and go by their age", func(t *testing.T) {
		dir := t.TempDir()
		l, c := open(t, dir, Config{Keep: time.Hour})
		l.Write(&Event{EventName: "old"})
		if err := l.Seal(); err != nil {
			t.Fatal(err)
		}
		c.at = time.Now().Add(2 * time.Hour) // files have the system's times
		l.Write(&Event{EventName: "new"})
		if err := l.Seal(); err != nil {
			t.Fatal(err)
		}
		if paths, err := l.Undelivered(); err != nil || len(paths) != 0 { // both are old by then
			t.Errorf("got %v, %v", paths, err)
		}
	})
}

func TestALogGoesOnAfterACrash(t *testing.T) {
	dir := t.TempDir()
	l, _ := open(t, dir, Config{})
	l.Write(&Event{EventName: "before"})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(dir, current), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"eventName":"cut sh`); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	l, _ = open(t, dir, Config{})
	l.Write(&Event{EventName: "after"})
	if err := l.Seal(); err != nil {
		t.Fatal(err)
	}
	paths, err := l.Undelivered()
	if err != nil || len(paths) != 1 {
		t.Fatalf("got %v, %v", paths, err)
	}
	objects, err := Objects(paths[0], "123456789012")
	if err != nil || len(objects) != 1 {
		t.Fatalf("got %v, %v", objects, err)
	}
	if names := delivery(t, objects[0].Body); len(names) != 2 || names[0] != "before" || names[1] != "after" {
		t.Errorf("got %v", names)
	}
}

// delivery reads the names of an object's events.
func delivery(t *testing.T, body []byte) (names []string) {
	t.Helper()
	gz, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(gz)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Records []struct {
			EventName string `json:"eventName"`
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	for _, r := range file.Records {
		names = append(names, r.EventName)
	}
	return names
}

func TestFilesAreDeliveredAsCloudTrailsAre(t *testing.T) {
	dir := t.TempDir()
	l, _ := open(t, dir, Config{})
	for _, region := range []string{"us-east-1", "ap-northeast-2", "us-east-1", ""} {
		l.Write(&Event{EventName: "in " + region, AWSRegion: region})
	}
	if err := l.Seal(); err != nil {
		t.Fatal(err)
	}
	paths, err := l.Undelivered()
	if err != nil || len(paths) != 1 {
		t.Fatalf("got %v, %v", paths, err)
	}
	objects, err := Objects(paths[0], "123456789012")
	if err != nil {
		t.Fatal(err)
	}
	again, err := Objects(paths[0], "123456789012")
	if err != nil || len(objects) != 2 || again[0].Key != objects[0].Key || again[1].Key != objects[1].Key {
		t.Errorf("got %d objects, %v; the same file has other keys", len(objects), err)
	}
	if key := objects[1].Key; !strings.HasPrefix(key, "AWSLogs/123456789012/CloudTrail/us-east-1/2026/08/22/123456789012_CloudTrail_us-east-1_20260822T1510Z_") || !strings.HasSuffix(key, ".json.gz") {
		t.Errorf("got %s", key)
	}
	if names := delivery(t, objects[1].Body); len(names) != 3 {
		t.Errorf("got %v", names)
	}
	if err := l.Delivered(paths[0]); err != nil {
		t.Fatal(err)
	}
	if paths, err := l.Undelivered(); err != nil || len(paths) != 0 {
		t.Errorf("got %v, %v", paths, err)
	}
	if err := l.Seal(); err != nil { // nothing was written
		t.Fatal(err)
	}
	if paths, _ := l.Undelivered(); len(paths) != 0 {
		t.Errorf("an empty file was sealed: %v", paths)
	}
}

func TestWhatRepeatsIsCounted(t *testing.T) {
	dir := t.TempDir()
	l, c := open(t, dir, Config{})
	made := 0
	again := func(key string) {
		l.Repeat(key, time.Hour, func() Event { made++; return Event{EventName: key} })
	}
	for range 1000 {
		again("a")
	}
	again("b")
	c.at = c.at.Add(time.Hour)
	again("c") // sweeps
	var got []string
	for _, r := range records(t, dir) {
		text := r["eventName"].(string)
		if data, ok := r["additionalEventData"].(map[string]any); ok {
			text += fmt.Sprint(" ", data["repeated"])
		}
		got = append(got, text)
	}
	if text := strings.Join(got, ", "); text != "a, b, a 999, c" {
		t.Errorf("got %s", text)
	}
	if made != 4 { // a's first and its count's, b, c
		t.Errorf("made %d events", made)
	}
	t.Run("and its table is bounded", func(t *testing.T) {
		for i := range 3 * maxRepeats {
			again(fmt.Sprint(i))
		}
		if n := len(l.repeats.known); n > maxRepeats {
			t.Errorf("%d keys are known", n)
		}
	})
}

func TestWritersShareALog(t *testing.T) {
	dir := t.TempDir()
	l, _ := open(t, dir, Config{MaxBytes: 4000})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				l.Write(&Event{EventName: "e"})
			}
		})
	}
	wg.Wait()
	if n := len(records(t, dir)); n != 400 {
		t.Errorf("got %d events", n)
	}
}

func TestALogGoesOnWhenItsFolderIsThereAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	l, _ := open(t, dir, Config{MaxBytes: 10})
	write := func(name string) { l.Write(&Event{EventName: name}) }
	write("first")
	if err := os.Rename(dir, dir+"-away"); err != nil {
		t.Fatal(err)
	}
	write("lost")
	write("lost too")
	if err := os.Rename(dir+"-away", dir); err != nil {
		t.Fatal(err)
	}
	write("next")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	write("after the end")
	var got []string
	for _, r := range records(t, dir) {
		got = append(got, r["eventName"].(string))
	}
	if strings.Join(got, " ") != "first next" {
		t.Errorf("got %v", got)
	}
}

func TestALogThatCannotBeMadeSaysSo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Dir: filepath.Join(file, "audit")}); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("got %v", err)
	}
	l, _ := open(t, t.TempDir(), Config{})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l.Write(&Event{EventName: "late"}) // is lost, and counted
	if l.Seal() == nil || errors.Is(l.Close(), os.ErrClosed) {
		t.Error("a closed log is sealed")
	}
}
