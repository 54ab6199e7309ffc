package state

import (
	"database/sql/driver"
	"fmt"
	"testing"

	"github.com/mattn/go-sqlite3"

	"flowlake/fault"
)

// TestACommitWaitsForTheDisk holds the settings that survival of a power loss hangs on: in WAL mode SQLite syncs
// each commit only when synchronous is FULL, and no test on a running kernel can tell the difference.
func TestACommitWaitsForTheDisk(t *testing.T) {
	s := open(t, t.TempDir())
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2"} {
		var got string
		if err := s.write.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, %v; want %q", pragma, got, err, want)
		}
	}
}

func TestACommitThatFailsIsNoSuccess(t *testing.T) {
	s := open(t, t.TempDir())
	refuse := func(status int) {
		c, err := s.write.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.Raw(func(c any) error {
			sc, ok := c.(driver.Conn).(*sqlite3.SQLiteConn)
			if !ok {
				return fmt.Errorf("%T", c)
			}
			sc.RegisterCommitHook(func() int { return status })
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	create := func(tx *Tx) error { return tx.Create(id("a"), doc{1}) }
	refuse(1)
	if err := s.Update(t.Context(), create); err == nil {
		t.Error("a change that is not in the store was acknowledged")
	}
	err := s.View(t.Context(), func(tx *Tx) error { _, err := tx.Get(id("a"), &doc{}); return err })
	if !fault.Is(err, fault.NotFound) {
		t.Errorf("what was refused is there: %v", err)
	}
	refuse(0)
	update(t, s, create)
}
