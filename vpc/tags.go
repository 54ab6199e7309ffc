package vpc

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/state"
)

// Limits of tags. Source: EC2 user guide, "Tag your Amazon EC2 resources".
const (
	maxTags     = 50
	maxTagKey   = 127
	maxTagValue = 255
)

func checkTags(tags Tags) error {
	if len(tags) > maxTags {
		return fault.Newf(fault.Limit, "tags", "there are %d; a resource has at most %d", len(tags), maxTags)
	}
	for key, value := range tags {
		switch {
		case key == "" || utf8.RuneCountInString(key) > maxTagKey:
			return fault.Newf(fault.Invalid, "tag "+key, "Tag keys have 1 to %d characters", maxTagKey)
		case utf8.RuneCountInString(value) > maxTagValue:
			return fault.Newf(fault.Invalid, "tag "+key, "Tag values have at most %d characters", maxTagValue)
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return fault.Newf(fault.Invalid, "tag "+key, "Tag keys starting with 'aws:' are reserved for internal use")
		}
	}
	return nil
}

// Tagged is one tag of one resource.
type Tagged struct {
	Resource, Type string // the type as EC2 spells it: "vpc-flow-log"
	Key, Value     string
}

// types are EC2's words for the kinds; prefixes are how their ids begin.
var types = []struct{ kind, name, prefix string }{
	{kindVPC, "vpc", "vpc-"}, {kindSubnet, "subnet", "subnet-"}, {kindInterface, "network-interface", "eni-"}, {kindFlowLog, "vpc-flow-log", "fl-"},
}

// kindOf tells a resource's kind by its id.
func kindOf(id string) (kind string, err error) {
	for _, t := range types {
		if strings.HasPrefix(id, t.prefix) {
			return t.kind, nil
		}
	}
	return "", fault.Newf(fault.Invalid, "resource id "+id, "The ID '%s' is not valid: VPCs, subnets, network interfaces and flow logs have tags here", id)
}

// retag changes the tags of resources, all of them or none.
func (s *Store) retag(ctx context.Context, c access.Caller, ids []string, change func(Tags) error) error {
	return s.state.Update(ctx, func(tx *state.Tx) error {
		for _, id := range ids {
			kind, err := kindOf(id)
			if err != nil {
				return err
			}
			var r resource
			switch kind {
			case kindVPC:
				r, err = get[VPC](tx, c, kind, id)
			case kindSubnet:
				r, err = get[Subnet](tx, c, kind, id)
			case kindInterface:
				r, err = get[Interface](tx, c, kind, id)
			default:
				r, err = get[FlowLog](tx, c, kind, id)
			}
			if err != nil {
				return err
			}
			tags := maps.Clone(r.tags())
			if tags == nil {
				tags = Tags{}
			}
			if err := change(tags); err != nil {
				return err
			}
			if err := checkTags(tags); err != nil {
				return err
			}
			if err := tx.Put(s.doc(c, kind, id), r.withTags(tags)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Tag sets tags of resources. It returns fault.Limit over 50 tags a resource.
func (s *Store) Tag(ctx context.Context, c access.Caller, ids []string, tags Tags) error {
	return s.retag(ctx, c, ids, func(t Tags) error { maps.Copy(t, tags); return nil })
}

// Removal is a tag to be taken away: whatever its value, or only where it has Value.
type Removal struct {
	Key   string
	Value *string
}

// Untag takes tags from resources; without removals all of them.
func (s *Store) Untag(ctx context.Context, c access.Caller, ids []string, removals []Removal) error {
	return s.retag(ctx, c, ids, func(t Tags) error {
		if len(removals) == 0 {
			clear(t)
		}
		for _, r := range removals {
			if value, ok := t[r.Key]; ok && (r.Value == nil || *r.Value == value) {
				delete(t, r.Key)
			}
		}
		return nil
	})
}

// ListTags lists tags by the filters key, value, resource-id, resource-type and tag:<key>, in the order of resources and
// keys. after and next are "resource key".
func (s *Store) ListTags(ctx context.Context, c access.Caller, filters []Filter, after string, most int) (page []Tagged, next string, err error) {
	for _, f := range filters {
		if _, err := tagMatches(Tagged{}, []Filter{f}); err != nil {
			return nil, "", err
		}
	}
	var all []Tagged
	err = s.state.View(ctx, func(tx *state.Tx) error {
		for _, t := range types {
			add := func(r resource) error {
				for key, value := range r.tags() {
					tag := Tagged{r.id(), t.name, key, value}
					if ok, _ := tagMatches(tag, filters); ok && tag.place() > after {
						all = append(all, tag)
					}
				}
				return nil
			}
			var err error
			switch t.kind {
			case kindVPC:
				err = each(tx, c, t.kind, func(r VPC) error { return add(r) })
			case kindSubnet:
				err = each(tx, c, t.kind, func(r Subnet) error { return add(r) })
			case kindInterface:
				err = each(tx, c, t.kind, func(r Interface) error { return add(r) })
			default:
				err = each(tx, c, t.kind, func(r FlowLog) error { return add(r) })
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	slices.SortFunc(all, func(a, b Tagged) int { return cmp.Compare(a.place(), b.place()) })
	if most > 0 && len(all) > most {
		return all[:most], all[most-1].place(), nil
	}
	return all, "", nil
}

func (t Tagged) place() string { return t.Resource + " " + t.Key }

func tagMatches(t Tagged, filters []Filter) (bool, error) {
	for _, f := range filters {
		value := ""
		switch key, tag := strings.CutPrefix(f.Name, "tag:"); {
		case tag && key != t.Key:
			return false, nil
		case tag, f.Name == "value":
			value = t.Value
		case f.Name == "key":
			value = t.Key
		case f.Name == "resource-id":
			value = t.Resource
		case f.Name == "resource-type":
			value = t.Type
		default:
			return false, fault.Newf(fault.Invalid, "filter "+f.Name, "The filter '%s' is invalid", f.Name)
		}
		if !slices.ContainsFunc(f.Values, func(pattern string) bool { return like(pattern, value) }) {
			return false, nil
		}
	}
	return true, nil
}

// TypeOf is EC2's word for what an id names: "vpc-flow-log"; "*" for an id of nothing that is here.
func TypeOf(id string) string {
	for _, t := range types {
		if strings.HasPrefix(id, t.prefix) {
			return t.name
		}
	}
	return "*"
}
