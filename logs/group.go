package logs

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/state"
)

// Group is a log group.
type Group struct {
	Name          string
	CreatedMillis int64
	RetentionDays int               // 0: events never expire
	Tags          map[string]string // shared, do not change
	Bytes         int64             // stored, 26 bytes more for each event
	Events        int64             // stored
	MetricFilters int               // only Groups counts them
	id            uint64
}

// groupKind is the kind of a group's document, and the noun of faults about it.
const groupKind = "log group"

type groupDoc struct {
	ID            uint64            `json:"id"`
	CreatedMillis int64             `json:"created"`
	RetentionDays int               `json:"retentionDays,omitempty"`
	Tags          map[string]string `json:"tags,omitempty"`
}

func groupID(c access.Caller, name string) state.ID {
	return state.ID{Kind: groupKind, Account: c.Account, Region: c.Region, Key: name}
}

// GroupARN is a group's ARN, as DescribeLogGroups gives it in logGroupArn: without ":*".
func GroupARN(c access.Caller, name string) string {
	return c.ARN("logs", "log-group:"+name)
}

// StreamARN is a stream's ARN.
func StreamARN(c access.Caller, group, stream string) string {
	return GroupARN(c, group) + ":log-stream:" + stream
}

// RetentionDays are the periods that a retention policy may have.
var RetentionDays = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

// GroupName checks a new group's name: 1 to 512 of ".-_/#A-Za-z0-9", not beginning with "aws/".
func GroupName(name string) error {
	if len(name) == 0 || len(name) > 512 {
		return fault.Newf(fault.Invalid, groupKind+" name", "has %d characters: must have 1 to 512", len(name))
	}
	for i := range len(name) {
		if b := name[i]; !(b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || strings.IndexByte(".-_/#", b) >= 0) {
			return fault.Newf(fault.Invalid, groupKind+" name", `%q failed to satisfy constraint: Member must satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+`, name)
		}
	}
	if strings.HasPrefix(name, "aws/") {
		return fault.Newf(fault.Invalid, groupKind+" name", "%q: log groups starting with aws/ are reserved for AWS", name)
	}
	return nil
}

// CheckTags checks tags of a group: at most 50, keys of 1 to 128 characters not beginning with "aws:", values of at most 256,
// both of letters, digits, blanks and "_.:/=+-@". It returns fault.Limit for too many, fault.Invalid for one that is wrong.
func CheckTags(tags map[string]string) error {
	if len(tags) > 50 {
		return fault.Newf(fault.Limit, "tags", "are %d: at most 50 are kept", len(tags))
	}
	for k, v := range tags {
		switch {
		case k == "" || len([]rune(k)) > 128:
			return fault.Newf(fault.Invalid, "tag key "+k, "must have 1 to 128 characters")
		case strings.HasPrefix(k, "aws:"):
			return fault.Newf(fault.Invalid, "tag key "+k, "begins with aws:, which is reserved")
		case len([]rune(v)) > 256:
			return fault.Newf(fault.Invalid, "tag "+k, "has a value of more than 256 characters")
		case !tagText(k) || !tagText(v):
			return fault.Newf(fault.Invalid, "tag "+k, `has characters other than letters, digits, blanks and _.:/=+-@`)
		}
	}
	return nil
}

// tagText reports whether a tag's key or value has no other characters than it may.
func tagText(s string) bool {
	for _, r := range s {
		if !unicode.In(r, unicode.L, unicode.Z, unicode.N) && !strings.ContainsRune("_.:/=+-@", r) {
			return false
		}
	}
	return true
}

// CreateGroup makes a log group, or returns fault.Exists.
func (s *Store) CreateGroup(ctx context.Context, c access.Caller, name string, tags map[string]string) error {
	if err := GroupName(name); err != nil {
		return err
	}
	if err := CheckTags(tags); err != nil {
		return err
	}
	defer s.names.forget(c, name)
	return s.state.Update(ctx, func(tx *state.Tx) error {
		if found, err := tx.Exists(groupID(c, name)); err != nil {
			return err
		} else if found {
			return fault.Newf(fault.Exists, groupKind+" "+name, "The specified log group already exists")
		}
		id, err := s.newGroupID(tx)
		if err != nil {
			return err
		}
		return tx.Create(groupID(c, name), groupDoc{ID: id, CreatedMillis: time.Now().UnixMilli(), Tags: tags})
	})
}

// newGroupID returns an id that was never used. Where state was put back to an older backup than the events, ids that
// have records are passed over, so that nobody's events come up in a new group.
func (s *Store) newGroupID(tx *state.Tx) (uint64, error) {
	for {
		id, err := nextID(tx, "log group id")
		if err != nil {
			return 0, err
		}
		it, err := s.iter(key(id, 0), key(id+1, 0))
		if err != nil {
			return 0, err
		}
		used := it.First()
		if err := errors.Join(it.Error(), it.Close()); err != nil {
			return 0, fault.Newf(fault.Unavailable, "log events", "read: %w", err)
		}
		if !used {
			return id, nil
		}
	}
}

// nextID counts up the counter of that kind: it never gives a number twice.
func nextID(tx *state.Tx, kind string) (uint64, error) {
	var counter struct {
		Last uint64 `json:"last"`
	}
	id := state.ID{Kind: kind}
	if _, err := tx.Get(id, &counter); err != nil && !fault.Is(err, fault.NotFound) {
		return 0, err
	}
	counter.Last++
	return counter.Last, tx.Put(id, counter)
}

// group finds a group's document. The answer may be a moment old; commits check the live part.
func (s *Store) group(ctx context.Context, c access.Caller, name string) (groupDoc, error) {
	doc, generation, ok := s.names.find(c, name)
	if ok {
		return doc, nil
	}
	err := s.state.View(ctx, func(tx *state.Tx) error {
		_, err := tx.Get(groupID(c, name), &doc)
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return doc, noGroup(name)
	}
	if err != nil {
		return doc, err
	}
	s.names.keep(c, name, doc, generation)
	return doc, nil
}

func noGroup(name string) error {
	return fault.Newf(fault.NotFound, groupKind+" "+name, "The specified log group does not exist.")
}

// Group describes one group, or returns fault.NotFound.
func (s *Store) Group(ctx context.Context, c access.Caller, name string) (Group, error) {
	doc, err := s.group(ctx, c, name)
	if err != nil {
		return Group{}, err
	}
	return s.describe(name, doc)
}

func (s *Store) describe(name string, doc groupDoc) (Group, error) {
	n, err := s.counters(doc.ID)
	return Group{Name: name, CreatedMillis: doc.CreatedMillis, RetentionDays: doc.RetentionDays, Tags: doc.Tags,
		Bytes: int64(n.bytes), Events: int64(n.events), id: doc.ID}, err
}

// GroupQuery selects groups.
type GroupQuery struct {
	Prefix  string   // of the name
	Pattern string   // part of the name, in any case; not beside Prefix
	Names   []string // exactly these; not beside the others
	Limit   int      // 1 to 50; 0 is 50
	Token   string   // the Next of the page before
}

// GroupPage is a page of groups in the order of their names. Next is empty at the end.
type GroupPage struct {
	Groups []Group
	Next   string
}

// Groups lists groups.
func (s *Store) Groups(ctx context.Context, c access.Caller, q GroupQuery) (GroupPage, error) {
	var page GroupPage
	limit, err := pageLimit(q.Limit, 50)
	if err != nil {
		return page, err
	}
	if q.Prefix != "" && q.Pattern != "" || len(q.Names) > 0 && (q.Prefix != "" || q.Pattern != "") {
		return page, fault.Newf(fault.Invalid, "log group filter",
			"LogGroup name prefix, LogGroup name pattern and LogGroup identifiers are mutually exclusive parameters")
	}
	bound := s.bind("groups", append([]string{c.Account, c.Region, q.Prefix, q.Pattern}, q.Names...)...)
	after, err := bound.name(q.Token)
	if err != nil {
		return page, err
	}
	pattern := strings.ToLower(q.Pattern)
	type found struct {
		name    string
		doc     groupDoc
		filters int
	}
	var groups []found
	err = s.state.View(ctx, func(tx *state.Tx) error {
		for row, err := range tx.List(groupID(c, q.Prefix), after) {
			if err != nil {
				return err
			}
			if pattern != "" && !strings.Contains(strings.ToLower(row.Key), pattern) ||
				len(q.Names) > 0 && !slices.Contains(q.Names, row.Key) {
				continue
			}
			if len(groups) == limit {
				page.Next = bound.nameToken(groups[limit-1].name)
				return nil
			}
			var doc groupDoc
			if err := row.Decode(&doc); err != nil {
				return err
			}
			n, err := countFilters(tx, c, row.Key, state.ID{})
			if err != nil {
				return err
			}
			groups = append(groups, found{row.Key, doc, n.metric})
		}
		return nil
	})
	if err != nil {
		return page, err
	}
	for _, g := range groups {
		described, err := s.describe(g.name, g.doc)
		if err != nil {
			return GroupPage{}, err
		}
		described.MetricFilters = g.filters
		page.Groups = append(page.Groups, described)
	}
	return page, nil
}

// pageLimit returns the limit of a page, 0 meaning most.
func pageLimit(limit, most int) (int, error) {
	if limit == 0 {
		return most, nil
	}
	if limit < 1 || limit > most {
		return 0, fault.Newf(fault.Invalid, "limit",
			"%d failed to satisfy constraint: Member must have value between 1 and %d", limit, most)
	}
	return limit, nil
}

// changeGroup changes a group's document in one transaction.
func (s *Store) changeGroup(ctx context.Context, c access.Caller, name string, change func(*groupDoc) error) error {
	defer s.names.forget(c, name)
	return s.state.Update(ctx, func(tx *state.Tx) error {
		var doc groupDoc
		version, err := tx.Get(groupID(c, name), &doc)
		if fault.Is(err, fault.NotFound) {
			return noGroup(name)
		}
		if err != nil {
			return err
		}
		if err := change(&doc); err != nil {
			return err
		}
		return tx.Replace(groupID(c, name), version, doc)
	})
}

// SetRetention lets the group's events expire after so many days, one of RetentionDays; 0 keeps them for ever.
// Reads obey at once, the disk soon after.
func (s *Store) SetRetention(ctx context.Context, c access.Caller, name string, days int) error {
	if days != 0 && !slices.Contains(RetentionDays, days) {
		return fault.Newf(fault.Invalid, "retention",
			"%d days failed to satisfy constraint: Member must satisfy enum value set: %v", days, RetentionDays)
	}
	err := s.changeGroup(ctx, c, name, func(doc *groupDoc) error {
		doc.RetentionDays = days
		return nil
	})
	if err == nil {
		s.wakeSweep()
	}
	return err
}

// Tag adds tags to a group, over those of the same key.
func (s *Store) Tag(ctx context.Context, c access.Caller, name string, tags map[string]string) error {
	return s.changeGroup(ctx, c, name, func(doc *groupDoc) error {
		if doc.Tags == nil {
			doc.Tags = map[string]string{}
		}
		for k, v := range tags {
			doc.Tags[k] = v
		}
		return CheckTags(doc.Tags)
	})
}

// Untag removes tags from a group; keys that it does not have are passed over.
func (s *Store) Untag(ctx context.Context, c access.Caller, name string, keys []string) error {
	return s.changeGroup(ctx, c, name, func(doc *groupDoc) error {
		for _, k := range keys {
			delete(doc.Tags, k)
		}
		return nil
	})
}

// names remembers groups' documents, so that a put asks state nothing.
type names struct {
	mu         sync.RWMutex // guards the rest
	generation uint64       // counts forgets
	docs       map[state.ID]groupDoc
}

// maxNames bounds what is remembered; a full memory starts anew.
const maxNames = 10_000

func (n *names) find(c access.Caller, name string) (doc groupDoc, generation uint64, ok bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	doc, ok = n.docs[groupID(c, name)]
	return doc, n.generation, ok
}

// keep remembers doc, unless something was forgotten since the find that missed it: doc may be older than that.
func (n *names) keep(c access.Caller, name string, doc groupDoc, generation uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.generation != generation {
		return
	}
	if n.docs == nil || len(n.docs) >= maxNames {
		n.docs = map[state.ID]groupDoc{}
	}
	n.docs[groupID(c, name)] = doc
}

func (n *names) forget(c access.Caller, name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.generation++
	delete(n.docs, groupID(c, name))
}
