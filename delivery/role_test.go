package delivery

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"flowlake/access"
	"flowlake/access/identity"
	"flowlake/fault"
	"flowlake/logs"
	"flowlake/state"
)

// peopled is a house with identities, whose streams are written as the role "firehose".
type peopled struct {
	*house
	t     testing.TB
	ids   *identity.Store
	guard *access.Guard
}

func roleARN(name string) string { return "arn:aws:iam::" + account + ":role/" + name }

func newPeopled(t testing.TB) *peopled {
	t.Helper()
	p, dir := &peopled{t: t}, t.TempDir()
	p.house = openGuarded(t, dir, Config{RetryMin: 5 * time.Millisecond, RetryMax: 20 * time.Millisecond, RetryFor: time.Nanosecond}, vfs.Default, func(st *state.Store) *access.Guard {
		quiet := slog.New(slog.DiscardHandler)
		seal, err := identity.OpenSeal(dir + "/config/key")
		ok(t, err)
		p.ids, err = identity.Open(st, account, seal, quiet)
		ok(t, err)
		p.guard = access.OpenGuard(access.GuardConfig{Account: account, Identities: p.ids, Log: quiet})
		return p.guard
	})
	t.Cleanup(p.close)
	p.writer.roles = []Role{{"RoleARN", roleARN("firehose")}}
	p.role("firehose", "firehose.amazonaws.com", `"StringEquals": {"sts:ExternalId": "`+account+`"}`)
	p.role("subscriber", "logs.us-east-1.amazonaws.com", `"StringLike": {"aws:SourceArn": "arn:aws:logs:us-east-1:`+account+`:*"}`)
	p.may("subscriber", "firehose:PutRecord")
	p.run()
	return p
}

// role makes a role that trusts a service under a condition.
func (p *peopled) role(name, service, condition string) {
	p.t.Helper()
	_, err := p.ids.Create(context.Background(), identity.Role, identity.New{Name: name, Trust: trust(service, condition)})
	ok(p.t, err)
}

func trust(service, condition string) string {
	return `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "` + service + `"}, "Action": "sts:AssumeRole", "Condition": {` + condition + `}}]}`
}

// may lets a role do an action to everything, and nothing else.
func (p *peopled) may(role, action string) {
	p.t.Helper()
	ok(p.t, p.ids.PutInline(context.Background(), identity.Role, role, "work", `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "`+action+`", "Resource": "*"}]}`))
}

func (p *peopled) failure(stream string) Failure {
	p.t.Helper()
	d, err := p.Stream(context.Background(), root, KindFirehose, stream)
	ok(p.t, err)
	return d.Failure
}

// TestABatchWaitsForWhatItsRoleLacks says that records wait, however long other obstacles are endured, and go on by themselves.
func TestABatchWaitsForWhatItsRoleLacks(t *testing.T) {
	p := newPeopled(t)
	p.create(t, "web", 0)
	p.put(t, "web", "a")
	until(t, "the failure", func() bool { return p.failure("web").Attempts > 3 })
	f := p.failure("web")
	if !strings.Contains(f.Message, "assumed-role/firehose/AWSFirehoseToS3") || !strings.Contains(f.Message, "s3:PutObject") || !strings.Contains(f.Remedy, `"s3:PutObject"`) {
		t.Errorf("got %+v", f)
	}
	p.may("firehose", "s3:PutObject")
	until(t, "delivery", func() bool { return p.counters(t, "web").Delivered == 1 && p.failure("web") == Failure{} })

	ok(t, p.ids.UpdateTrust(context.Background(), "firehose", trust("firehose.amazonaws.com", `"StringEquals": {"sts:ExternalId": "999999999999"}`)))
	p.put(t, "web", "b")
	until(t, "the failure", func() bool { return strings.Contains(p.failure("web").Message, "sts:AssumeRole") })
	ok(t, p.ids.UpdateTrust(context.Background(), "firehose", trust("firehose.amazonaws.com", `"ArnLike": {"aws:SourceArn": "`+root.ARN("firehose", "deliverystream/web")+`"}`)))
	until(t, "delivery", func() bool { return p.counters(t, "web").Delivered == 2 })
	if n := p.counters(t, "web"); n.Failed != 0 {
		t.Errorf("%d records were given up", n.Failed)
	}
}

func TestASubscriptionThatIsRefusedHoldsNobodyUp(t *testing.T) {
	p := newPeopled(t)
	p.may("firehose", "s3:PutObject")
	p.create(t, "web", 0)
	for _, g := range []string{"one", "two"} {
		p.group(t, g)
	}
	p.role("other", "logs.amazonaws.com", `"StringEquals": {"aws:SourceAccount": "`+account+`"}`)
	p.may("other", "firehose:PutRecordBatch")
	p.subscribe(t, "one", "web", "")
	_, err := p.logs.PutSubscription(context.Background(), root, logs.SubscriptionInput{Group: "two", Name: "to-web", DestinationARN: root.ARN("firehose", "deliverystream/web"), RoleARN: roleARN("other")})
	ok(t, err)
	until(t, "the control messages", func() bool { return p.counters(t, "web").Dropped == 2 })
	p.may("other", "s3:PutObject")
	p.say(t, "two", "x")
	until(t, "the refusal", func() bool { return strings.Contains(p.failure("web").Message, "firehose:PutRecordBatch") })
	if f := p.failure("web"); !strings.Contains(f.Message, "subscription filter to-web of two") || !strings.Contains(f.Remedy, `"firehose:PutRecordBatch"`) {
		t.Errorf("got %+v", f)
	}
	p.say(t, "one", "y")
	p.put(t, "web", "z")
	until(t, "the others' delivery", func() bool { return p.counters(t, "web").Delivered == 2 })
	if p.failure("web").Message == "" {
		t.Error("the stream does not say any more that a subscription is refused")
	}
	p.may("other", "firehose:PutRecordBatch")
	until(t, "the refused event", func() bool { return p.counters(t, "web").Delivered == 3 && p.failure("web") == Failure{} })

	// The end of a subscription that is refused ends the wait for it.
	p.may("other", "s3:PutObject")
	p.say(t, "two", "lost")
	until(t, "the refusal", func() bool { return p.failure("web").Message != "" })
	ok(t, p.logs.DeleteSubscription(context.Background(), root, "two", "to-web"))
	p.put(t, "web", "z")
	until(t, "the end", func() bool {
		n := p.counters(t, "web")
		return n.Missed == 1 && n.Delivered == 4 && p.failure("web") == Failure{}
	})
}

func TestRolesAreHandedOver(t *testing.T) {
	p := newPeopled(t)
	ctx := context.Background()
	_, err := p.ids.Create(ctx, identity.User, identity.New{Name: "ana"})
	ok(t, err)
	ana, err := p.guard.CallerOf(ctx, "arn:aws:iam::"+account+":user/ana", root.Region)
	ok(t, err)
	if _, err := p.Create(ctx, ana, newStream("a", 0)); !fault.Is(err, fault.Denied) || !strings.Contains(err.Error(), "iam:PassRole") {
		t.Errorf("without iam:PassRole: %v", err)
	}
	ok(t, p.ids.PutInline(ctx, identity.User, "ana", "own", `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]}`))
	_, err = p.Create(ctx, ana, newStream("a", 0))
	ok(t, err)
	ok(t, p.ids.UpdateTrust(ctx, "firehose", trust("firehose.amazonaws.com", `"StringEquals": {"aws:SourceArn": "`+root.ARN("firehose", "deliverystream/a")+`"}`)))
	if _, err := p.Create(ctx, ana, newStream("b", 0)); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "Firehose is unable to assume role "+roleARN("firehose")+". Please check the role provided.") {
		t.Errorf("a role that trusts for another stream: %v", err)
	}
}

// TestARefusedSubscriptionLeavesTheBufferAlone says that what else is put gathers for the buffer's time, as if the subscription
// were not there, however often its role is asked again.
func TestARefusedSubscriptionLeavesTheBufferAlone(t *testing.T) {
	p := newPeopled(t)
	p.may("firehose", "s3:PutObject")
	p.create(t, "web", 600*time.Millisecond)
	p.group(t, "one")
	p.subscribe(t, "one", "web", "")
	until(t, "the control message", func() bool { return p.counters(t, "web").Dropped == 1 })
	p.may("subscriber", "s3:PutObject")
	p.say(t, "one", "x")
	until(t, "the refusal", func() bool { return p.failure("web").Attempts > 3 })
	before := p.counters(t, "web").Batches
	began := time.Now()
	for i := 0; time.Since(began) < 450*time.Millisecond; i++ {
		p.put(t, "web", "z")
		time.Sleep(20 * time.Millisecond)
	}
	if n := p.counters(t, "web").Batches - before; n > 1 {
		t.Errorf("%d batches in less than the buffer's time", n)
	}
	p.may("subscriber", "firehose:PutRecordBatch")
	until(t, "all of it", func() bool { return p.counters(t, "web").Waiting == 0 && p.failure("web") == Failure{} })
}
