// Package synthetic makes up flow-log records that look like those of a small VPC: a few subnets,
// their network interfaces, services that are asked and services that ask, scanners that are rejected,
// intervals without data.
//
// The same configuration gives the same bytes on every machine: nothing is read from the clock, the
// system or a floating-point unit. The records are for trying things, never a measurement.
package synthetic

import (
	"math/bits"
	"math/rand/v2"
	"slices"
	"time"

	"flowlake/fault"
	"flowlake/flow"
)

// Config says what to make up. Start is required; the zero value of the rest works.
type Config struct {
	Seed     uint64
	Rows     int           // how many records; 0: no end
	Fields   []flow.Field  // empty: flow.DefaultFormat
	Start    time.Time     // the first aggregation interval begins here, to the second
	Interval time.Duration // of aggregation, 1 minute or 10 as on AWS; 0 means 1 minute
	Account  string        // owner of the interfaces; "": 123456789012
	Region   string        // "": us-east-1
}

// Validate names the key that does not fit.
func (c Config) Validate() error {
	switch {
	case c.Rows < 0:
		return fault.Newf(fault.Invalid, "synthetic.rows", "%d is negative", c.Rows)
	case c.Start.IsZero():
		return fault.Newf(fault.Invalid, "synthetic.start", "there is none")
	case c.Start.Unix() < 0:
		return fault.Newf(fault.Invalid, "synthetic.start", "%s is before 1970", c.Start.Format(time.RFC3339))
	case c.Interval != 0 && c.Interval != time.Minute && c.Interval != 10*time.Minute:
		return fault.Newf(fault.Invalid, "synthetic.interval", "%s is neither 1m nor 10m", c.Interval)
	}
	return nil
}

// Generator makes records, one at a time. It is not safe for concurrent use.
type Generator struct {
	rng      *rand.PCG
	left     int // records to go; -1: no end
	writers  []writer
	version  int
	interval int64 // seconds
	now      int64 // the running interval's beginning, Unix seconds
	net      *network
	rows     []row // of the running interval, not yet given out
	given    int
}

// New makes the network that the records tell of. It returns Validate's error.
func New(cfg Config) (*Generator, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if len(cfg.Fields) == 0 {
		cfg.Fields = flow.DefaultFormat()
	}
	if cfg.Interval == 0 {
		cfg.Interval = time.Minute
	}
	if cfg.Account == "" {
		cfg.Account = "123456789012"
	}
	if cfg.Region == "" {
		cfg.Region = "us-east-1"
	}
	g := &Generator{
		rng:      rand.NewPCG(cfg.Seed, 0x666c6f776c616b65), // "flowlake": any constant
		left:     cfg.Rows,
		version:  flow.Version(cfg.Fields),
		interval: int64(cfg.Interval / time.Second),
		now:      cfg.Start.Unix(),
	}
	if cfg.Rows == 0 {
		g.left = -1
	}
	g.net = newNetwork(g, cfg.Account, cfg.Region)
	for _, f := range cfg.Fields {
		w, ok := fieldWriters[f.Name]
		if !ok {
			return nil, fault.Newf(fault.Unsupported, "field "+f.Name, "no records are made up with it")
		}
		g.writers = append(g.writers, w)
	}
	return g, nil
}

// Next appends the next record to dst as a line without a line end. ok is false, and nothing is
// appended, when all rows have been given out.
func (g *Generator) Next(dst []byte) (line []byte, ok bool) {
	if g.left == 0 {
		return dst, false
	}
	for g.given == len(g.rows) {
		g.rows, g.given = g.rows[:0], 0
		g.fill()
		g.now += g.interval
	}
	if g.left > 0 {
		g.left--
	}
	r := &g.rows[g.given]
	g.given++
	for i, write := range g.writers {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = write(dst, g, r)
	}
	return dst, true
}

// draw returns a number below n. The standard library's own reduction differs between 32-bit and 64-bit machines.
func (g *Generator) draw(n int) int {
	high, _ := bits.Mul64(g.rng.Uint64(), uint64(n))
	return int(high)
}

// oneIn is true once in n times.
func (g *Generator) oneIn(n int) bool { return g.draw(n) == 0 }

// tail draws a number from 1 on, of which half are 1 or 2, a quarter up to 4, and so on up to 2 to the power of limit.
func (g *Generator) tail(limit int) int {
	k := min(bits.TrailingZeros64(g.rng.Uint64()|1<<63), limit-1)
	return 1<<k + g.draw(1<<k)
}

// zipf draws ranks whose frequency falls with the rank: the first twice as often as the second.
type zipf struct{ upTo []uint64 } // cumulative weights

func newZipf(n int) zipf {
	z := zipf{upTo: make([]uint64, n)}
	var sum uint64
	for i := range z.upTo {
		sum += 1 << 40 / uint64(i+1)
		z.upTo[i] = sum
	}
	return z
}

func (z zipf) draw(g *Generator) int {
	at, _ := bits.Mul64(g.rng.Uint64(), z.upTo[len(z.upTo)-1])
	i, _ := slices.BinarySearch(z.upTo, at+1)
	return i
}
