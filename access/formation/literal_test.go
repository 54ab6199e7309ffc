package formation

import (
	"strings"
	"testing"
)

// TestAFoldersNameIsNoPattern: what a table's folder is called gives no right to others.
func TestAFoldersNameIsNoPattern(t *testing.T) {
	got, err := tablePolicy("lake/a*b?${aws:username}", []Permission{Select})
	if err != nil || !strings.Contains(got, `"arn:aws:s3:::lake/a${*}b${?}${$}{aws:username}/*"`) {
		t.Errorf("got %s, %v", got, err)
	}
}
