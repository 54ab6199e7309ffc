package main

import (
	"strings"
	"testing"
	"time"
)

func TestLockIsWaitedForAMoment(t *testing.T) {
	dir := t.TempDir()
	first, err := lockFolder(dir)
	ok(t, err)
	time.AfterFunc(50*time.Millisecond, func() { first.Close() })
	second, err := lockFolder(dir)
	ok(t, err)
	defer second.Close()
	if _, err := lockFolder(dir); err == nil || !strings.Contains(err.Error(), "another flowlake server") {
		t.Errorf("got %v", err)
	}
}
