package vpc

import (
	"strings"
	"testing"
	"time"

	"flowlake/delivery"
	"flowlake/fault"
	"flowlake/state"
)

// gone waits until a flow log's stream is removed.
func (h *house) gone(id string) {
	h.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		_, err := h.delivery.Stream(h.t.Context(), root, delivery.KindFlowLog, id)
		if fault.Is(err, fault.NotFound) {
			return
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("the stream of %s is still there: %v", id, err)
		}
	}
}

func TestADeletedFlowLogIsNotGivenUpForTheTimeThatTheServerWasDown(t *testing.T) {
	h := open(t, 15*time.Minute)
	v, _, enis := h.network(1)
	h.bucket("flows")
	f := h.flowLog(FlowLogInput{Resources: []string{v.ID}, ResourceType: "VPC", Traffic: "ALL", Type: ToS3, Destination: "arn:aws:s3:::flows"})
	h.put(f, enis[0].ID, records(time.Now())...)
	err := h.state.Update(t.Context(), func(tx *state.Tx) error { // deleted a day ago, and the server stopped at once
		if err := tx.Delete(h.doc(root, kindFlowLog, f.ID)); err != nil {
			return err
		}
		return tx.Put(h.doc(root, kindDrain, f.ID), drainDoc{Since: time.Now().Add(-24 * time.Hour), Caller: root})
	})
	if err != nil {
		t.Fatal(err)
	}
	h.stop()
	h.start()
	for _, data := range h.objects("flows", "", 1) {
		if text := unzip(t, data); strings.Count(text, "\n") != 4 {
			t.Errorf("got %s", text)
		}
	}
	h.gone(f.ID)
}

func TestAPutThatMeetsADeletionIsNotAcknowledged(t *testing.T) {
	h := open(t, 15*time.Minute)
	v, _, enis := h.network(1)
	h.bucket("flows")
	in := FlowLogInput{Resources: []string{v.ID}, ResourceType: "VPC", Traffic: "ALL", Type: ToS3, Destination: "arn:aws:s3:::flows"}
	lines := []record{{eni: enis[0].ID, line: "2"}}

	t.Run("the stream is still there", func(t *testing.T) {
		f := h.flowLog(in)
		err := h.state.Update(t.Context(), func(tx *state.Tx) error { return tx.Delete(h.doc(root, kindFlowLog, f.ID)) })
		if err != nil {
			t.Fatal(err)
		}
		if err := h.toFiles(t.Context(), root, f, lines); !fault.Is(err, fault.NotFound) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the stream is gone, and does not come again", func(t *testing.T) {
		f := h.flowLog(in)
		if err := h.DeleteFlowLogs(t.Context(), root, []string{f.ID, f.ID}); err != nil {
			t.Fatal(err)
		}
		h.gone(f.ID)
		if err := h.toFiles(t.Context(), root, f, lines); !fault.Is(err, fault.NotFound) {
			t.Errorf("got %v", err)
		}
		if _, err := h.delivery.Stream(t.Context(), root, delivery.KindFlowLog, f.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("its stream came again: %v", err)
		}
		if err := h.openStream(t.Context(), root, f); !fault.Is(err, fault.NotFound) { // the deletion came between
			t.Errorf("got %v", err)
		}
		h.gone(f.ID)
	})
}

func TestADeletionIsAllOrNothing(t *testing.T) {
	h := open(t, time.Minute)
	v, sub, enis := h.network(1)
	h.bucket("flows")
	for _, folder := range []string{"a", "b"} {
		h.flowLog(FlowLogInput{Resources: []string{enis[0].ID}, ResourceType: "NetworkInterface", Traffic: "ALL", Type: ToS3, Destination: "arn:aws:s3:::flows/" + folder})
	}
	other := h.flowLog(FlowLogInput{Resources: []string{v.ID}, ResourceType: "VPC", Traffic: "ALL", Type: ToS3, Destination: "arn:aws:s3:::flows"})
	if err := h.DeleteFlowLogs(t.Context(), root, []string{other.ID, "fl-0"}); !fault.Is(err, fault.NotFound) {
		t.Errorf("got %v", err)
	}
	if err := h.DeleteSubnet(t.Context(), root, sub.ID); !fault.Is(err, fault.Conflict) {
		t.Errorf("got %v", err)
	}
	if page, _, err := h.FlowLogs(t.Context(), root, Query{}); err != nil || len(page) != 3 {
		t.Errorf("got %v, %v", page, err)
	}
	if err := h.DeleteInterface(t.Context(), root, enis[0].ID); err != nil {
		t.Fatal(err)
	}
	page, _, err := h.FlowLogs(t.Context(), root, Query{})
	if err != nil || len(page) != 1 || page[0].ID != other.ID {
		t.Errorf("behind its interface there are %v, %v", page, err)
	}
}

func TestNoTwoFilesOfAFlowLogHaveOneName(t *testing.T) {
	for _, id := range []string{"fl-0123456789abcdef0", "fl-0123456789abcdef1"} {
		seen := make(map[uint32]bool, 300_000) // as random numbers about ten of them would meet
		for n := range uint64(300_000) {
			name := shuffle(id, n+1)
			if seen[name] {
				t.Fatalf("%s: batch %d has another's name, %08x", id, n+1, name)
			}
			seen[name] = true
		}
	}
	if shuffle("fl-1", 1) == shuffle("fl-2", 1) {
		t.Error("flow logs number their files alike")
	}
}
