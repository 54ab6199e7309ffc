package grok

import "regexp/syntax"

// What a hostile pattern may cost. A regexp is matched by threads, at most one a step and each with its captures, that
// all look at each character: a few repeats of repeats would take minutes for a line, and gigabytes.
const (
	maxSteps = 1 << 15 // the flow logs' 29 fields need 5,000; an IP address needs 1,200
	maxCells = 1 << 21 // steps times captures: 32 MB of places in a line, for each of two sets of threads
)

// steps estimates from above how many instructions a regexp compiles to, without compiling it.
func steps(re *syntax.Regexp) int {
	const most = 1 << 40 // products of repeats stay below what an int holds
	n := 1
	switch re.Op {
	case syntax.OpLiteral:
		n = len(re.Rune)
	case syntax.OpConcat:
		n = 0
	case syntax.OpAlternate:
		n = len(re.Sub)
	case syntax.OpCapture:
		n = 2
	}
	for _, sub := range re.Sub {
		n = min(n+steps(sub), most)
	}
	if re.Op != syntax.OpRepeat {
		return n
	}
	if re.Min == re.Max { // no choice between one and the next
		n--
	}
	if re.Max < 0 { // the last is a loop
		return min(n*(re.Min+1), most)
	}
	return min(n*max(re.Max, 1), most)
}
