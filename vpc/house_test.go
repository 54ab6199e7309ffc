package vpc

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"flowlake/access"
	"flowlake/access/identity"
	"flowlake/catalog"
	"flowlake/delivery"
	firehose "flowlake/delivery/destination"
	"flowlake/flow"
	"flowlake/lake"
	"flowlake/logs"
	"flowlake/state"
)

// house is the room over the rooms that it delivers to, all of them at work.
type house struct {
	*Store
	t       testing.TB
	dir     string
	publish time.Duration
	people  bool            // there are identities
	ids     *identity.Store // nil without
	stop    func()
}

func open(t testing.TB, publish time.Duration) *house {
	h := &house{t: t, dir: t.TempDir(), publish: publish}
	h.start()
	t.Cleanup(func() { h.stop() })
	return h
}

func (h *house) start() {
	h.t.Helper()
	quiet, guard := slog.New(slog.DiscardHandler), access.NewGuard(account)
	st := must(state.Open(filepath.Join(h.dir, "state")))(h.t)
	if h.people {
		h.ids = must(identity.Open(st, account, must(identity.OpenSeal(filepath.Join(h.dir, "config", "key")))(h.t), quiet))(h.t)
		guard = access.OpenGuard(access.GuardConfig{Account: account, Identities: h.ids, Log: quiet})
	}
	lk := must(lake.Open(lake.Config{Dir: filepath.Join(h.dir, "lake")}, st, guard, quiet))(h.t)
	lg := must(logs.Open(logs.Config{Dir: filepath.Join(h.dir, "logs")}, st, lk, guard, quiet))(h.t)
	tables := catalog.Open(st, guard, quiet)
	guard.SetResources(lk)
	dl := must(delivery.Open(delivery.Config{Dir: filepath.Join(h.dir, "delivery"), Scratch: filepath.Join(h.dir, "scratch"), RetryMin: 10 * time.Millisecond, RetryMax: 50 * time.Millisecond},
		st, lk, lg, tables, guard, quiet))(h.t)
	dl.Handle(delivery.KindFirehose, firehose.New(tables, guard, false, quiet))
	h.Store = must(Open(Config{PublishEvery: h.publish}, st, lk, lg, dl, guard, quiet))(h.t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- dl.Run(ctx) }()
	go func() { done <- h.Run(ctx) }()
	h.stop = func() {
		cancel()
		for range 2 {
			if err := <-done; err != nil {
				h.t.Error(err)
			}
		}
		for _, c := range []io.Closer{dl, lg, lk, st} {
			if err := c.Close(); err != nil {
				h.t.Error(err)
			}
		}
		h.stop = func() {}
	}
}

// network makes a VPC with a subnet and n interfaces.
func (h *house) network(n int) (VPC, Subnet, []Interface) {
	h.t.Helper()
	ctx := h.t.Context()
	v := must(h.CreateVPC(ctx, root, VPCInput{CIDR: "10.0.0.0/16"}))(h.t)
	sub := must(h.CreateSubnet(ctx, root, SubnetInput{VPC: v.ID, CIDR: "10.0.1.0/24"}))(h.t)
	var list []Interface
	for range n {
		list = append(list, must(h.CreateInterface(ctx, root, InterfaceInput{Subnet: sub.ID}))(h.t))
	}
	return v, sub, list
}

// flowLog makes one flow log.
func (h *house) flowLog(in FlowLogInput) FlowLog {
	h.t.Helper()
	made, failed, err := h.CreateFlowLogs(h.t.Context(), root, in)
	if err != nil || len(failed) > 0 || len(made) != 1 {
		h.t.Fatalf("got %v, %v, %v", made, failed, err)
	}
	return made[0]
}

func (h *house) bucket(name string) {
	h.t.Helper()
	if err := h.lake.CreateBucket(h.t.Context(), root, name); err != nil {
		h.t.Fatal(err)
	}
}

// put puts records of the default format, for which %E is an interface.
func (h *house) put(f FlowLog, eni string, lines ...string) PutResult {
	h.t.Helper()
	in := PutInput{FlowLog: f.ID, Fields: flow.DefaultFormat()}
	for _, l := range lines {
		in.Lines = append(in.Lines, []byte(strings.ReplaceAll(l, "%E", eni)))
	}
	return must(h.Put(h.t.Context(), root, in))(h.t)
}

// objects waits until there are n objects below a prefix, and returns their keys and bytes.
func (h *house) objects(bucket, prefix string, n int) map[string][]byte {
	h.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		found := map[string][]byte{}
		for o, err := range h.lake.Walk(h.t.Context(), root, bucket, prefix) {
			if err != nil {
				h.t.Fatal(err)
			}
			r := must(h.lake.Open(h.t.Context(), root, bucket, o.Key))(h.t)
			found[o.Key] = must(io.ReadAll(r))(h.t)
			r.Close()
		}
		if len(found) == n {
			return found
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("%s has %d objects below %q, want %d", bucket, len(found), prefix, n)
		}
	}
}

func unzip(t testing.TB, data []byte) string {
	t.Helper()
	return string(must(io.ReadAll(must(gzip.NewReader(bytes.NewReader(data)))(t)))(t))
}
