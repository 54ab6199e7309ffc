// Package vpc keeps flow logs as their users make them, and the inventory that they speak of: VPCs,
// subnets and network interfaces, each with what is needed to name it in a record. It gives the records that it is
// handed the flow log's format and delivers them where the flow log says: to a log group, a delivery stream or a bucket.
//
// It never watches a packet, and an interface here is a name with an address: nothing is attached to it.
package vpc

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/state"
)

// The kinds of documents, which are the nouns of the faults about them.
const (
	kindVPC       = "vpc"
	kindSubnet    = "subnet"
	kindInterface = "network interface"
	kindFlowLog   = "flow log"
)

// Tags are a resource's tags.
type Tags map[string]string

// VPC is a network of its own.
type VPC struct {
	ID      string
	Owner   string // the account
	CIDR    string
	Tenancy string // as it was asked for; nothing runs here
	Created time.Time
	Tags    Tags
}

// Subnet is a part of a VPC in one zone.
type Subnet struct {
	ID     string
	VPC    string
	Owner  string
	CIDR   string
	Zone   string // "eu-west-1a"
	ZoneID string // "euw1-az1"
	Tags   Tags
}

// Interface is a network interface: what a record's interface-id names.
type Interface struct {
	ID          string
	VPC         string
	Subnet      string
	Owner       string
	Zone        string
	ZoneID      string
	Address     string
	MAC         string
	Description string
	Created     time.Time
	Tags        Tags
	Token       Token
}

// Token makes a creation happen once: a request that comes again with the same value makes nothing.
type Token struct {
	Value string `json:",omitempty"`
	Sum   string `json:",omitempty"` // of the request's parameters
}

// resource is what the kinds have in common.
type resource interface {
	id() string
	tags() Tags
	withTags(Tags) any
	// field returns the values that a filter of that name looks at; ok is false when the kind has no such filter.
	field(name string) (values []string, ok bool)
}

func one(v string) ([]string, bool) { return []string{v}, true }

func (v VPC) id() string          { return v.ID }
func (v VPC) tags() Tags          { return v.Tags }
func (v VPC) withTags(t Tags) any { v.Tags = t; return v }
func (v VPC) field(name string) ([]string, bool) {
	switch name {
	case "vpc-id":
		return one(v.ID)
	case "owner-id":
		return one(v.Owner)
	case "cidr", "cidr-block", "cidrBlock", "cidr-block-association.cidr-block":
		return one(v.CIDR)
	case "state", "cidr-block-association.state":
		return one(map[bool]string{true: "available", false: "associated"}[name == "state"])
	case "is-default", "isDefault":
		return one("false")
	}
	return nil, false
}

func (s Subnet) id() string          { return s.ID }
func (s Subnet) tags() Tags          { return s.Tags }
func (s Subnet) withTags(t Tags) any { s.Tags = t; return s }
func (s Subnet) field(name string) ([]string, bool) {
	switch name {
	case "subnet-id":
		return one(s.ID)
	case "vpc-id":
		return one(s.VPC)
	case "owner-id":
		return one(s.Owner)
	case "cidr", "cidr-block", "cidrBlock":
		return one(s.CIDR)
	case "availability-zone", "availabilityZone":
		return one(s.Zone)
	case "availability-zone-id", "availabilityZoneId":
		return one(s.ZoneID)
	case "state":
		return one("available")
	case "default-for-az", "defaultForAz":
		return one("false")
	}
	return nil, false
}

func (i Interface) id() string          { return i.ID }
func (i Interface) tags() Tags          { return i.Tags }
func (i Interface) withTags(t Tags) any { i.Tags = t; return i }
func (i Interface) field(name string) ([]string, bool) {
	switch name {
	case "network-interface-id":
		return one(i.ID)
	case "subnet-id":
		return one(i.Subnet)
	case "vpc-id":
		return one(i.VPC)
	case "owner-id":
		return one(i.Owner)
	case "availability-zone":
		return one(i.Zone)
	case "availability-zone-id":
		return one(i.ZoneID)
	case "private-ip-address", "addresses.private-ip-address":
		return one(i.Address)
	case "mac-address":
		return one(i.MAC)
	case "description":
		return one(i.Description)
	case "status":
		return one("available")
	case "interface-type":
		return one("interface")
	}
	return nil, false
}

// Filter chooses resources by one of their fields: those of which a value is like one of Values. In these "*" stands
// for any text and "?" for any character.
type Filter struct {
	Name   string
	Values []string
}

// Query chooses resources of one kind.
type Query struct {
	IDs     []string // empty: all
	Filters []Filter // all of them hold
	After   string   // an id: only resources behind it
	Max     int      // 0: all
}

// Limits of a query. Source: EC2 API reference, "Query filters" and "Filter".
const (
	maxFilters = 50
	maxValues  = 200
)

// matches reports whether all filters hold for r. An unknown filter is fault.Invalid.
func matches(filters []Filter, r resource) (bool, error) {
	for _, f := range filters {
		values, ok := r.field(f.Name)
		if key, tag := strings.CutPrefix(f.Name, "tag:"); tag {
			value, has := r.tags()[key]
			if values, ok = nil, true; has {
				values = []string{value}
			}
		} else if f.Name == "tag-key" {
			values, ok = slices.Collect(maps.Keys(r.tags())), true
		}
		if !ok {
			return false, fault.Newf(fault.Invalid, "filter "+f.Name, "The filter '%s' is invalid", f.Name)
		}
		if !slices.ContainsFunc(values, func(v string) bool {
			return slices.ContainsFunc(f.Values, func(pattern string) bool { return like(pattern, v) })
		}) {
			return false, nil
		}
	}
	return true, nil
}

// like matches a filter's value: "*" any text, "?" one character, a backslash makes the next one plain. It takes
// steps in proportion to both lengths at most.
func like(pattern, text string) bool {
	p, t, star, mark := 0, 0, -1, 0
	for t < len(text) {
		literal := p < len(pattern) && pattern[p] == '\\' && p+1 < len(pattern)
		switch {
		case literal && pattern[p+1] == text[t]:
			p, t = p+2, t+1
		case !literal && p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case !literal && p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p, t = p+1, t+1
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// find lists resources of a kind in the order of their ids, and the id to go on after.
func find[T resource](ctx context.Context, s *Store, c access.Caller, kind string, q Query) (found []T, next string, err error) {
	if err := checkFilters[T](q.Filters); err != nil {
		return nil, "", err
	}
	err = s.state.View(ctx, func(tx *state.Tx) error {
		if len(q.IDs) > 0 {
			ids := slices.Compact(slices.Sorted(slices.Values(q.IDs)))
			for _, id := range ids {
				var r T
				if _, err := tx.Get(state.ID{Kind: kind, Account: c.Account, Region: c.Region, Key: id}, &r); err != nil {
					return err
				}
				if ok, err := matches(q.Filters, r); err != nil {
					return err
				} else if ok && id > q.After {
					found = append(found, r)
				}
			}
			return nil
		}
		for row, err := range tx.List(state.ID{Kind: kind, Account: c.Account, Region: c.Region}, q.After) {
			if err != nil {
				return err
			}
			var r T
			if err := row.Decode(&r); err != nil {
				return err
			}
			ok, err := matches(q.Filters, r)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			if q.Max > 0 && len(found) == q.Max {
				next = found[len(found)-1].id()
				return nil
			}
			found = append(found, r)
		}
		return nil
	})
	return found, next, err
}

// checkFilters refuses filters that the kind does not have, with nothing to filter too.
func checkFilters[T resource](filters []Filter) error {
	if len(filters) > maxFilters {
		return fault.Newf(fault.Invalid, "filters", "there are %d; at most %d are allowed", len(filters), maxFilters)
	}
	var none T
	for _, f := range filters {
		if len(f.Values) == 0 || len(f.Values) > maxValues {
			return fault.Newf(fault.Invalid, "filter "+f.Name, "it has %d values; 1 to %d are allowed", len(f.Values), maxValues)
		}
		if _, err := matches([]Filter{f}, none); err != nil {
			return err
		}
	}
	return nil
}

// get reads one resource.
func get[T resource](tx *state.Tx, c access.Caller, kind, id string) (r T, err error) {
	_, err = tx.Get(state.ID{Kind: kind, Account: c.Account, Region: c.Region, Key: id}, &r)
	return r, err
}

// each walks the resources of a kind.
func each[T resource](tx *state.Tx, c access.Caller, kind string, do func(T) error) error {
	for row, err := range tx.List(state.ID{Kind: kind, Account: c.Account, Region: c.Region}, "") {
		if err != nil {
			return err
		}
		var r T
		if err := row.Decode(&r); err != nil {
			return err
		}
		if err := do(r); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) doc(c access.Caller, kind, id string) state.ID {
	return state.ID{Kind: kind, Account: c.Account, Region: c.Region, Key: id}
}
