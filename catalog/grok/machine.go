package grok

import (
	"regexp"
	"regexp/syntax"
	"sync"
	"unicode/utf8"
)

// matcher finds the leftmost match of an expanded regexp, of several the one that it prefers: the standard
// library's engine, or a machine where the regexp has assertions.
type matcher struct {
	re *regexp.Regexp
	m  *machine
}

// newMatcher compiles a regexp whose assertions are those of the list.
func newMatcher(text string, asserts []*assertion) (*matcher, error) {
	if len(asserts) == 0 {
		re, err := regexp.Compile(text)
		return &matcher{re: re}, err
	}
	m, err := newMachine(text, asserts)
	return &matcher{m: m}, err
}

// find returns the places of the match and of its groups, two each, -1 where a group took no part; nil without a match.
// Of groups without a name it may know nothing.
func (m *matcher) find(line []byte) []int {
	if m.re != nil {
		return m.re.FindSubmatchIndex(line)
	}
	return m.m.find(line)
}

// machine runs all threads of a program through the line side by side, in order of preference, so its time is
// linear in the line and its memory is not of the line's length.
type machine struct {
	prog     *syntax.Prog
	asserts  []*assertion
	keeps    []int // by end of a group, as the program counts them: the place in a thread's captures, -1 if the group has no name
	kept     int   // captures of a thread
	anchored bool
	runs     sync.Pool // of *run
}

// run is what one search needs.
type run struct {
	line       []byte
	now, after threads
	captures   []int    // of the thread being followed
	found      []int    // of the best match so far
	seen       []uint32 // by instruction: the last generation that followed it
	generation uint32   // one for each place in the line
}

// threads are the instructions that take the next character, in order of preference, each with its captures.
type threads struct {
	list     []uint32
	captures []int // len(run.captures) for each of list
}

func (t *threads) clear() { t.list, t.captures = t.list[:0], t.captures[:0] }

func newMachine(text string, asserts []*assertion) (*machine, error) {
	re, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, err
	}
	names := re.CapNames()
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return nil, err
	}
	m := &machine{prog: prog, asserts: asserts}
	for i, name := range names {
		if name == "" && i > 0 {
			m.keeps = append(m.keeps, -1, -1)
			continue
		}
		m.keeps = append(m.keeps, m.kept, m.kept+1)
		m.kept += 2
	}
	m.anchored = prog.StartCond()&syntax.EmptyBeginText != 0
	m.runs.New = func() any {
		return &run{captures: make([]int, m.kept), seen: make([]uint32, len(prog.Inst))}
	}
	return m, nil
}

func (m *machine) find(line []byte) []int {
	r := m.runs.Get().(*run)
	defer m.runs.Put(r)
	r.line = line
	r.now.clear()
	r.advance()
	var found []int
	before := rune(-1)
	for at := 0; ; {
		next, size := rune(-1), 0
		if at < len(line) {
			next, size = utf8.DecodeRune(line[at:])
		}
		if found == nil && (at == 0 || !m.anchored) {
			for i := range r.captures {
				r.captures[i] = -1
			}
			r.captures[0] = at
			m.follow(r, &r.now, uint32(m.prog.Start), at, syntax.EmptyOpContext(before, next))
		}
		if len(r.now.list) == 0 && (found != nil || m.anchored) {
			break
		}
		second := rune(-1)
		if at+size < len(line) {
			second, _ = utf8.DecodeRune(line[at+size:])
		}
		flags := syntax.EmptyOpContext(next, second)
		r.after.clear()
		r.advance()
		for i, pc := range r.now.list {
			captures := r.now.captures[i*len(r.captures) : (i+1)*len(r.captures)]
			inst := &m.prog.Inst[pc]
			if inst.Op == syntax.InstMatch {
				r.found = append(r.found[:0], captures...)
				found = r.found
				found[1] = at
				break // the others are less preferred
			}
			if size > 0 && inst.MatchRune(next) {
				copy(r.captures, captures)
				m.follow(r, &r.after, inst.Out, at+size, flags)
			}
		}
		r.now, r.after = r.after, r.now
		if size == 0 {
			break
		}
		before = next
		at += size
	}
	r.line = nil
	if found == nil {
		return nil
	}
	all := make([]int, len(m.keeps))
	for i, n := range m.keeps {
		if all[i] = -1; n >= 0 {
			all[i] = found[n]
		}
	}
	return all
}

// advance begins a new place in the line: no instruction was followed there yet.
func (r *run) advance() {
	if r.generation++; r.generation == 0 {
		clear(r.seen)
		r.generation = 1
	}
}

// follow adds to the set what can be reached from pc without a character.
func (m *machine) follow(r *run, set *threads, pc uint32, at int, flags syntax.EmptyOp) {
	if r.seen[pc] == r.generation {
		return
	}
	r.seen[pc] = r.generation
	inst := &m.prog.Inst[pc]
	if n, ok := isAssertion(inst); ok {
		if m.asserts[n].holds(r.line, at) {
			m.follow(r, set, inst.Out, at, flags)
		}
		return
	}
	switch inst.Op {
	case syntax.InstAlt, syntax.InstAltMatch:
		m.follow(r, set, inst.Out, at, flags)
		m.follow(r, set, inst.Arg, at, flags)
	case syntax.InstNop:
		m.follow(r, set, inst.Out, at, flags)
	case syntax.InstEmptyWidth:
		if syntax.EmptyOp(inst.Arg)&^flags == 0 {
			m.follow(r, set, inst.Out, at, flags)
		}
	case syntax.InstCapture:
		n := m.keeps[inst.Arg]
		if n < 0 {
			m.follow(r, set, inst.Out, at, flags)
			return
		}
		old := r.captures[n]
		r.captures[n] = at
		m.follow(r, set, inst.Out, at, flags)
		r.captures[n] = old
	case syntax.InstFail:
	default:
		set.list = append(set.list, pc)
		set.captures = append(set.captures, r.captures...)
	}
}
