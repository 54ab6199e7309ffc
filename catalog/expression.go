package catalog

import (
	"slices"
	"strings"
)

// NullValue is how Hive spells a NULL in a partition's values.
const NullValue = "__HIVE_DEFAULT_PARTITION__"

// Expression is a filter over a table's partition keys, with SQL's three-valued logic: what compares
// with a NULL is neither true nor false. A value that is not of its key's type counts as NULL.
// It is safe for concurrent use.
type Expression struct {
	root node
	keys []keyType
}

// Match reports whether the partition with those values, one for each key, is chosen.
func (x *Expression) Match(values []string) bool {
	row := make([]literal, len(x.keys))
	for i, k := range x.keys {
		if i < len(values) && values[i] != NullValue {
			row[i], _ = k.read(values[i])
		}
	}
	return x.root.eval(row) == yes
}

// prefix returns the values that the first keys must have, as far as the filter says so. Only strings
// count: a number can be spelled in several ways.
func (x *Expression) prefix() []string {
	if x == nil {
		return nil
	}
	equal := make(map[int]string)
	var visit func(node)
	visit = func(n node) {
		switch n := n.(type) {
		case and:
			for _, m := range n {
				visit(m)
			}
		case compare:
			if n.op == "=" && x.keys[n.key] == stringKey {
				if _, ok := equal[n.key]; !ok {
					equal[n.key] = n.with.text
				}
			}
		}
	}
	visit(x.root)
	var values []string
	for i := range x.keys {
		v, ok := equal[i]
		if !ok {
			break
		}
		values = append(values, v)
	}
	return values
}

// truth is one of SQL's three.
type truth int8

const (
	unknown truth = iota
	no
	yes
)

func of(b bool) truth {
	if b {
		return yes
	}
	return no
}

func (t truth) not() truth {
	switch t {
	case yes:
		return no
	case no:
		return yes
	}
	return unknown
}

type node interface {
	eval(row []literal) truth
}

type (
	and     []node
	or      []node
	not     struct{ of node }
	compare struct {
		key  int
		op   string // = <> < > <= >=
		with literal
	}
	in struct {
		key  int
		list []literal
	}
	like struct {
		key     int
		pattern []rune
	}
	isNull struct{ key int }
)

func (n and) eval(row []literal) truth {
	result := yes
	for _, m := range n {
		switch m.eval(row) {
		case no:
			return no
		case unknown:
			result = unknown
		}
	}
	return result
}

func (n or) eval(row []literal) truth {
	result := no
	for _, m := range n {
		switch m.eval(row) {
		case yes:
			return yes
		case unknown:
			result = unknown
		}
	}
	return result
}

func (n not) eval(row []literal) truth { return n.of.eval(row).not() }

func (n compare) eval(row []literal) truth {
	v := row[n.key]
	if v.null() {
		return unknown
	}
	order := v.compare(n.with)
	switch n.op {
	case "=":
		return of(order == 0)
	case "<>":
		return of(order != 0)
	case "<":
		return of(order < 0)
	case ">":
		return of(order > 0)
	case "<=":
		return of(order <= 0)
	}
	return of(order >= 0)
}

func (n in) eval(row []literal) truth {
	v := row[n.key]
	if v.null() {
		return unknown
	}
	return of(slices.ContainsFunc(n.list, func(w literal) bool { return v.compare(w) == 0 }))
}

func (n like) eval(row []literal) truth {
	v := row[n.key]
	if v.null() {
		return unknown
	}
	return of(likes([]rune(v.text), n.pattern))
}

func (n isNull) eval(row []literal) truth { return of(row[n.key].null()) }

// likes matches SQL's LIKE: % is any run of characters, _ is one. It goes back to the last % only, so
// its time is at most the product of the two lengths.
func likes(s, pattern []rune) bool {
	at, p := 0, 0
	star, mark := -1, 0
	for at < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '%':
			star, mark = p, at
			p++
		case p < len(pattern) && (pattern[p] == '_' || pattern[p] == s[at]):
			at++
			p++
		case star >= 0:
			mark++
			at, p = mark, star+1
		default:
			return false
		}
	}
	return strings.Trim(string(pattern[p:]), "%") == ""
}
