package fault

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

func TestError(t *testing.T) {
	t.Run("reads subject then obstacle", func(t *testing.T) {
		err := Newf(NotFound, "log group web", "no such group")
		if got, want := err.Error(), "log group web: no such group"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
	t.Run("keeps the cause and its text", func(t *testing.T) {
		err := Newf(Unavailable, "object a", "write: %w", fs.ErrPermission)
		if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%v does not wrap fs.ErrPermission", err)
		}
		if got, want := err.Error(), "object a: write: permission denied"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
	t.Run("kind survives wrapping, and the outermost one wins", func(t *testing.T) {
		inner := Newf(NotFound, "bucket b", "no such bucket")
		if got := KindOf(fmt.Errorf("export: %w", inner)); got != NotFound {
			t.Errorf("got %v, want not found", got)
		}
		if got := KindOf(Newf(Invalid, "export", "%w", inner)); got != Invalid {
			t.Errorf("got %v, want invalid", got)
		}
	})
	t.Run("an unclassified error is internal", func(t *testing.T) {
		if got := KindOf(errors.New("x")); got != Internal {
			t.Errorf("got %v, want internal", got)
		}
		if Is(nil, Internal) {
			t.Error("nil is of no kind")
		}
	})
	t.Run("nouns match whole words", func(t *testing.T) {
		err := Newf(NotFound, "bucket policy of b", "none")
		if !HasNoun(err, "bucket policy") || !HasNoun(err, "bucket") || HasNoun(err, "buck") {
			t.Errorf("nouns of %v are wrong", err)
		}
	})
}
