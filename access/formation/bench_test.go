package formation_test

import (
	"fmt"
	"log/slog"
	"testing"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/state"
)

// BenchmarkTable is the question of each query and GetTable: one table of a database, on which many were granted something.
func BenchmarkTable(b *testing.B) {
	st := must(state.Open(b.TempDir()))(b)
	defer st.Close()
	f := formation.Open(st, access.NewGuard(account), slog.New(slog.DiscardHandler))
	maker := access.Caller{Account: account, Region: region, Principal: "arn:aws:iam::" + account + ":user/maker", ID: "AIDAMAKER"}
	t := formation.Table{Database: "flow", Name: "logs"}
	for i := range 16 {
		t.Columns = append(t.Columns, formation.Column{Name: fmt.Sprintf("c%d", i), Type: "string"})
	}
	if err := st.Update(b.Context(), func(tx *state.Tx) error { return f.At(tx, maker).TableCreated(b.Context(), "flow", "logs", false) }); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if a, err := f.Table(b.Context(), maker, t); err != nil || !a.May(formation.Select) {
			b.Fatal(a, err)
		}
	}
}
