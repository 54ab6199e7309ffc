package grok

import (
	"encoding/binary"
	"regexp/syntax"
	"slices"
	"sync"
)

// An automaton is a regexp made deterministic over ASCII: one table look-up a byte. It exists for regexps
// that ask nothing of their surroundings but word boundaries; where it meets a byte that is not ASCII
// it leaves the decision to the regexp.
//
// State 0 is dead. A state knows the byte before it as far as word boundaries need.
type automaton struct {
	class    [256]uint8 // bytes that no part of the regexp tells apart share a class; foreign is not ASCII
	classes  int
	next     []uint16 // at state*classes+class: the next state, shifted left by one; bit 0 says that a match ends before the byte
	final    []bool   // by state: a match ends here if the line does
	blank    []bool   // by state: a match ends here if a blank follows
	spaced   []bool   // by state: a blank may be part of what comes
	start    []uint16 // by what is before: 0 for the line's beginning, 1 + the class of an ASCII byte
	priority bool     // threads are in order of preference and end with the first that matches
	visits   int      // of instructions, which it took to build
	segment  segmentTable
}

// segmentTable is the automaton for texts that end at a blank or with the line, made for speed: one
// dependent load a byte. A row's entries below stops say how the text ends, the others where the next row begins.
type segmentTable struct {
	column [256]uint8
	rows   []uint16
	start  []uint16 // as the automaton's
	end    int      // the column for the end of the line
	// Most values are runs, of digits or of letters: opens has the bytes that lead from the usual start to
	// the run's state, loops those that stay there. They are read without a look at the rows.
	opens, loops [256]bool
	usual        uint16 // the start behind a blank
	runState     uint16 // 0: that start leads to no such state
}

// How a text ends.
const (
	fails uint16 = iota
	matches
	unclear // the text could go on past the blank, or a byte is not ASCII
	stops
)

const (
	foreign   = 0xff
	maxStates = 1 << 12 // far more than any built-in pattern needs; a table stays below 1 MB
	maxInsts  = 1 << 12 // of a regexp's program
	maxBeside = 63      // assertions, each a bit beside that of words
	maxVisits = 1 << 23 // of instructions for all automata of a pattern: some 0.2 s
)

// automata keeps what the built-in patterns gave, which most patterns are made of: an automaton never changes.
var automata = struct {
	sync.Mutex
	kept map[automatonKey]*automaton // guarded by Mutex; at most maxKept
}{kept: map[automatonKey]*automaton{}}

type automatonKey struct {
	expr     string // and the sources of its assertions
	priority bool
}

const maxKept = 64 // of less than 300 KB each

// automatonOf returns the automaton of expr, which may be kept for the next that asks, or nil. What it took to build
// is taken off visits, also where it was kept: what a pattern gets does not depend on those before it.
func automatonOf(expr string, asserts []*assertion, priority bool, visits *int) *automaton {
	key := automatonKey{expr, priority}
	for _, a := range asserts {
		key.expr += "\x00" + a.source
	}
	automata.Lock()
	a, kept := automata.kept[key]
	automata.Unlock()
	if !kept {
		a = newAutomaton(expr, asserts, priority, *visits)
		automata.Lock()
		small := a == nil && *visits == maxVisits || a != nil && len(a.next) < 1<<16 // nil may be for want of visits
		if small && len(automata.kept) < maxKept {
			automata.kept[key] = a
		}
		automata.Unlock()
	}
	if a == nil || a.visits > *visits {
		*visits = 0
		return nil
	}
	*visits -= a.visits
	return a
}

// newAutomaton builds the automaton of expr, or nil if expr cannot have one. With priority it answers
// where the match that the regexp prefers ends, without it whether a text matches whole. It gives up after so many visits
// of instructions.
func newAutomaton(expr string, asserts []*assertion, priority bool, visits int) *automaton {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return nil
	}
	if len(prog.Inst) > maxInsts || len(asserts) > maxBeside {
		return nil
	}
	const boundaries = syntax.EmptyWordBoundary | syntax.EmptyNoWordBoundary
	for _, inst := range prog.Inst {
		if inst.Op == syntax.InstEmptyWidth && syntax.EmptyOp(inst.Arg)&^boundaries != 0 {
			return nil
		}
	}
	a := &automaton{priority: priority}
	samples := a.classify(prog, asserts)
	b := &builder{prog: prog, asserts: asserts, priority: priority, index: map[string]int{}, seen: make([]uint32, len(prog.Inst))}
	b.visits = len(prog.Inst) * 0x80 / 4 // classify's
	b.add(nil, 0)                        // dead
	a.start = append(a.start, uint16(b.add([]uint32{uint32(prog.Start)}, b.beside(-1, true))))
	for _, c := range samples {
		a.start = append(a.start, uint16(b.add([]uint32{uint32(prog.Start)}, b.beside(int(c), true))))
	}
	for s := 0; s < len(b.states); s++ {
		if len(b.states) > maxStates || b.visits > visits {
			return nil
		}
		state := b.states[s]
		_, ends := b.closure(state, -1)
		a.final = append(a.final, ends)
		_, ends = b.closure(state, ' ')
		a.blank = append(a.blank, ends)
		for _, c := range samples {
			threads, ends := b.closure(state, int(c))
			entry := uint16(b.step(threads, c)) << 1
			if ends {
				entry |= 1
			}
			a.next = append(a.next, entry)
		}
		a.spaced = append(a.spaced, a.next[s*a.classes+int(a.class[' '])]>>1 != 0)
	}
	if a.visits = b.visits; a.visits > visits || !priority && !a.tabulate(len(b.states)) {
		return nil
	}
	return a
}

// tabulate makes the segment table; false means that it would be too large.
func (a *automaton) tabulate(states int) bool {
	t := &a.segment
	blank, notASCII, end := a.classes, a.classes+1, a.classes+2
	width := max(a.classes+3, int(stops))
	if (states+1)*width > 1<<16 {
		return false
	}
	for i := range t.column {
		switch {
		case i == ' ':
			t.column[i] = uint8(blank)
		case a.class[i] == foreign:
			t.column[i] = uint8(notASCII)
		default:
			t.column[i] = a.class[i]
		}
	}
	t.end = end
	t.rows = make([]uint16, states*width)
	for s := 1; s < states; s++ {
		row := t.rows[s*width:]
		for c := range a.classes {
			row[c] = (a.next[s*a.classes+c] >> 1) * uint16(width) // the dead state's row is fails
		}
		if a.final[s] {
			row[end] = matches
		}
		if a.blank[s] {
			row[blank] = matches
		}
		if a.spaced[s] {
			row[blank] = unclear
		}
		row[notASCII] = unclear
	}
	for _, state := range a.start {
		t.start = append(t.start, state*uint16(width))
	}
	t.findRun(t.start[1+int(a.class[' '])])
	return true
}

// findRun chooses the state behind the first byte that stays for the most bytes.
func (t *segmentTable) findRun(start uint16) {
	t.usual = start
	most := 0
	for c := range 0x80 {
		state := t.rows[int(start)+int(t.column[c])]
		if state < stops {
			continue
		}
		stays := 0
		for d := range 0x80 {
			if t.rows[int(state)+int(t.column[d])] == state {
				stays++
			}
		}
		if stays > most {
			most, t.runState = stays, state
		}
	}
	if most == 0 {
		return
	}
	for c := range 0x80 {
		t.opens[c] = t.rows[int(start)+int(t.column[c])] == t.runState
		t.loops[c] = t.rows[int(t.runState)+int(t.column[c])] == t.runState
	}
}

// from is the state in which the text at a place begins; ok is false behind a byte that is not ASCII.
func (t *segmentTable) from(line []byte, at int) (state uint16, ok bool) {
	if at == 0 {
		return t.start[0], true
	}
	c := int(t.column[line[at-1]])
	if line[at-1] == ' ' {
		return t.usual, true
	}
	if 1+c >= len(t.start) {
		return 0, false
	}
	return t.start[1+c], true
}

// run reads the text at from, in the state that it begins with, up to a blank or the end of the line and says how
// it ends, and where.
func (t *segmentTable) run(line []byte, from int, state uint16) (at int, how uint16) {
	if state == 0 {
		return from, fails
	}
	at = from
	if state == t.usual && at < len(line) && t.opens[line[at]] {
		state = t.runState
		for at++; at < len(line) && t.loops[line[at]]; at++ {
		}
	}
	rows := t.rows
	for ; at < len(line); at++ {
		next := rows[int(state)+int(t.column[line[at]])]
		if next < stops {
			return at, next
		}
		state = next
	}
	return at, rows[int(state)+t.end]
}

// classify groups the ASCII bytes and returns one sample of each class.
func (a *automaton) classify(prog *syntax.Prog, asserts []*assertion) (samples []byte) {
	for i := range a.class {
		a.class[i] = foreign
	}
	known := map[string]uint8{}
	signature := make([]byte, len(prog.Inst)+1+len(asserts))
	for c := byte(0); c < 0x80; c++ {
		for i := range prog.Inst {
			signature[i] = 0
			if takesRune(&prog.Inst[i]) && prog.Inst[i].MatchRune(rune(c)) {
				signature[i] = 1
			}
		}
		signature[len(prog.Inst)] = 0
		if wordByte(c) {
			signature[len(prog.Inst)] = 1
		}
		for i, a := range asserts {
			signature[len(prog.Inst)+1+i] = 0
			if a.ascii[c] {
				signature[len(prog.Inst)+1+i] = 1
			}
		}
		id, ok := known[string(signature)]
		if !ok {
			id = uint8(len(samples))
			known[string(signature)] = id
			samples = append(samples, c)
		}
		a.class[c] = id
	}
	a.classes = len(samples)
	return samples
}

func takesRune(inst *syntax.Inst) bool {
	switch inst.Op {
	case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
		return true
	}
	return false
}

func wordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

// builder makes the states: sets of threads, which are instructions of the program, and what the byte
// before says to word boundaries and lookbehinds.
type builder struct {
	prog     *syntax.Prog
	asserts  []*assertion
	priority bool
	states   []builderState
	index    map[string]int
	seen     []uint32 // generation in which an instruction was visited
	gen      uint32
	visits   int // of instructions
}

type builderState struct {
	threads []uint32
	before  uint64 // as beside gives it
}

// beside is what an ASCII byte, or -1 for the line's beginning or end, says to its neighbour: bit 0 for a part of a word,
// bit n+1 if the n-th assertion that looks that way holds.
func (b *builder) beside(c int, behind bool) (bits uint64) {
	if c >= 0 && wordByte(byte(c)) {
		bits = 1
	}
	for i, a := range b.asserts {
		if a.behind == behind && a.holdsBeside(c) {
			bits |= 2 << i
		}
	}
	return bits
}

// add returns the number of the state, which it makes if there is none yet.
func (b *builder) add(threads []uint32, before uint64) int {
	key := make([]byte, 0, 4*len(threads)+8)
	if !b.priority { // order means nothing
		slices.Sort(threads)
	}
	for _, t := range threads {
		key = binary.LittleEndian.AppendUint32(key, t)
	}
	if len(threads) > 0 {
		key = binary.LittleEndian.AppendUint64(key, before)
	}
	if s, ok := b.index[string(key)]; ok {
		return s
	}
	s := len(b.states)
	b.index[string(key)] = s
	b.states = append(b.states, builderState{threads: threads, before: before})
	return s
}

// closure follows all that takes no byte, given the byte that comes, -1 for the line's end, and returns
// the threads that take it, and whether a match ends here.
func (b *builder) closure(s builderState, next int) (threads []uint32, ends bool) {
	b.gen++
	after := b.beside(next, false)
	flags := syntax.EmptyNoWordBoundary
	if s.before&1 != after&1 {
		flags = syntax.EmptyWordBoundary
	}
	holds := (s.before | after) >> 1 // each assertion looks one way only
	var visit func(pc uint32) bool
	visit = func(pc uint32) bool { // true: stop, a preferred thread has matched
		if b.seen[pc] == b.gen {
			return false
		}
		b.seen[pc] = b.gen
		b.visits++
		inst := &b.prog.Inst[pc]
		if n, ok := isAssertion(inst); ok {
			return holds>>n&1 != 0 && visit(inst.Out)
		}
		switch inst.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			return visit(inst.Out) || visit(inst.Arg)
		case syntax.InstCapture, syntax.InstNop:
			return visit(inst.Out)
		case syntax.InstEmptyWidth:
			return syntax.EmptyOp(inst.Arg)&^flags == 0 && visit(inst.Out)
		case syntax.InstMatch:
			ends = true
			return b.priority
		case syntax.InstFail:
			return false
		}
		threads = append(threads, pc)
		return false
	}
	for _, pc := range s.threads {
		if visit(pc) {
			break
		}
	}
	return threads, ends
}

// step returns the state behind c.
func (b *builder) step(threads []uint32, c byte) int {
	b.gen++
	var out []uint32
	for _, pc := range threads {
		inst := &b.prog.Inst[pc]
		if inst.MatchRune(rune(c)) && b.seen[inst.Out] != b.gen {
			b.seen[inst.Out] = b.gen
			out = append(out, inst.Out)
		}
	}
	return b.add(out, b.beside(int(c), true))
}
