package main

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"flowlake/flow"
	"flowlake/flow/synthetic"
)

// queried returns a query's rows by the real client.
func queried(t *testing.T, env []string, sql string) [][]string {
	t.Helper()
	out, errs, code := runCommand(t, env, "", "query", "--output", "csv", sql)
	if code != 0 {
		t.Fatalf("%s: exit %d, %s", sql, code, errs)
	}
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	ok(t, err)
	return rows[1:]
}

// TestConvertKilled kills a conversion at any point, at least ten times, and runs it again: each row is in the table once.
func TestConvertKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := launch(t, dir)
	env, c := p.env(t), p.clients("")
	flows := filepath.Join(dir, "flows")
	ok(t, os.Mkdir(flows, 0o700))
	const files, each = 48, 400
	for f := range files {
		var b bytes.Buffer
		for i := range each { // bytes numbers the rows; a file has two days
			n := f*each + i + 1
			fmt.Fprintf(&b, "2 123456789012 eni-1 10.0.0.1 10.0.0.2 1 2 6 1 %d %d %d ACCEPT OK\n", n, 1767225600+n%2*86400, 1767225660+n%2*86400)
		}
		b.WriteString("not a record\n")
		ok(t, os.WriteFile(filepath.Join(flows, fmt.Sprintf("%02d.log", f)), b.Bytes(), 0o600))
	}
	args := []string{"convert", flows, "--to", "vpc.killed", "--group-bytes", "1", "--workers", "2"}
	bucket, journal := "flowlake-"+defaultAccount+"-"+defaultRegion, "vpc/killed/_flowlake/convert/"
	keys := func(prefix string) (out []string) {
		res, err := c.s3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix})
		if err != nil { // the bucket is not there yet
			return nil
		}
		for _, o := range res.Contents {
			out = append(out, *o.Key)
		}
		return out
	}
	self, err := os.Executable()
	ok(t, err)
	r := rand.New(rand.NewPCG(1, 2))
	kills := 0
	for done := 0; done < files; {
		cmd := exec.Command(self, args...)
		var errs bytes.Buffer
		cmd.Env, cmd.SysProcAttr, cmd.Stderr = env, childOfThis(), &errs
		ok(t, cmd.Start())
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		stop, patience := min(done+r.IntN(4), files-1), time.Now().Add(10*time.Second)
		for kills < 14 {
			if now := len(keys(journal + "done/")); now >= stop && len(keys(journal+"plans/")) > 0 || time.Now().After(patience) {
				time.Sleep(time.Duration(r.IntN(8)) * time.Millisecond) // anywhere in what comes next
				if cmd.Process.Kill() == nil {
					kills++
				}
				break
			}
			time.Sleep(time.Millisecond)
		}
		if <-ended; cmd.ProcessState.Exited() && cmd.ProcessState.ExitCode() != 0 {
			t.Fatalf("after %d kills: %s", kills, &errs)
		}
		done = len(keys(journal + "done/"))
	}
	if kills < 10 {
		t.Errorf("it was killed %d times only", kills)
	}
	out, errs, code := runCommand(t, env, "", append(args, "--bad-lines", filepath.Join(dir, "bad"))...)
	if code != 0 || !strings.Contains(errs, "48 files converted already") || out != "" {
		t.Errorf("exit %d, %q, %q", code, out, errs)
	}
	got := queried(t, env, "SELECT count(*), count(DISTINCT bytes), min(bytes), max(bytes) FROM vpc.killed")
	if want := []string{fmt.Sprint(files * each), fmt.Sprint(files * each), "1", fmt.Sprint(files * each)}; !slices.Equal(got[0], want) {
		t.Errorf("after %d kills: got %v, want %v", kills, got[0], want)
	}
	if open := keys(journal + "open/"); len(open) > 0 {
		t.Errorf("these groups are still open: %v", open)
	}
	if objects := keys("vpc/killed/day="); len(objects) != 2*files {
		t.Errorf("%d objects, want %d", len(objects), 2*files)
	}
	bad, err := os.ReadFile(filepath.Join(dir, "bad"))
	ok(t, err)
	if n := bytes.Count(bad, []byte{'\n'}); n != files || bytes.Count(bad, []byte(`"line":401`)) != files {
		t.Errorf("%d bad lines:\n%s", n, bad)
	}
}

// mixed is a random file of flow logs, and what a reader of text alone makes of it.
type mixed struct {
	text        bytes.Buffer
	rows, bad   int
	bytes, none int64 // the sum of the field bytes, and the rows without one
}

func mix(t *testing.T, r *rand.Rand) *mixed {
	t.Helper()
	m := &mixed{}
	end := []string{"\n", "\r\n"}[r.IntN(2)]
	for range 1 + r.IntN(2) {
		fields, stamp, head := flow.DefaultFormat(), r.IntN(3) == 0, r.IntN(2) == 0
		if r.IntN(3) > 0 {
			all := slices.DeleteFunc(flow.Fields(), func(f flow.Field) bool { return f.Version == 6 || f.Name == "start" || f.Name == "version" })
			r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			start, _ := flow.Lookup("start")
			version, _ := flow.Lookup("version")
			fields, head, stamp = append(all[:3+r.IntN(12)], start, version), true, false
			if r.IntN(2) == 0 {
				slices.SortFunc(fields, func(a, b flow.Field) int { return strings.Compare(a.Name, b.Name) })
			}
		}
		if head || m.text.Len() > 0 { // joined files need a header from the second on
			m.text.WriteString(flow.Header(fields) + end)
		}
		g, err := synthetic.New(synthetic.Config{Seed: r.Uint64(), Rows: 50 + r.IntN(300), Fields: fields, Start: time.Date(2026, 1, 1+r.IntN(4), 23, 50, 0, 0, time.UTC)})
		ok(t, err)
		for {
			line, more := g.Next(nil)
			if !more {
				break
			}
			switch r.IntN(40) {
			case 0:
				line = line[:r.IntN(len(line))]
			case 1:
				line = append(line, " \xff\x00more"...)
			case 2:
				line = []byte(strings.ReplaceAll(string(line), "-", "?"))
			case 3:
				line = nil
			}
			if stamp {
				m.text.WriteString("2026-01-01T00:00:00.000Z ")
			}
			m.text.Write(line)
			m.text.WriteString(end)
			m.count(fields, line, stamp)
		}
	}
	return m
}

func (m *mixed) count(fields []flow.Field, line []byte, stamped bool) {
	if len(line) == 0 && !stamped {
		return
	}
	rec, err := flow.Parse(fields, line)
	if err != nil {
		m.bad++
		return
	}
	if _, timed := rec.Time(); !timed {
		m.bad++
		return
	}
	m.rows++
	if b := rec.Get("bytes"); b.Null() {
		m.none++
	} else {
		m.bytes += b.Int()
	}
}

// TestConvertMixed converts random mixes of formats: what is in the table and what is aside is all that was in the files, and a
// query answers what the text says.
func TestConvertMixed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := launch(t, dir)
	env := p.env(t)
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 7))
		flows := filepath.Join(dir, fmt.Sprint("flows", seed))
		ok(t, os.MkdirAll(filepath.Join(flows, "deep"), 0o700))
		var sum mixed
		for f := range 12 {
			m := mix(t, r)
			sum.rows, sum.bad, sum.bytes, sum.none = sum.rows+m.rows, sum.bad+m.bad, sum.bytes+m.bytes, sum.none+m.none
			data := m.text.Bytes()
			if r.IntN(2) == 0 { // by content, not by name
				var z bytes.Buffer
				zw := gzip.NewWriter(&z)
				zw.Write(data)
				ok(t, zw.Close())
				data = z.Bytes()
			}
			ok(t, os.WriteFile(filepath.Join(flows, []string{"", "deep"}[f%2], fmt.Sprint(f, ".log")), data, 0o600))
		}
		table, aside := fmt.Sprint("vpc.mixed", seed), filepath.Join(dir, fmt.Sprint("bad", seed))
		_, errs, code := runCommand(t, env, "", "convert", flows, "--to", table, "--bad-lines", aside, "--group-bytes", "20000", "--partition", []string{"day", "hour", "none", "day"}[seed])
		if code != 0 {
			t.Fatalf("seed %d: exit %d, %s", seed, code, errs)
		}
		got := queried(t, env, "SELECT count(*), sum(bytes), count(*) - count(bytes) FROM "+table)
		if want := []string{fmt.Sprint(sum.rows), fmt.Sprint(sum.bytes), fmt.Sprint(sum.none)}; !slices.Equal(got[0], want) {
			t.Errorf("seed %d: got %v, want %v\n%s", seed, got[0], want, errs)
		}
		bad, err := os.ReadFile(aside)
		ok(t, err)
		if n := bytes.Count(bad, []byte{'\n'}); n != sum.bad {
			t.Errorf("seed %d: %d lines aside, want %d", seed, n, sum.bad)
		}
		for line := range bytes.SplitSeq(bytes.TrimSpace(bad), []byte{'\n'}) {
			var b struct{ File, Reason string }
			if err := json.Unmarshal(line, &b); len(line) > 0 && (err != nil || b.File == "" || b.Reason == "") {
				t.Errorf("%v: %s", err, line)
			}
		}
	}
}
