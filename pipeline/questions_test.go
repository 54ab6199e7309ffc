package pipeline_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flowlake/access/audit"
	"flowlake/access/formation"
	"flowlake/catalog/crawler"
	"flowlake/flow"
	"flowlake/lake"
	"flowlake/logs"
	"flowlake/query"
	"flowlake/vpc"
)

// column is one of the table vpc.flows.
func column(name string) formation.Resource {
	return formation.Resource{Kind: formation.OfColumns, Database: "vpc", Table: "flows", Columns: []string{name}}
}

// recorded are the background decisions in the audit log.
func (h *house) recorded() (all []audit.Event) {
	h.t.Helper()
	files := must(filepath.Glob(filepath.Join(h.audit, "*.jsonl")))(h.t)
	for _, name := range files {
		f := must(os.Open(name))(h.t)
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var e audit.Event
			h.do(json.Unmarshal(lines.Bytes(), &e))
			all = append(all, e)
		}
		h.do(f.Close())
	}
	return all
}

// TestMapAsksWhatTheRoomsAsk has the pipeline work, and looks up each question of background work in the map: as whom, for
// which action, on what. So a room that asks for something else than the map does is found.
func TestMapAsksWhatTheRoomsAsk(t *testing.T) {
	h := fixed(t)
	ana := must(h.Guard.CallerOf(h.ctx, "arn:aws:iam::"+account+":user/ana", region))(t)
	line := "2 " + account + " " + h.eni + " 10.0.0.1 10.0.0.2 1 2 6 1 40 1700000000 1700000060 ACCEPT OK"
	put := vpc.PutInput{FlowLog: h.flowLog.ID, Fields: flow.DefaultFormat(), Lines: [][]byte{[]byte(line)}}
	must(h.VPC.Put(h.ctx, root, put))(t)
	list, _, err := h.VPC.FlowLogs(h.ctx, root, vpc.Query{})
	h.do(err)
	for _, f := range list {
		if f.Type == vpc.ToS3 {
			put.FlowLog = f.ID
			must(h.VPC.Put(h.ctx, root, put))(t)
		}
	}
	must(h.Logs.Put(h.ctx, root, "web", "one", []logs.Event{{TimeMillis: time.Now().UnixMilli(), Message: `{"src":"10.0.0.1","bytes":1}`}}))(t)
	below := func(prefix string) (n int) {
		for _, err := range h.Lake.Walk(h.ctx, root, "lake", prefix) {
			h.do(err)
			n++
		}
		return n
	}
	until(t, "records are delivered", func() bool { return below("kept/") > 0 && below("flows/")+below("failed/") > 0 && below("raw/") > 0 })
	must(h.Lake.Put(h.ctx, root, lake.PutInput{Bucket: "lake", Key: "raw/day=1/a.json", Body: strings.NewReader(`{"a":1}` + "\n"), Size: 8}))(t)
	for range 2 {
		h.do(h.Crawlers.Start(h.ctx, root, "raw"))
		until(t, "the crawl ends", func() bool {
			cr, err := h.Crawlers.Crawler(h.ctx, root, "raw")
			if err == nil && cr.Last != nil && cr.Last.Status != crawler.Succeeded {
				t.Fatal(cr.Last.Message)
			}
			return err == nil && cr.State == crawler.Ready && cr.Last != nil
		})
	}
	id := must(h.Queries.Start(h.ctx, ana, query.StartInput{Text: "SELECT src FROM vpc.flows", Database: "vpc"}))(t)
	until(t, "the query ends", func() bool {
		e, err := h.Queries.Execution(h.ctx, root, id)
		return err == nil && !e.Completed.IsZero()
	})
	h.stop()

	m := must(h.Map(h.ctx, root))(t)
	asked := 0
	for _, e := range h.recorded() {
		if e.AdditionalEventData == nil || e.UserIdentity.ARN == root.Principal || strings.HasPrefix(e.EventSource, "iam.") || e.ErrorCode != "" {
			continue // what was refused was asked in another way then: before the bucket's policy was there, for the other of two principals
		}
		d := e.AdditionalEventData.Decisions[0]
		who := e.UserIdentity.ARN
		if e.UserIdentity.SessionContext != nil {
			who = e.UserIdentity.SessionContext.SessionIssuer.ARN
		}
		if who == "" {
			who = e.UserIdentity.InvokedBy
		}
		found := e.EventName == "GetDatabase" && strings.HasSuffix(d.Resource, "/default") // every query looks for "default", and does without
		for _, s := range m.Steps {
			for _, n := range s.Needs {
				actor := s.Actor
				if n.Action == "sts:AssumeRole" {
					actor = s.Service
				}
				prefix, many := strings.CutSuffix(n.Resource, "*")
				if n.Action == d.Action && actor == who && (n.Resource == d.Resource || many && strings.HasPrefix(d.Resource, prefix)) {
					found = true
				}
			}
		}
		if asked++; !found {
			t.Errorf("%s asks %s on %s, and the map does not", who, d.Action, d.Resource)
		}
	}
	if asked < 25 {
		t.Errorf("only %d questions were asked", asked)
	}
}
