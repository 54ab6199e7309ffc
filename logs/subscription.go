package logs

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/logs/pattern"
	"flowlake/state"
)

// MaxSubscriptions is how many subscription filters a group may have. Source: user guide, "CloudWatch Logs quotas".
const MaxSubscriptions = 2

// How a subscription's events are spread over what its destination has of shards. A delivery stream has none: both mean
// the same there.
const (
	ByLogStream = "ByLogStream"
	Random      = "Random"
)

// Subscription is a subscription filter: its destination gets the group's events that match, from Start on.
//
// ID stays the same when the filter is put again under its name, so that the cursor under it goes on; a change of the
// pattern then holds for all events that were not read before. A filter that is put with another destination is a new
// subscription with a new ID, which starts there and then.
//
// A subscription that ends, because it is deleted or has another destination, is its destination's up to where that sees it end:
// delivery reads on to there. So what came in before the change still reaches the old destination, and what comes in
// between the change and its being seen can reach both. AWS, which pushes, documents neither.
type Subscription struct {
	ID                      string // a UUID
	Account, Region, Group  string
	GroupID                 uint64 // compare with Batch.GroupID: the group's name may be given to another one
	Name                    string
	Pattern                 string // it compiles
	DestinationARN, RoleARN string
	Distribution            string // ByLogStream or Random
	Created                 time.Time
	Start                   uint64 // the group's next sequence when the subscription was made
	Version                 int64  // of the document: it changes with every put
}

// Destinations are who gets subscribed events. Delivery meets it.
type Destinations interface {
	// Subscribe is asked before a subscription is made or changed: the destination exists, takes subscriptions, and
	// gets ControlEnvelope where s.Version is 0. It returns a fault that says why not. The
	// subscription may still not come about: Subscribe keeps nothing about it.
	Subscribe(ctx context.Context, c access.Caller, s Subscription) error
}

// SetDestinations tells who delivers subscribed events. It is called once, before the first request; without it
// PutSubscription is refused by name.
func (s *Store) SetDestinations(d Destinations) { s.destinations = d }

// Service is who a subscription's role is handed to.
const Service = "logs.amazonaws.com"

// subscriptionKind is the kind of a subscription's document, and the noun of faults about it. Its key is the group's name,
// ":", which no group's name has, and the filter's name.
const subscriptionKind = "subscription filter"

type subscriptionDoc struct {
	ID           string `json:"id"`
	GroupID      uint64 `json:"group"`
	Pattern      string `json:"pattern,omitempty"`
	Destination  string `json:"destination"`
	Role         string `json:"role,omitempty"`
	Distribution string `json:"distribution"`
	Created      int64  `json:"created"` // milliseconds
	Start        uint64 `json:"start"`
}

func filterID(c access.Caller, kind, group, name string) state.ID {
	return state.ID{Kind: kind, Account: c.Account, Region: c.Region, Key: group + ":" + name}
}

func (d subscriptionDoc) describe(id state.ID, version int64) Subscription {
	group, name, _ := strings.Cut(id.Key, ":")
	return Subscription{ID: d.ID, Account: id.Account, Region: id.Region, Group: group, GroupID: d.GroupID, Name: name, Pattern: d.Pattern,
		DestinationARN: d.Destination, RoleARN: d.Role, Distribution: d.Distribution, Created: time.UnixMilli(d.Created).UTC(), Start: d.Start, Version: version}
}

// filterName checks the name of a subscription or metric filter: 1 to 512 characters without ":" and "*".
func filterName(kind, name string) error {
	n := utf8.RuneCountInString(name)
	switch {
	case n == 0 || n > 512:
		return fault.Newf(fault.Invalid, kind+" name", "has %d characters: must have 1 to 512", n)
	case !utf8.ValidString(name):
		return fault.Newf(fault.Invalid, kind+" name", "%q is not UTF-8", name)
	case strings.ContainsAny(name, ":*"):
		return fault.Newf(fault.Invalid, kind+" name", "%q failed to satisfy constraint: Member must satisfy regular expression pattern: [^:*]*", name)
	}
	return nil
}

// SubscriptionInput is what PutSubscription is given.
type SubscriptionInput struct {
	Group, Name, Pattern    string
	DestinationARN, RoleARN string
	Distribution            string // "": ByLogStream
}

// PutSubscription makes a subscription filter, or changes the one of that name. The caller hands it its role.
//
// It returns fault.NotFound without the group, fault.Limit when it has MaxSubscriptions others, fault.Invalid for a pattern,
// role or destination that is wrong, or a role that does not let CloudWatch Logs put events into the destination, fault.Unsupported, naming the service, for a destination that cannot be one yet.
func (s *Store) PutSubscription(ctx context.Context, c access.Caller, in SubscriptionInput) (Subscription, error) {
	if err := s.checkSubscription(c, &in); err != nil {
		return Subscription{}, err
	}
	if err := s.guard.MayPassRole(ctx, c, "RoleARN", in.RoleARN, Service); err != nil {
		return Subscription{}, err
	}
	g, err := s.group(ctx, c, in.Group)
	if err != nil {
		return Subscription{}, err
	}
	var heard, made Subscription // what the destination is asked about, and what then is
	err = s.state.View(ctx, func(tx *state.Tx) (err error) {
		heard, err = s.plan(tx, c, g.ID, in)
		return err
	})
	if err != nil {
		return Subscription{}, err
	}
	if err := s.destinations.Subscribe(ctx, c, heard); err != nil {
		return Subscription{}, refusedBy(in.DestinationARN, err)
	}
	err = s.state.Update(ctx, func(tx *state.Tx) error {
		var group groupDoc
		if _, err := tx.Get(groupID(c, in.Group), &group); fault.Is(err, fault.NotFound) || err == nil && group.ID != g.ID {
			return noGroup(in.Group)
		} else if err != nil {
			return err
		}
		var err error
		if made, err = s.plan(tx, c, g.ID, in); err != nil {
			return err
		}
		if made.Version == 0 && heard.Version == 0 { // the id of one that was deleted meanwhile is not used again
			made.ID = heard.ID
		}
		doc := subscriptionDoc{ID: made.ID, GroupID: made.GroupID, Pattern: made.Pattern, Destination: made.DestinationARN, Role: made.RoleARN,
			Distribution: made.Distribution, Created: made.Created.UnixMilli(), Start: made.Start}
		key := filterID(c, subscriptionKind, in.Group, in.Name)
		if err := tx.Put(key, doc); err != nil {
			return err
		}
		made.Version, err = tx.Get(key, &doc)
		return err
	})
	if err != nil {
		return Subscription{}, err
	}
	s.subscriptions.notify()
	return made, nil
}

// plan is the subscription as it would be after a put.
func (s *Store) plan(tx *state.Tx, c access.Caller, group uint64, in SubscriptionInput) (Subscription, error) {
	key := filterID(c, subscriptionKind, in.Group, in.Name)
	others, err := countFilters(tx, c, in.Group, key)
	if err != nil {
		return Subscription{}, err
	}
	if others.subscription >= MaxSubscriptions {
		return Subscription{}, fault.Newf(fault.Limit, groupKind+" "+in.Group, "Resource limit exceeded: a log group has at most %d subscription filters", MaxSubscriptions)
	}
	p, err := pattern.Compile(in.Pattern)
	if err != nil {
		return Subscription{}, err
	}
	if err := others.checkRegex(in.Group, p); err != nil {
		return Subscription{}, err
	}
	l, err := s.live(group)
	if err != nil {
		return Subscription{}, err
	}
	doc := subscriptionDoc{ID: uuid.NewString(), GroupID: group, Created: time.Now().UnixMilli(), Start: l.durable.Load()}
	var old subscriptionDoc
	version, err := tx.Get(key, &old)
	switch {
	case fault.Is(err, fault.NotFound):
	case err != nil:
		return Subscription{}, err
	case old.Destination == in.DestinationARN:
		doc = old
	default:
		version = 0
	}
	doc.Pattern, doc.Destination, doc.Role, doc.Distribution = in.Pattern, in.DestinationARN, in.RoleARN, in.Distribution
	return doc.describe(key, version), nil
}

// checkSubscription checks what can be told without looking anything up, and fills in what is not given.
func (s *Store) checkSubscription(c access.Caller, in *SubscriptionInput) error {
	if err := filterName(subscriptionKind, in.Name); err != nil {
		return err
	}
	if _, err := pattern.Compile(in.Pattern); err != nil {
		return err
	}
	switch in.Distribution {
	case "":
		in.Distribution = ByLogStream
	case ByLogStream, Random:
	default:
		return fault.Newf(fault.Invalid, "distribution "+in.Distribution, "failed to satisfy constraint: Member must satisfy enum value set: [Random, ByLogStream]")
	}
	return s.checkDestination(c, in.DestinationARN, in.RoleARN)
}

// checkDestination checks the form of a destination, and the role that goes with it.
func (s *Store) checkDestination(c access.Caller, arn, role string) error {
	noun := "destination " + arn
	part := strings.SplitN(arn, ":", 6) // arn:aws:service:region:account:resource
	if len(part) != 6 || part[0] != "arn" || part[1] == "" || part[5] == "" {
		return fault.Newf(fault.Invalid, noun, "is not an ARN: arn:aws:firehose:<region>:<account>:deliverystream/<name>")
	}
	switch part[2] {
	case "firehose":
	case "lambda":
		return fault.Newf(fault.Unsupported, noun, "subscriptions to functions are not supported yet: subscribe a delivery stream")
	case "kinesis":
		return fault.Newf(fault.Unsupported, noun, "subscriptions to data streams of Kinesis are not supported: subscribe a delivery stream")
	case "logs":
		return fault.Newf(fault.Unsupported, noun, "subscriptions to logical destinations of other accounts are not supported: subscribe a delivery stream")
	default:
		return fault.Newf(fault.Invalid, noun, "destinationArn for vendor %s is not one that subscriptions are delivered to", part[2])
	}
	if name, ok := strings.CutPrefix(part[5], "deliverystream/"); !ok || name == "" {
		return fault.Newf(fault.Invalid, noun, "names no delivery stream: arn:aws:firehose:<region>:<account>:deliverystream/<name>")
	}
	if part[3] != c.Region || part[4] != c.Account {
		return fault.Newf(fault.Invalid, noun, "is not in the log group's account %s and region %s", c.Account, c.Region)
	}
	if role == "" {
		return fault.Newf(fault.Invalid, "RoleARN", "destinationArn for vendor firehose needs a roleArn")
	}
	if err := access.CheckRole("RoleARN", role); err != nil {
		return err
	}
	if s.destinations == nil {
		return fault.Newf(fault.Unsupported, noun, "this server has no delivery streams to subscribe")
	}
	return nil
}

// refusedBy is the error of a destination that said no. Terraform waits for a role or stream that is being made when it
// reads "Could not deliver test message to specified".
func refusedBy(arn string, err error) error {
	switch fault.KindOf(err) {
	case fault.NotFound, fault.Conflict, fault.Denied:
		return fault.Newf(fault.Invalid, "destination "+arn, "Could not deliver test message to specified Firehose stream. Check if the given Firehose stream is in ACTIVE state: %s", access.Explain(err))
	}
	return err
}

// SubscriptionQuery selects a group's subscriptions.
type SubscriptionQuery struct {
	Prefix string // of the filter's name
	Limit  int    // 1 to 50; 0 is 50
	Token  string // the Next of the page before
}

// SubscriptionPage is a page of a group's subscriptions in the order of their names. Next is empty at the end.
type SubscriptionPage struct {
	Subscriptions []Subscription
	Next          string
}

// Subscriptions lists a group's subscriptions, or returns fault.NotFound.
func (s *Store) Subscriptions(ctx context.Context, c access.Caller, group string, q SubscriptionQuery) (SubscriptionPage, error) {
	var page SubscriptionPage
	limit, err := pageLimit(q.Limit, 50)
	if err != nil {
		return page, err
	}
	if _, err := s.group(ctx, c, group); err != nil {
		return page, err
	}
	bound := s.bind("subscriptions", c.Account, c.Region, group, q.Prefix)
	after, err := bound.name(q.Token)
	if err != nil {
		return page, err
	}
	err = s.state.View(ctx, func(tx *state.Tx) error {
		for row, err := range tx.List(filterID(c, subscriptionKind, group, q.Prefix), after) {
			if err != nil {
				return err
			}
			if len(page.Subscriptions) == limit {
				last := page.Subscriptions[limit-1]
				page.Next = bound.nameToken(last.Group + ":" + last.Name)
				return nil
			}
			var doc subscriptionDoc
			if err := row.Decode(&doc); err != nil {
				return err
			}
			page.Subscriptions = append(page.Subscriptions, doc.describe(row.ID, row.Version))
		}
		return nil
	})
	return page, err
}

// SubscriptionsTo lists the subscriptions of the caller's account and region that deliver to that destination.
func (s *Store) SubscriptionsTo(ctx context.Context, c access.Caller, destinationARN string) ([]Subscription, error) {
	var out []Subscription
	err := s.state.View(ctx, func(tx *state.Tx) error {
		for row, err := range tx.List(state.ID{Kind: subscriptionKind, Account: c.Account, Region: c.Region}, "") {
			if err != nil {
				return err
			}
			var doc subscriptionDoc
			if err := row.Decode(&doc); err != nil {
				return err
			}
			if doc.Destination == destinationARN {
				out = append(out, doc.describe(row.ID, row.Version))
			}
		}
		return nil
	})
	return out, err
}

// DeleteSubscription deletes a subscription, or returns fault.NotFound. Its destination still gets what came in before: see Subscription.
func (s *Store) DeleteSubscription(ctx context.Context, c access.Caller, group, name string) error {
	err := s.deleteFilter(ctx, c, subscriptionKind, group, name)
	if err == nil {
		s.subscriptions.notify()
	}
	return err
}

// SubscriptionsChanged returns a channel that is closed at the next change of any subscription, whether it is put, deleted,
// or goes with its group. Take the channel, then list: a change between the two is not missed.
func (s *Store) SubscriptionsChanged() <-chan struct{} { return s.subscriptions.changed() }
