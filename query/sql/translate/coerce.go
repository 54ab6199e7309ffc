package translate

import (
	"strconv"
	"strings"
)

// coerced is e as type t, which common or coercible allowed.
func (s *scope) coerced(e expr, t typ) expr {
	if e.t.equal(t) {
		return e
	}
	from := e.t
	out := e
	out.t, out.key, out.limit = t, nil, nil
	if !(from.integral() && t.integral()) && !(from.k == varchar && t.k == varchar) && from.k != date && from.k != timestamp {
		out.grows = nil
	}
	if !t.floating() || from.exact() || from.k == unknown {
		out.never = true
	}
	switch {
	case from.k == unknown:
		out.sql = "CAST(NULL AS " + t.duck() + ")"
	case t.numeric():
		out.sql = castTo(e.sql, t)
		if t.k == decimal || t.floating() {
			out.eval = nil
		}
	case t.k == char:
		out.sql = "rpad(" + e.sql + ", " + itoa(t.p) + ", ' ')"
		out.eval = nil
	case from.k == date && t.k != date:
		out.sql = castTo(e.sql, t)
		out = out.valued(func(v []any) any {
			if d, ok := v[0].(day); ok {
				return instant(int64(d) * microsPerDay)
			}
			return v[0]
		}, e)
	case t.nested():
		out.parts = nil
		if e.parts != nil && t.k == row {
			texts := make([]string, len(e.parts))
			for i, p := range e.parts {
				p = s.coerced(p, t.fields[i].t)
				out.parts = append(out.parts, p)
				texts[i] = quoteIdent(fieldName(t.fields[i].name, i)) + " := " + p.sql
			}
			out.sql = "struct_pack(" + strings.Join(texts, ", ") + ")"
		} else if from.duck() != t.duck() {
			out.sql = castNested(e.sql, from, t)
		}
	}
	return out
}

// castNested casts a nested value whose parts only change their engine types. The engine casts structs by
// name, Trino by position: fields with other names are repacked.
func castNested(text string, from, to typ) string {
	if from.k == row && to.k == row {
		list := make([]string, len(to.fields))
		for i, f := range to.fields {
			part := "struct_extract(" + text + ", " + quoteText(fieldName(from.fields[i].name, i)) + ")"
			if from.fields[i].t.duck() != f.t.duck() {
				part = castNested(part, from.fields[i].t, f.t)
			}
			list[i] = quoteIdent(fieldName(f.name, i)) + " := " + part
		}
		return "(CASE WHEN " + text + " IS NULL THEN NULL ELSE struct_pack(" + strings.Join(list, ", ") + ") END)"
	}
	if from.k == array && to.k == array && from.elem.nested() {
		return "list_transform(" + text + ", lambda flowlake_e" + itoa(depthOf(from)) + ": " +
			castNested("flowlake_e"+itoa(depthOf(from)), *from.elem, *to.elem) + ")"
	}
	return castTo(text, to)
}

// depthOf is how deep a type nests: it tells the lambdas of a nested cast apart.
func depthOf(t typ) int {
	switch t.k {
	case array:
		return 1 + depthOf(*t.elem)
	case mapping:
		return 1 + max(depthOf(*t.key), depthOf(*t.elem))
	case row:
		d := 0
		for _, f := range t.fields {
			d = max(d, depthOf(f.t))
		}
		return 1 + d
	}
	return 0
}

func itoa(n int) string { return strconv.Itoa(n) }

func itoa64(n int64) string { return strconv.FormatInt(n, 10) }
