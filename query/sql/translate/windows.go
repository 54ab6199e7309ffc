package translate

import (
	"strings"

	"flowlake/query/sql"
)

// windowFunc is a function that needs OVER.
type windowFunc struct {
	least, most int
	result      kind // unknown: the first argument's type
	nulls       bool // takes IGNORE NULLS
	ordered     bool // means nothing without ORDER BY
}

var windowFunctions = map[string]windowFunc{
	"row_number": {0, 0, bigint, false, false}, "rank": {0, 0, bigint, false, false}, "dense_rank": {0, 0, bigint, false, false},
	"percent_rank": {0, 0, double, false, false}, "cume_dist": {0, 0, double, false, false}, "ntile": {1, 1, bigint, false, false},
	"lag": {1, 3, unknown, true, true}, "lead": {1, 3, unknown, true, true},
	"first_value": {1, 1, unknown, true, false}, "last_value": {1, 1, unknown, true, false}, "nth_value": {2, 2, unknown, true, false},
}

func (s *scope) windowCall(x *sql.Call, name string, w windowFunc) (expr, error) {
	if x.Over == nil {
		return expr{}, s.src.fail(x.Start, missingOver, "Window function %s requires an OVER clause", name)
	}
	if x.Distinct || x.Filter != nil || len(x.OrderBy) > 0 || x.Star {
		return expr{}, s.src.fail(x.Start, notSupported, "DISTINCT, FILTER and ORDER BY are not allowed in window function %s", name)
	}
	args, err := s.exprs(x.Args)
	if err != nil {
		return expr{}, err
	}
	if len(args) < w.least || len(args) > w.most {
		return expr{}, s.unexpected(x.Start, name, args)
	}
	for _, a := range args {
		if a.win != "" {
			return expr{}, s.src.fail(x.Start, nestedWindow, "Cannot nest window functions or row pattern measures inside window function '%s'", name)
		}
	}
	if w.ordered && x.Over.Frame != nil {
		return expr{}, s.src.fail(x.Start, invalidWindow, "Cannot specify window frame for %s function", name)
	}
	around, err := s.over(x.Over, w.ordered)
	if err != nil {
		return expr{}, err
	}
	t := typ{k: w.result}
	texts := make([]string, len(args))
	for i, a := range args {
		texts[i] = a.sql
		if i == 1 || name == "ntile" {
			if !coercible(a.t, tBigint) {
				return expr{}, s.unexpected(x.Start, name, args)
			}
			texts[i] = s.coerced(a, tBigint).sql
			if n, ok := a.whole(); ok && (n < 1 && !w.ordered || n < 0) {
				return expr{}, s.src.fail(a.pos, invalidFunction, "Offset must be at least %d", 1-rank(w.ordered))
			} else if !ok && !w.ordered {
				return expr{}, s.src.refuse(a.pos, "%s with an argument that is not constant", name)
			}
		}
	}
	if w.result == unknown {
		t = args[0].t
		if len(args) == 3 {
			c, ok := common(t, args[2].t)
			if !ok {
				return expr{}, s.unexpected(x.Start, name, args)
			}
			t = c
			texts[0], texts[2] = s.coerced(args[0], t).sql, s.coerced(args[2], t).sql
		}
	}
	if x.Nulls == sql.IgnoreNulls {
		if !w.nulls {
			return expr{}, s.src.fail(x.Start, invalidFunction, "Cannot specify null treatment clause for %s function", name)
		}
		texts[len(texts)-1] += " IGNORE NULLS"
	}
	e := made(t, name+"("+strings.Join(texts, ", ")+")"+around.sql, args...)
	e.take(around)
	e.win = name
	e.never = !t.floating() || w.result == double
	return e, nil
}

// over translates a window specification: " OVER (…)".
func (s *scope) over(w *sql.Window, needOrder bool) (expr, error) {
	full, err := s.named(w, 0)
	if err != nil {
		return expr{}, err
	}
	var parts []string
	var deps []expr
	if len(full.PartitionBy) > 0 {
		var texts []string
		for _, x := range full.PartitionBy {
			e, err := s.expr(x)
			if err != nil {
				return e, err
			}
			if !e.t.comparable() {
				return e, s.src.fail(e.pos, typeMismatch, "%s is not comparable, and therefore cannot be used in window function PARTITION BY", e.t)
			}
			deps, texts = append(deps, e), append(texts, e.sql)
		}
		parts = append(parts, "PARTITION BY "+strings.Join(texts, ", "))
	}
	if len(full.OrderBy) > 0 {
		text, keys, err := s.sortList(full.OrderBy)
		if err != nil {
			return expr{}, err
		}
		deps = append(deps, keys...)
		parts = append(parts, "ORDER BY "+text)
	} else if needOrder {
		return expr{}, s.src.fail(w.Start, "MISSING_ORDER_BY", "Window function requires an ORDER BY clause")
	}
	if f := full.Frame; f != nil {
		text, err := s.frame(f, full)
		if err != nil {
			return expr{}, err
		}
		parts = append(parts, text)
	}
	for _, d := range deps {
		if d.win != "" {
			return expr{}, s.src.fail(w.Start, nestedWindow, "Cannot nest window functions or row pattern measures inside window specification")
		}
	}
	return made(tUnknown, " OVER ("+strings.Join(parts, " ")+")", deps...), nil
}

// named merges a window with the one that it is based on.
func (s *scope) named(w *sql.Window, depth int) (sql.Window, error) {
	if w.Base == nil {
		return *w, nil
	}
	base, ok := s.window[w.Base.Key()]
	if !ok || depth > 32 {
		return *w, s.src.fail(w.Base.Start, "INVALID_WINDOW_REFERENCE", "Cannot resolve WINDOW name %s", w.Base.Name)
	}
	full, err := s.named(base, depth+1)
	if err != nil || w.Named {
		return full, err
	}
	bad := func(what string) (sql.Window, error) {
		return *w, s.src.fail(w.Start, "INVALID_"+what, "WINDOW specification with a name cannot repeat or hide a %s clause", strings.ReplaceAll(what, "_", " "))
	}
	if len(w.PartitionBy) > 0 {
		return bad("PARTITION_BY")
	}
	if len(w.OrderBy) > 0 && len(full.OrderBy) > 0 {
		return bad("ORDER_BY")
	}
	if full.Frame != nil {
		return bad("WINDOW_FRAME")
	}
	if len(w.OrderBy) > 0 {
		full.OrderBy = w.OrderBy
	}
	full.Frame = w.Frame
	return full, nil
}

func (s *scope) frame(f *sql.Frame, w sql.Window) (string, error) {
	order := map[sql.BoundKind]int{sql.UnboundedPreceding: 0, sql.Preceding: 1, sql.CurrentRow: 2, sql.Following: 3, sql.UnboundedFollowing: 4}
	end := sql.FrameBound{Span: f.Span, Kind: sql.CurrentRow}
	if f.End != nil {
		end = *f.End
	}
	switch {
	case f.Start.Kind == sql.UnboundedFollowing:
		return "", s.src.fail(f.Span.Start, invalidWindow, "Window frame start cannot be UNBOUNDED FOLLOWING")
	case end.Kind == sql.UnboundedPreceding:
		return "", s.src.fail(f.Span.Start, invalidWindow, "Window frame end cannot be UNBOUNDED PRECEDING")
	case order[f.Start.Kind] > order[end.Kind]:
		return "", s.src.fail(f.Span.Start, invalidWindow, "Window frame starting from %s cannot end with %s", f.Start.Kind, end.Kind)
	}
	bound := func(b sql.FrameBound) (string, error) {
		if b.X == nil {
			return string(b.Kind), nil
		}
		e, err := s.scalar(b.X, "Window frame")
		if err != nil {
			return "", err
		}
		n, constant := e.whole()
		if f.Unit != "RANGE" {
			if !constant || n < 0 {
				return "", s.src.refuse(e.pos, "a window frame whose offset is not a constant")
			}
			return e.sql + " " + string(b.Kind), nil
		}
		if len(w.OrderBy) != 1 {
			return "", s.src.fail(f.Span.Start, "INVALID_ORDER_BY", "Window frame of type RANGE PRECEDING or FOLLOWING requires single sort item in ORDER BY (actual: %d)", len(w.OrderBy))
		}
		key, err := s.expr(w.OrderBy[0].Expr)
		if err != nil {
			return "", err
		}
		if !constant || n < 0 || !key.t.integral() {
			return "", s.src.refuse(e.pos, "a RANGE frame with an offset over anything but integers")
		}
		return s.coerced(e, tBigint).sql + " " + string(b.Kind), nil
	}
	from, err := bound(f.Start)
	if err != nil {
		return "", err
	}
	to, err := bound(end)
	if err != nil {
		return "", err
	}
	return f.Unit + " BETWEEN " + from + " AND " + to, nil
}
