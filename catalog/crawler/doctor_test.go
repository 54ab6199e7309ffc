package crawler

import (
	"context"
	"errors"
	"testing"

	"flowlake/catalog/grok"
)

func TestDiagnoseEndsWithItsCrawl(t *testing.T) {
	p, err := grok.Compile("%{NUMBER:n:int} %{WORD:w}", "")
	if err != nil {
		t.Fatal(err)
	}
	sick := []finding{{lines: [][]byte{[]byte("1 one"), []byte("two 2"), {}, []byte("3 three")},
		tried: []verdict{{classifier: "c", pattern: p, matched: 2}}}}
	found, err := diagnose(t.Context(), sick)
	if err != nil || len(found) != 1 || found[0].Findings.Lines != 4 || found[0].Findings.Matched != 2 {
		t.Fatalf("got %+v, %v; want 2 of 4 lines matched", found, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := diagnose(ctx, sick); !errors.Is(err, context.Canceled) {
		t.Errorf("after the crawl was stopped: got %v", err)
	}
}
