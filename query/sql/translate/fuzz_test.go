package translate_test

import (
	"strings"
	"testing"
	"time"

	"context"

	trino "flowlake/query/sql"
	"flowlake/query/sql/translate"
)

// FuzzQuery: whatever the text says, translating it ends in a plan or an error.
func FuzzQuery(f *testing.F) {
	for _, line := range strings.Split(conformance, "\n") {
		x, _, ok := strings.Cut(line, " => ")
		if !ok {
			x, _, ok = strings.Cut(line, " !> ")
		}
		if ok && !strings.HasPrefix(line, "#") {
			f.Add(query(x))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		st, err := trino.Parse(text)
		if err != nil {
			return
		}
		q, ok := st.(*trino.Query)
		if !ok {
			return
		}
		p, err := translate.Query(context.Background(), q, text, catalog, translate.Options{Database: "db", Now: time.Unix(0, 0)})
		if err != nil {
			return
		}
		for _, table := range p.Tables {
			values := make([]string, len(table.Keys))
			table.Constraint.Matches(values)
		}
		if strings.ContainsRune(p.SQL, 0) {
			t.Errorf("%q becomes text with a NUL", text)
		}
	})
}
