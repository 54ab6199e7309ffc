package logs

import (
	"context"
	"strings"
	"testing"
	"time"

	"flowlake/access"
	"flowlake/fault"
)

// takers are destinations that note who subscribes.
type takers struct {
	heard     []Subscription
	err       error
	meanwhile func() // happens while a destination is asked
}

func (k *takers) Subscribe(_ context.Context, _ access.Caller, s Subscription) error {
	k.heard = append(k.heard, s)
	if k.meanwhile != nil {
		k.meanwhile()
	}
	return k.err
}

const (
	streamARN = "arn:aws:firehose:us-east-1:123456789012:deliverystream/to-lake"
	otherARN  = "arn:aws:firehose:us-east-1:123456789012:deliverystream/other"
	roleARN   = "arn:aws:iam::123456789012:role/CWLtoFirehose"
)

func TestSubscriptions(t *testing.T) {
	ctx := t.Context()
	h := newHouse(t)
	h.make(t, "g", "s")
	in := SubscriptionInput{Group: "g", Name: "f", Pattern: "[a, b]", DestinationARN: streamARN, RoleARN: roleARN}
	_, err := h.PutSubscription(ctx, root, in)
	wantKind(t, err, fault.Unsupported, "destination")
	k := &takers{}
	h.SetDestinations(k)
	now := time.Now().UnixMilli()
	h.put(t, "g", "s", Event{now, "before"}, Event{now, "too"})

	changed := h.SubscriptionsChanged()
	first, err := h.PutSubscription(ctx, root, in)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-changed:
	default:
		t.Error("a put is not told")
	}
	if first.Start != 3 || first.Distribution != ByLogStream || first.Account != account || first.Group != "g" || first.Name != "f" || first.GroupID == 0 ||
		len(k.heard) != 1 || k.heard[0].ID != first.ID || k.heard[0].Version != 0 {
		t.Errorf("got %+v, told %+v", first, k.heard)
	}

	t.Run("an update keeps the cursor", func(t *testing.T) {
		h.put(t, "g", "s", Event{now, "more"})
		change := in
		change.Pattern, change.Distribution = "ERROR", Random
		got, err := h.PutSubscription(ctx, root, change)
		if err != nil || got.ID != first.ID || got.Start != 3 || got.Pattern != "ERROR" || got.Distribution != Random || !got.Created.Equal(first.Created) || got.Version == first.Version || k.heard[1].Version == 0 {
			t.Errorf("got %+v, %v", got, err)
		}
		change.DestinationARN = otherARN
		got, err = h.PutSubscription(ctx, root, change)
		if err != nil || got.ID == first.ID || got.Start != 4 || k.heard[2].ID != got.ID || k.heard[2].Version != 0 {
			t.Errorf("another destination: got %+v, %v", got, err)
		}
		if first, err = h.PutSubscription(ctx, root, in); err != nil {
			t.Error(err)
		}
	})
	t.Run("a group has two", func(t *testing.T) {
		more := in
		more.Name = "e"
		if _, err := h.PutSubscription(ctx, root, more); err != nil {
			t.Fatal(err)
		}
		more.Name = "third"
		_, err := h.PutSubscription(ctx, root, more)
		wantKind(t, err, fault.Limit, "log group")
		if _, err := h.PutSubscription(ctx, root, in); err != nil {
			t.Errorf("an update of one: %v", err)
		}
		page, err := h.Subscriptions(ctx, root, "g", SubscriptionQuery{Limit: 1})
		if err != nil || len(page.Subscriptions) != 1 || page.Subscriptions[0].Name != "e" || page.Next == "" {
			t.Errorf("got %+v, %v", page, err)
		}
		page, err = h.Subscriptions(ctx, root, "g", SubscriptionQuery{Limit: 1, Token: page.Next})
		if err != nil || len(page.Subscriptions) != 1 || page.Subscriptions[0].ID != first.ID || page.Next != "" {
			t.Errorf("got %+v, %v", page, err)
		}
		to, err := h.SubscriptionsTo(ctx, root, streamARN)
		if err != nil || len(to) != 2 {
			t.Errorf("got %+v, %v", to, err)
		}
		if to, err = h.SubscriptionsTo(ctx, root.In("eu-west-1"), streamARN); err != nil || len(to) != 0 {
			t.Errorf("in another region: got %+v, %v", to, err)
		}
		changed := h.SubscriptionsChanged()
		if err := h.DeleteSubscription(ctx, root, "g", "e"); err != nil {
			t.Error(err)
		}
		<-changed
		wantKind(t, h.DeleteSubscription(ctx, root, "g", "e"), fault.NotFound, "subscription filter")
		wantKind(t, h.DeleteSubscription(ctx, root, "none", "f"), fault.NotFound, "log group")
	})
	t.Run("what is wrong is refused", func(t *testing.T) {
		heard := len(k.heard)
		for _, row := range []struct {
			name, noun string
			kind       fault.Kind
			change     func(*SubscriptionInput)
		}{
			{"no group", "log group", fault.NotFound, func(in *SubscriptionInput) { in.Group = "none" }},
			{"a name", "subscription filter", fault.Invalid, func(in *SubscriptionInput) { in.Name = "a:b" }},
			{"a pattern", "filter pattern", fault.Invalid, func(in *SubscriptionInput) { in.Pattern = "{" }},
			{"a distribution", "distribution", fault.Invalid, func(in *SubscriptionInput) { in.Distribution = "x" }},
			{"no ARN", "destination", fault.Invalid, func(in *SubscriptionInput) { in.DestinationARN = "to-lake" }},
			{"another region", "destination", fault.Invalid, func(in *SubscriptionInput) {
				in.DestinationARN = strings.Replace(streamARN, "us-east-1", "eu-west-1", 1)
			}},
			{"another account", "destination", fault.Invalid, func(in *SubscriptionInput) {
				in.DestinationARN = strings.Replace(streamARN, account, "210987654321", 1)
			}},
			{"no stream", "destination", fault.Invalid, func(in *SubscriptionInput) {
				in.DestinationARN = strings.Replace(streamARN, "deliverystream", "stream", 1)
			}},
			{"a function", "destination", fault.Unsupported, func(in *SubscriptionInput) {
				in.DestinationARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
			}},
			{"a Kinesis stream", "destination", fault.Unsupported, func(in *SubscriptionInput) { in.DestinationARN = "arn:aws:kinesis:us-east-1:123456789012:stream/f" }},
			{"a logical destination", "destination", fault.Unsupported, func(in *SubscriptionInput) {
				in.DestinationARN = "arn:aws:logs:us-east-1:123456789012:destination:f"
			}},
			{"a bucket", "destination", fault.Invalid, func(in *SubscriptionInput) { in.DestinationARN = "arn:aws:s3:us-east-1:123456789012:f" }},
			{"no role", "RoleARN", fault.Invalid, func(in *SubscriptionInput) { in.RoleARN = "" }},
			{"a role's form", "RoleARN", fault.Invalid, func(in *SubscriptionInput) { in.RoleARN = "CWLtoFirehose" }},
		} {
			t.Run(row.name, func(t *testing.T) {
				in := in
				row.change(&in)
				_, err := h.PutSubscription(ctx, root, in)
				wantKind(t, err, row.kind, row.noun)
			})
		}
		if len(k.heard) != heard {
			t.Error("a destination was asked for nothing")
		}
		k.err = fault.Newf(fault.NotFound, "delivery stream to-lake", "does not exist")
		defer func() { k.err = nil }()
		in := in
		in.Name = "new"
		_, err := h.PutSubscription(ctx, root, in)
		wantKind(t, err, fault.Invalid, "destination")
		if err == nil || !strings.Contains(err.Error(), "Could not deliver test message to specified") {
			t.Error(err)
		}
		if page, err := h.Subscriptions(ctx, root, "g", SubscriptionQuery{Prefix: "new"}); err != nil || len(page.Subscriptions) != 0 {
			t.Errorf("it is there all the same: %+v, %v", page, err)
		}
	})
	t.Run("what changes while the destination is asked counts", func(t *testing.T) {
		in := in
		in.Group = "g3"
		h.make(t, "g3")
		defer func() { k.meanwhile = nil }()
		before, err := h.PutSubscription(ctx, root, in)
		if err != nil {
			t.Fatal(err)
		}
		k.meanwhile = func() {
			if err := h.DeleteSubscription(ctx, root, "g3", "f"); err != nil {
				t.Error(err)
			}
		}
		if after, err := h.PutSubscription(ctx, root, in); err != nil || after.ID == before.ID {
			t.Errorf("a deleted one's cursor goes on: got %+v, %v", after, err)
		}
		k.meanwhile = func() {
			if err := h.DeleteGroup(ctx, root, "g3"); err != nil {
				t.Error(err)
			}
			h.make(t, "g3")
		}
		_, err = h.PutSubscription(ctx, root, in)
		wantKind(t, err, fault.NotFound, "log group")
		if page, err := h.Subscriptions(ctx, root, "g3", SubscriptionQuery{}); err != nil || len(page.Subscriptions) != 0 {
			t.Errorf("the new group has %+v, %v", page, err)
		}
	})
	t.Run("they go with their group", func(t *testing.T) {
		h.make(t, "g2")
		in := in
		in.Group = "g2"
		if _, err := h.PutSubscription(ctx, root, in); err != nil {
			t.Fatal(err)
		}
		changed := h.SubscriptionsChanged()
		if err := h.DeleteGroup(ctx, root, "g"); err != nil {
			t.Fatal(err)
		}
		<-changed
		to, err := h.SubscriptionsTo(ctx, root, streamARN)
		if err != nil || len(to) != 1 || to[0].Group != "g2" {
			t.Errorf("got %+v, %v", to, err)
		}
		h.make(t, "g", "s")
		if page, err := h.Subscriptions(ctx, root, "g", SubscriptionQuery{}); err != nil || len(page.Subscriptions) != 0 {
			t.Errorf("the new group has %+v, %v", page, err)
		}
		batch, err := h.ReadFrom(ctx, root, "g", 1, 1)
		if err != nil || batch.GroupID == first.GroupID || batch.GroupID == 0 {
			t.Errorf("got %+v, %v", batch, err)
		}
	})
}
