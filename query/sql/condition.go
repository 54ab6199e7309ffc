package sql

import "flowlake/fault"

// ParseCondition reads one expression on its own, as it could stand behind WHERE: the row filter of a data cells
// filter. Spans are byte offsets in text, and the errors are those of Parse.
func ParseCondition(text string) (x Expr, err error) {
	err = parseWith(text, func(string) bool { return false }, func(p *parser) {
		x = p.expr()
		if p.isOp(";") {
			p.refuse(p.pos, "a condition is no statement", "Leave out the semicolon")
		}
		p.end()
		p.bound(x)
	})
	if err == nil && hasParameter(x) {
		return nil, ErrorAt(fault.Invalid, text, 0, "a condition has no parameters", "")
	}
	return x, err
}

func hasParameter(x Expr) (found bool) {
	Walk(x, func(n Node) bool {
		if _, ok := n.(*Parameter); ok {
			found = true
		}
		return !found
	})
	return found
}
