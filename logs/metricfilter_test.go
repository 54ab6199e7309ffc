package logs

import (
	"fmt"
	"strings"
	"testing"

	"flowlake/fault"
)

func TestMetricFilters(t *testing.T) {
	ctx := t.Context()
	h := newHouse(t)
	h.make(t, "g")
	h.make(t, "g2")
	zero := 0.0
	rejects := MetricFilter{Group: "g", Name: "rejects", Pattern: "[..., bytes, start, end, action=REJECT, status]",
		Metric: MetricTransformation{Namespace: "VPC", Name: "RejectedBytes", Value: "$bytes", Unit: "Bytes", Dimensions: map[string]string{"Status": "$status"}}}
	if err := h.PutMetricFilter(ctx, root, rejects); err != nil {
		t.Fatal(err)
	}
	all := func(q MetricFilterQuery) (out []string) {
		t.Helper()
		for {
			page, err := h.MetricFilters(ctx, root, q)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range page.Filters {
				out = append(out, f.Group+"/"+f.Name)
			}
			if q.Token = page.Next; q.Token == "" {
				return out
			}
		}
	}
	t.Run("are kept whole, and changed by their name", func(t *testing.T) {
		page, err := h.MetricFilters(ctx, root, MetricFilterQuery{Group: "g"})
		if err != nil || len(page.Filters) != 1 || page.Filters[0].CreatedMillis == 0 {
			t.Fatalf("got %+v, %v", page, err)
		}
		got, created := page.Filters[0], page.Filters[0].CreatedMillis
		got.CreatedMillis = 0
		if fmt.Sprint(got) != fmt.Sprint(rejects) {
			t.Errorf("got  %+v\nwant %+v", got, rejects)
		}
		change := rejects
		change.Metric = MetricTransformation{Namespace: "VPC", Name: "Rejects", Value: "1", Default: &zero}
		if err := h.PutMetricFilter(ctx, root, change); err != nil {
			t.Fatal(err)
		}
		page, err = h.MetricFilters(ctx, root, MetricFilterQuery{})
		if err != nil || len(page.Filters) != 1 || page.Filters[0].Metric.Default == nil || page.Filters[0].Metric.Dimensions != nil || page.Filters[0].CreatedMillis != created {
			t.Errorf("got %+v, %v", page, err)
		}
	})
	t.Run("are listed by group and metric, in pages, and counted", func(t *testing.T) {
		for i := range 3 {
			for _, group := range []string{"g", "g2"} {
				f := MetricFilter{Group: group, Name: fmt.Sprint("f", i), Metric: MetricTransformation{Namespace: "N", Name: fmt.Sprint("m", i%2), Value: "0.5"}}
				if err := h.PutMetricFilter(ctx, root, f); err != nil {
					t.Fatal(err)
				}
			}
		}
		if got := fmt.Sprint(all(MetricFilterQuery{Limit: 2})); got != "[g2/f0 g2/f1 g2/f2 g/f0 g/f1 g/f2 g/rejects]" {
			t.Error(got)
		}
		if got := fmt.Sprint(all(MetricFilterQuery{Group: "g", Prefix: "f", Limit: 1})); got != "[g/f0 g/f1 g/f2]" {
			t.Error(got)
		}
		if got := fmt.Sprint(all(MetricFilterQuery{Namespace: "N", Metric: "m1", Limit: 1})); got != "[g2/f1 g/f1]" {
			t.Error(got)
		}
		groups, err := h.Groups(ctx, root, GroupQuery{})
		if err != nil || groups.Groups[0].MetricFilters != 4 || groups.Groups[1].MetricFilters != 3 {
			t.Errorf("got %+v, %v", groups, err)
		}
	})
	t.Run("what is wrong is refused", func(t *testing.T) {
		for _, row := range []struct {
			name, noun string
			kind       fault.Kind
			change     func(*MetricFilter)
		}{
			{"no group", "log group", fault.NotFound, func(f *MetricFilter) { f.Group = "none" }},
			{"a name", "metric filter", fault.Invalid, func(f *MetricFilter) { f.Name = "" }},
			{"a pattern", "filter pattern", fault.Invalid, func(f *MetricFilter) { f.Pattern = "[" }},
			{"no metric", "metric transformation", fault.Invalid, func(f *MetricFilter) { f.Metric.Name = "" }},
			{"a namespace", "metric transformation", fault.Invalid, func(f *MetricFilter) { f.Metric.Namespace = "a:b" }},
			{"a value", "metric transformation", fault.Invalid, func(f *MetricFilter) { f.Metric.Value = "many" }},
			{"a value that the pattern has not", "metric transformation", fault.Invalid, func(f *MetricFilter) { f.Metric.Value = "$size" }},
			{"no number", "metric transformation", fault.Invalid, func(f *MetricFilter) { f.Metric.Value = "NaN" }},
			{"a unit", "metric transformation", fault.Invalid, func(f *MetricFilter) { f.Metric.Unit = "Stones" }},
			{"a default beside dimensions", "metric transformation", fault.Invalid, func(f *MetricFilter) { f.Metric.Default = &zero }},
			{"a dimension that the pattern has not", "metric transformation", fault.Invalid, func(f *MetricFilter) { f.Metric.Dimensions = map[string]string{"a": "$b"} }},
			{"four dimensions", "metric transformation", fault.Invalid, func(f *MetricFilter) {
				f.Metric.Dimensions = map[string]string{"a": "$1", "b": "$1", "c": "$1", "d": "$1"}
			}},
		} {
			f := rejects
			row.change(&f)
			err := h.PutMetricFilter(ctx, root, f)
			if !fault.Is(err, row.kind) || !fault.HasNoun(err, row.noun) {
				t.Errorf("%s: got %v", row.name, err)
			}
		}
		_, err := h.MetricFilters(ctx, root, MetricFilterQuery{Metric: "m"})
		wantKind(t, err, fault.Invalid, "metric filter")
		_, err = h.MetricFilters(ctx, root, MetricFilterQuery{Group: "none"})
		wantKind(t, err, fault.NotFound, "log group")
		wantKind(t, h.DeleteMetricFilter(ctx, root, "g", "none"), fault.NotFound, "metric filter")
	})
	t.Run("a group has a hundred, and five with regular expressions", func(t *testing.T) {
		h.make(t, "many")
		f := MetricFilter{Group: "many", Pattern: "%a%", Metric: MetricTransformation{Namespace: "N", Name: "m", Value: "1"}}
		for i := range MaxMetricFilters {
			if i == 4 {
				f.Pattern = ""
			}
			f.Name = fmt.Sprint("f", i)
			if err := h.PutMetricFilter(ctx, root, f); err != nil {
				t.Fatal(err)
			}
		}
		f.Name = "more"
		wantKind(t, h.PutMetricFilter(ctx, root, f), fault.Limit, "log group")
		h.SetDestinations(&takers{})
		in := SubscriptionInput{Group: "many", Name: "s", Pattern: "%a%", DestinationARN: streamARN, RoleARN: roleARN}
		if _, err := h.PutSubscription(ctx, root, in); err != nil {
			t.Fatal(err)
		}
		in.Name = "s2"
		_, err := h.PutSubscription(ctx, root, in)
		wantKind(t, err, fault.Limit, "log group")
		f.Name, f.Pattern = "f0", "%b%"
		if err := h.PutMetricFilter(ctx, root, f); err != nil {
			t.Errorf("a change of one of the five: %v", err)
		}
		f.Name, f.Pattern = "f50", "b"
		if err := h.PutMetricFilter(ctx, root, f); err != nil {
			t.Errorf("a change of one that is none of the five: %v", err)
		}
	})
	t.Run("are deleted, by themselves and with their group", func(t *testing.T) {
		if err := h.DeleteMetricFilter(ctx, root, "g", "f0"); err != nil {
			t.Fatal(err)
		}
		if err := h.DeleteGroup(ctx, root, "g2"); err != nil {
			t.Fatal(err)
		}
		if err := h.DeleteGroup(ctx, root, "many"); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(all(MetricFilterQuery{})); got != "[g/f1 g/f2 g/rejects]" {
			t.Error(got)
		}
	})
}

func TestResourcePolicies(t *testing.T) {
	ctx := t.Context()
	h := newHouse(t)
	const document = `{"Version":"2012-10-17","Statement":[{"Sid":"s","Effect":"Allow","Principal":{"Service":["delivery.logs.amazonaws.com"]},"Action":"logs:PutLogEvents","Resource":"*"}]}`
	for i := range MaxResourcePolicies {
		if _, err := h.PutResourcePolicy(ctx, root, fmt.Sprint("p", i), document); err != nil {
			t.Fatal(err)
		}
	}
	_, err := h.PutResourcePolicy(ctx, root, "more", document)
	wantKind(t, err, fault.Limit, "resource policy")
	one := strings.NewReplacer("[{", "{", "}]}", "}}", "Allow", "Deny").Replace(document)
	if p, err := h.PutResourcePolicy(ctx, root, "p0", one); err != nil || p.UpdatedMillis == 0 {
		t.Errorf("a change of one: %v, %v", p, err)
	}
	first, err := h.ResourcePolicies(ctx, root, 7, "")
	if err != nil || len(first.Policies) != 7 || first.Policies[0].Document != one {
		t.Fatalf("got %+v, %v", first, err)
	}
	rest, err := h.ResourcePolicies(ctx, root, 7, first.Next)
	if err != nil || len(rest.Policies) != 3 || rest.Next != "" {
		t.Errorf("got %+v, %v", rest, err)
	}
	if err := h.DeleteResourcePolicy(ctx, root, "p0"); err != nil {
		t.Error(err)
	}
	wantKind(t, h.DeleteResourcePolicy(ctx, root, "p0"), fault.NotFound, "resource policy")
	for _, bad := range []string{"", "{", "[]", "{}", `{"Statement":[]}`, `{"Statement":1}`, strings.Replace(document, "Allow", "allow", 1), strings.Replace(document, `"Action"`, `"Actions"`, 1),
		strings.Replace(document, `"Principal"`, `"P"`, 1), document + strings.Repeat(" ", 5120)} {
		_, err := h.PutResourcePolicy(ctx, root, "p0", bad)
		wantKind(t, err, fault.Invalid, "resource policy")
	}
	_, err = h.PutResourcePolicy(ctx, root, "", document)
	wantKind(t, err, fault.Invalid, "resource policy")
}
