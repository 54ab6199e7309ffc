package logs

import (
	"context"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/logs/pattern"
	"flowlake/state"
)

// The limits of metric filters. Source: user guide, "CloudWatch Logs quotas" and "Filter pattern syntax"; API reference, MetricTransformation.
const (
	MaxMetricFilters    = 100 // of a group
	maxRegexFilters     = 5   // of a group's metric and subscription filters, those whose pattern has a regular expression
	maxMetricDimensions = 3
)

// MetricFilter is a metric filter. It is kept here; nothing evaluates it yet.
type MetricFilter struct {
	Group, Name, Pattern string
	CreatedMillis        int64
	Metric               MetricTransformation
}

// MetricTransformation says which value of a metric an event that matches gives.
type MetricTransformation struct {
	Namespace, Name string
	Value           string            // a number, or "$field", or "$.selector"
	Default         *float64          // of a minute with events of which none matches; nil: none
	Unit            string            // as CloudWatch spells it; "": None
	Dimensions      map[string]string // to "$field" or "$.selector"; not beside Default
}

// metricFilterKind is the kind of a metric filter's document, and the noun of faults about it. Its key is as a subscription's.
const metricFilterKind = "metric filter"

type metricFilterDoc struct {
	Pattern    string            `json:"pattern,omitempty"`
	Created    int64             `json:"created"` // milliseconds
	Namespace  string            `json:"namespace"`
	Metric     string            `json:"metric"`
	Value      string            `json:"value"`
	Default    *float64          `json:"default,omitempty"`
	Unit       string            `json:"unit,omitempty"`
	Dimensions map[string]string `json:"dimensions,omitempty"`
}

func (d metricFilterDoc) describe(key string) MetricFilter {
	group, name, _ := strings.Cut(key, ":")
	return MetricFilter{Group: group, Name: name, Pattern: d.Pattern, CreatedMillis: d.Created, Metric: MetricTransformation{
		Namespace: d.Namespace, Name: d.Metric, Value: d.Value, Default: d.Default, Unit: d.Unit, Dimensions: d.Dimensions}}
}

// metricUnits are CloudWatch's. Source: CloudWatch API reference, StandardUnit.
var metricUnits = strings.Fields("Seconds Microseconds Milliseconds Bytes Kilobytes Megabytes Gigabytes Terabytes Bits Kilobits Megabits Gigabits Terabits Percent Count " +
	"Bytes/Second Kilobytes/Second Megabytes/Second Gigabytes/Second Terabytes/Second Bits/Second Kilobits/Second Megabits/Second Gigabits/Second Terabits/Second Count/Second None")

// check reports what is wrong with a transformation for a pattern.
func (m *MetricTransformation) check(p *pattern.Pattern) error {
	const noun = "metric transformation"
	for _, part := range []struct{ member, text string }{{"metricName", m.Name}, {"metricNamespace", m.Namespace}} {
		if n := utf8.RuneCountInString(part.text); n < 1 || n > 255 || strings.ContainsAny(part.text, ":*$") {
			return fault.Newf(fault.Invalid, noun, "Value %q at '%s' failed to satisfy constraint: Member must satisfy regular expression pattern: [^:*$]*, and have 1 to 255 characters", part.text, part.member)
		}
	}
	value, err := strconv.ParseFloat(m.Value, 64)
	switch {
	case len(m.Value) > 100:
		return fault.Newf(fault.Invalid, noun, "metricValue has %d characters: at most 100 are allowed", len(m.Value))
	case strings.HasPrefix(m.Value, "$"):
		if !p.Takes(m.Value) {
			return fault.Newf(fault.Invalid, noun, "Invalid metric transformation: the filter pattern takes no %s out of an event", m.Value)
		}
	case err != nil || math.IsNaN(value) || math.IsInf(value, 0):
		return fault.Newf(fault.Invalid, noun, "Invalid metric transformation: metricValue %q is neither a number nor a field as $name or $.selector", m.Value)
	}
	if m.Unit != "" && !slices.Contains(metricUnits, m.Unit) {
		return fault.Newf(fault.Invalid, noun, "unit %q failed to satisfy constraint: Member must satisfy enum value set: [%s]", m.Unit, strings.Join(metricUnits, ", "))
	}
	if len(m.Dimensions) > 0 && m.Default != nil {
		return fault.Newf(fault.Invalid, noun, "Invalid metric transformation: dimensions and default value are mutually exclusive properties.")
	}
	if len(m.Dimensions) > maxMetricDimensions {
		return fault.Newf(fault.Invalid, noun, "has %d dimensions: at most %d are allowed", len(m.Dimensions), maxMetricDimensions)
	}
	for _, name := range slices.Sorted(maps.Keys(m.Dimensions)) {
		if field := m.Dimensions[name]; name == "" || len(name) > 255 || len(field) > 255 || !strings.HasPrefix(field, "$") || !p.Takes(field) {
			return fault.Newf(fault.Invalid, noun, "Invalid metric transformation: the filter pattern takes no %q out of an event for dimension %q", field, name)
		}
	}
	return nil
}

// PutMetricFilter makes a metric filter, or changes the one of that group and name.
//
// It returns fault.NotFound without the group, fault.Limit when it has MaxMetricFilters others, fault.Invalid for a pattern or
// transformation that is wrong.
func (s *Store) PutMetricFilter(ctx context.Context, c access.Caller, f MetricFilter) error {
	if err := filterName(metricFilterKind, f.Name); err != nil {
		return err
	}
	p, err := pattern.Compile(f.Pattern)
	if err != nil {
		return err
	}
	if err := f.Metric.check(p); err != nil {
		return err
	}
	return s.state.Update(ctx, func(tx *state.Tx) error {
		if found, err := tx.Exists(groupID(c, f.Group)); err != nil {
			return err
		} else if !found {
			return noGroup(f.Group)
		}
		key := filterID(c, metricFilterKind, f.Group, f.Name)
		doc := metricFilterDoc{Created: time.Now().UnixMilli()}
		if _, err := tx.Get(key, &doc); err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if others, err := countFilters(tx, c, f.Group, key); err != nil {
			return err
		} else if others.metric >= MaxMetricFilters {
			return fault.Newf(fault.Limit, groupKind+" "+f.Group, "Resource limit exceeded: a log group has at most %d metric filters", MaxMetricFilters)
		} else if err := others.checkRegex(f.Group, p); err != nil {
			return err
		}
		m := f.Metric
		return tx.Put(key, metricFilterDoc{Pattern: f.Pattern, Created: doc.Created, Namespace: m.Namespace, Metric: m.Name, Value: m.Value,
			Default: m.Default, Unit: m.Unit, Dimensions: m.Dimensions})
	})
}

// filterCounts are how many filters a group has.
type filterCounts struct{ metric, subscription, regex int }

// countFilters counts a group's filters without the one under but.
func countFilters(tx *state.Tx, c access.Caller, group string, but state.ID) (n filterCounts, err error) {
	for _, kind := range []string{metricFilterKind, subscriptionKind} {
		for row, err := range tx.List(filterID(c, kind, group, ""), "") {
			if err != nil {
				return n, err
			}
			if row.ID == but {
				continue
			}
			if kind == metricFilterKind {
				n.metric++
			} else {
				n.subscription++
			}
			var doc struct{ Pattern string } // both kinds have it
			if err := row.Decode(&doc); err != nil {
				return n, err
			}
			if strings.Contains(doc.Pattern, "%") {
				if p, err := pattern.Compile(doc.Pattern); err == nil && p.HasRegex() {
					n.regex++
				}
			}
		}
	}
	return n, nil
}

func (n filterCounts) checkRegex(group string, p *pattern.Pattern) error {
	if p.HasRegex() && n.regex >= maxRegexFilters {
		return fault.Newf(fault.Limit, groupKind+" "+group, "Resource limit exceeded: a log group has at most %d metric and subscription filters with regular expressions", maxRegexFilters)
	}
	return nil
}

// MetricFilterQuery selects metric filters.
type MetricFilterQuery struct {
	Group             string // "": of all groups
	Prefix            string // of the filter's name; only beside Group
	Namespace, Metric string // of the metric; both or none
	Limit             int    // 1 to 50; 0 is 50
	Token             string // the Next of the page before
}

// MetricFilterPage is a page of metric filters, a group's together, by their names. Next is empty at the end.
type MetricFilterPage struct {
	Filters []MetricFilter
	Next    string
}

// MetricFilters lists metric filters. It returns fault.NotFound for a group that does not exist.
func (s *Store) MetricFilters(ctx context.Context, c access.Caller, q MetricFilterQuery) (MetricFilterPage, error) {
	var page MetricFilterPage
	limit, err := pageLimit(q.Limit, 50)
	if err != nil {
		return page, err
	}
	if (q.Namespace == "") != (q.Metric == "") {
		return page, fault.Newf(fault.Invalid, metricFilterKind+" query", "metricName and metricNamespace are given together or not at all")
	}
	scope := state.ID{Kind: metricFilterKind, Account: c.Account, Region: c.Region}
	if q.Group != "" {
		if _, err := s.group(ctx, c, q.Group); err != nil {
			return page, err
		}
		scope = filterID(c, metricFilterKind, q.Group, q.Prefix)
	}
	bound := s.bind("metric filters", c.Account, c.Region, scope.Key, q.Namespace, q.Metric)
	after, err := bound.name(q.Token)
	if err != nil {
		return page, err
	}
	err = s.state.View(ctx, func(tx *state.Tx) error {
		for row, err := range tx.List(scope, after) {
			if err != nil {
				return err
			}
			var doc metricFilterDoc
			if err := row.Decode(&doc); err != nil {
				return err
			}
			if q.Metric != "" && (doc.Metric != q.Metric || doc.Namespace != q.Namespace) {
				continue
			}
			if len(page.Filters) == limit {
				last := page.Filters[limit-1]
				page.Next = bound.nameToken(last.Group + ":" + last.Name)
				return nil
			}
			page.Filters = append(page.Filters, doc.describe(row.Key))
		}
		return nil
	})
	return page, err
}

// DeleteMetricFilter deletes a metric filter, or returns fault.NotFound.
func (s *Store) DeleteMetricFilter(ctx context.Context, c access.Caller, group, name string) error {
	return s.deleteFilter(ctx, c, metricFilterKind, group, name)
}

// deleteFilter deletes a group's filter of that kind.
func (s *Store) deleteFilter(ctx context.Context, c access.Caller, kind, group, name string) error {
	if _, err := s.group(ctx, c, group); err != nil {
		return err
	}
	return s.state.Update(ctx, func(tx *state.Tx) error {
		err := tx.Delete(filterID(c, kind, group, name))
		if fault.Is(err, fault.NotFound) {
			return fault.Newf(fault.NotFound, kind+" "+name, "The specified %s does not exist.", kind)
		}
		return err
	})
}
