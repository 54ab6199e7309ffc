package flowlake

import (
	"bufio"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"flowlake/access"
	"flowlake/aws/wire"
	"flowlake/fault"
	"flowlake/lake"
	"flowlake/logs"
	"flowlake/state"
)

func TestFollowLogEvents(t *testing.T) {
	dir, quiet, guard, root := t.TempDir(), slog.New(slog.DiscardHandler), access.NewGuard("123456789012"), access.Root("123456789012", "us-east-1")
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	st, err := state.Open(filepath.Join(dir, "state"))
	do(err)
	defer st.Close()
	lk, err := lake.Open(lake.Config{Dir: filepath.Join(dir, "lake")}, st, guard, quiet)
	do(err)
	defer lk.Close()
	lg, err := logs.Open(logs.Config{Dir: filepath.Join(dir, "logs")}, st, lk, guard, quiet)
	do(err)
	defer lg.Close()
	d := &door{logs: lg}
	follow := func(query url.Values) (lines []FollowLine, err error) {
		answer := httptest.NewRecorder()
		err = d.follow(t.Context(), &wire.Call{Request: httptest.NewRequest("POST", FollowPath+"?"+query.Encode(), nil), Writer: answer, Caller: root})
		for scan := bufio.NewScanner(answer.Body); scan.Scan(); {
			var line FollowLine
			do(json.Unmarshal(scan.Bytes(), &line))
			lines = append(lines, line)
		}
		return lines, err
	}
	do(lg.CreateGroup(t.Context(), root, "g", nil))
	do(lg.CreateStream(t.Context(), root, "g", "s"))
	start, err := follow(url.Values{"log-group": {"g"}})
	if err != nil || len(start) != 1 || start[0].Next == "" || start[0].Time == 0 {
		t.Fatalf("got %+v, %v", start, err)
	}
	now := time.Now().UnixMilli()
	_, err = lg.Put(t.Context(), root, "g", "s", []logs.Event{{TimeMillis: now, Message: "<a> größe\n"}, {TimeMillis: now, Message: "b"}})
	do(err)
	lines, err := follow(url.Values{"log-group": {"g"}, "from": {start[0].Next}, "pattern": {"a"}, "prefix": {"s"}, "wait": {"3000"}})
	if err != nil || len(lines) != 2 || lines[0].Message != "<a> größe\n" || lines[0].Stream != "s" || lines[0].Time != now || len(lines[0].ID) != 56 || lines[1].Next == "" || lines[1].Missed != 0 {
		t.Errorf("got %+v, %v", lines, err)
	}
	for _, row := range []struct {
		noun  string
		kind  fault.Kind
		query url.Values
	}{
		{"log group", fault.NotFound, url.Values{"log-group": {"none"}}},
		{"token", fault.Invalid, url.Values{"log-group": {"g"}, "from": {"x"}}},
		{"wait", fault.Invalid, url.Values{"log-group": {"g"}, "wait": {"3001"}}},
		{"wait", fault.Invalid, url.Values{"log-group": {"g"}, "wait": {"-1"}}},
		{"filter pattern", fault.Invalid, url.Values{"log-group": {"g"}, "pattern": {"["}}},
	} {
		if _, err := follow(row.query); !fault.Is(err, row.kind) || !fault.HasNoun(err, row.noun) {
			t.Errorf("%v: got %v", row.query, err)
		}
	}
}
