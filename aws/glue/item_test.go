package glue

import (
	"errors"
	"strings"
	"testing"

	"flowlake/fault"
)

func TestItemError(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		code string
		says bool
	}{
		{"what the caller can mend is said", fault.Newf(fault.Exists, "partition a", "detail"), "AlreadyExistsException", true},
		{"what is internal is not", fault.Newf(fault.Internal, "partition a", "detail"), "InternalServiceException", false},
		{"nor what nobody classified", errors.New("detail"), "InternalServiceException", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if e := itemError(tt.err); *e.ErrorCode != tt.code || strings.Contains(*e.ErrorMessage, "detail") != tt.says || *e.ErrorMessage == "" {
				t.Errorf("%v: got %s %q", tt.err, *e.ErrorCode, *e.ErrorMessage)
			}
		})
	}
}
