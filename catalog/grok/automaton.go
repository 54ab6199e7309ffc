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
	final    []bool   // by state: a match ends here if a blank or the end of the line follows
	spaced   []bool   // by state: a blank may be part of what comes
	start    [2]uint16
	priority bool // threads are in order of preference and end with the first that matches
	segment  segmentTable
}

// segmentTable is the automaton for texts that end at a blank or with the line, made for speed: one
// dependent load a byte. A row's entries below stops say how the text ends, the others where the next row begins.
type segmentTable struct {
	column [256]uint8
	rows   []uint16
	start  [2]uint16
	end    int // the column for the end of the line
	// Most values are runs, of digits or of letters: opens has the bytes that lead from the start to the
	// state run, loops those that stay there. They are read without a look at the rows.
	opens, loops [256]bool
	runState     uint16 // 0: the start leads to no such state
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
	maxVisits = 1 << 23 // of instructions, all in all: what a hostile pattern may cost, some 50 ms
)

// automata keeps what the built-in patterns gave, which most patterns are made of: an automaton never changes.
var automata = struct {
	sync.Mutex
	kept map[automatonKey]*automaton // guarded by Mutex; at most maxKept
}{kept: map[automatonKey]*automaton{}}

type automatonKey struct {
	expr     string
	priority bool
}

const maxKept = 64 // of less than 300 KB each

// automatonOf returns the automaton of expr, which may be kept for the next that asks, or nil.
func automatonOf(expr string, priority bool) *automaton {
	key := automatonKey{expr, priority}
	automata.Lock()
	a, ok := automata.kept[key]
	automata.Unlock()
	if ok {
		return a
	}
	a = newAutomaton(expr, priority)
	automata.Lock()
	defer automata.Unlock()
	if len(automata.kept) < maxKept && (a == nil || len(a.next) < 1<<16) {
		automata.kept[key] = a
	}
	return a
}

// newAutomaton builds the automaton of expr, or nil if expr cannot have one. With priority it answers
// where the match that the regexp prefers ends, without it whether a text matches whole.
func newAutomaton(expr string, priority bool) *automaton {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return nil
	}
	if len(prog.Inst) > maxInsts {
		return nil
	}
	const boundaries = syntax.EmptyWordBoundary | syntax.EmptyNoWordBoundary
	for _, inst := range prog.Inst {
		if inst.Op == syntax.InstEmptyWidth && syntax.EmptyOp(inst.Arg)&^boundaries != 0 {
			return nil
		}
	}
	a := &automaton{priority: priority}
	samples := a.classify(prog)
	b := &builder{prog: prog, priority: priority, index: map[string]int{}, seen: make([]uint32, len(prog.Inst))}
	b.add(nil, false) // dead
	a.start[0] = uint16(b.add([]uint32{uint32(prog.Start)}, false))
	a.start[1] = uint16(b.add([]uint32{uint32(prog.Start)}, true))
	for s := 0; s < len(b.states); s++ {
		if len(b.states) > maxStates || b.visits > maxVisits {
			return nil
		}
		state := b.states[s]
		_, ends := b.closure(state, false)
		a.final = append(a.final, ends)
		for _, c := range samples {
			threads, ends := b.closure(state, wordByte(c))
			entry := uint16(b.step(threads, c)) << 1
			if ends {
				entry |= 1
			}
			a.next = append(a.next, entry)
		}
		a.spaced = append(a.spaced, a.next[s*a.classes+int(a.class[' '])]>>1 != 0)
	}
	if !priority && !a.tabulate(len(b.states)) {
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
			row[blank], row[end] = matches, matches
		}
		if a.spaced[s] {
			row[blank] = unclear
		}
		row[notASCII] = unclear
	}
	t.start = [2]uint16{a.start[0] * uint16(width), a.start[1] * uint16(width)}
	t.findRun()
	return true
}

// findRun chooses the state behind the first byte that stays for the most bytes.
func (t *segmentTable) findRun() {
	most := 0
	for c := range 0x80 {
		state := t.rows[int(t.start[0])+int(t.column[c])]
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
		t.opens[c] = t.rows[int(t.start[0])+int(t.column[c])] == t.runState
		t.loops[c] = t.rows[int(t.runState)+int(t.column[c])] == t.runState
	}
}

// run reads the text at from up to a blank or the end of the line and says how it ends, and where.
func (t *segmentTable) run(line []byte, from int, word bool) (at int, how uint16) {
	state := t.start[0]
	if word {
		state = t.start[1]
	}
	if state == 0 {
		return from, fails
	}
	at = from
	if !word && at < len(line) && t.opens[line[at]] {
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
func (a *automaton) classify(prog *syntax.Prog) (samples []byte) {
	for i := range a.class {
		a.class[i] = foreign
	}
	known := map[string]uint8{}
	signature := make([]byte, len(prog.Inst)+1)
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

// builder makes the states: sets of threads, which are instructions of the program, and whether
// the byte before was part of a word.
type builder struct {
	prog     *syntax.Prog
	priority bool
	states   []builderState
	index    map[string]int
	seen     []uint32 // generation in which an instruction was visited
	gen      uint32
	visits   int // of instructions
}

type builderState struct {
	threads []uint32
	word    bool
}

// add returns the number of the state, which it makes if there is none yet.
func (b *builder) add(threads []uint32, word bool) int {
	key := make([]byte, 0, 4*len(threads)+1)
	if !b.priority { // order means nothing
		slices.Sort(threads)
	}
	for _, t := range threads {
		key = binary.LittleEndian.AppendUint32(key, t)
	}
	if word && len(threads) > 0 {
		key = append(key, 1)
	}
	if s, ok := b.index[string(key)]; ok {
		return s
	}
	s := len(b.states)
	b.index[string(key)] = s
	b.states = append(b.states, builderState{threads: threads, word: word})
	return s
}

// closure follows all that takes no byte, given whether the byte that comes is part of a word, and
// returns the threads that take it, and whether a match ends here.
func (b *builder) closure(s builderState, nextWord bool) (threads []uint32, ends bool) {
	b.gen++
	flags := syntax.EmptyNoWordBoundary
	if s.word != nextWord {
		flags = syntax.EmptyWordBoundary
	}
	var visit func(pc uint32) bool
	visit = func(pc uint32) bool { // true: stop, a preferred thread has matched
		if b.seen[pc] == b.gen {
			return false
		}
		b.seen[pc] = b.gen
		b.visits++
		inst := &b.prog.Inst[pc]
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
	return b.add(out, len(out) > 0 && wordByte(c))
}
