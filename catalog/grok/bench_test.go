package grok

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"flowlake/flow/synthetic"

	peer "github.com/elastic/go-grok"
)

// seedPattern is the classifier of the article that the first walk follows.
const seedPattern = `%{NUMBER:version:int} %{NUMBER:account_id} %{NOTSPACE:interface_id} %{IP:srcaddr} %{IP:dstaddr} ` +
	`%{NUMBER:srcport:int} %{NUMBER:dstport:int} %{NUMBER:protocol:int} %{NUMBER:packets:int} %{NUMBER:bytes:int} ` +
	`%{NUMBER:start_time:long} %{NUMBER:end_time:long} %{WORD:action} %{WORD:log_status}`

var seedLines = [][]byte{
	[]byte("2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK"),
	[]byte("2 123456789010 eni-1235b8ca123456789 172.31.9.69 172.31.9.12 49761 3389 6 20 4249 1418530010 1418530070 REJECT OK"),
	[]byte("2 123456789010 eni-1235b8ca123456789 2001:db8:1234:a100:8d6e:3477:df66:f105 2001:db8:1234:a102:3304:8879:34cf:4071 34892 22 6 54 8855 1477913708 1477913820 ACCEPT OK"),
	[]byte("2 123456789010 eni-1235b8ca123456789 203.0.113.12 172.31.16.139 0 0 1 4 336 1432917027 1432917142 ACCEPT OK"),
}

// records are lines of a small VPC, all of which the seed's pattern matches.
func records(b *testing.B) (lines [][]byte) {
	b.Helper()
	g, err := synthetic.New(synthetic.Config{Seed: 1, Rows: 2000, Start: time.Unix(1_767_225_600, 0)})
	if err != nil {
		b.Fatal(err)
	}
	for {
		line, ok := g.Next(nil)
		if !ok {
			return lines
		}
		if !strings.HasSuffix(string(line), "DATA") {
			lines = append(lines, line)
		}
	}
}

// matchers return one function for us and one for the peer, which match the i-th record.
func matchers(b *testing.B) (ours, theirs func(i int)) {
	b.Helper()
	lines := records(b)
	p := mustCompile(b, seedPattern)
	values := make([][]byte, len(p.Fields()))
	ours = func(i int) {
		if !p.Match(lines[i%len(lines)], values) {
			b.Fatalf("no match: %s", lines[i%len(lines)])
		}
	}
	g := peer.New()
	// Without types: neither side converts values here.
	if err := g.Compile(strings.NewReplacer(":int}", "}", ":long}", "}").Replace(seedPattern), true); err != nil {
		b.Fatal(err)
	}
	theirs = func(i int) {
		if m, err := g.Parse(lines[i%len(lines)]); err != nil || len(m) != len(values) {
			b.Fatalf("the peer finds %d fields, %v: %s", len(m), err, lines[i%len(lines)])
		}
	}
	return ours, theirs
}

func BenchmarkSeedPattern(b *testing.B) {
	ours, _ := matchers(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		ours(i)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

func BenchmarkSeedPatternGoGrok(b *testing.B) {
	_, theirs := matchers(b)
	for i := 0; b.Loop(); i++ {
		theirs(i)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

// BenchmarkSeedPatternRatio takes both in turns, so that a busy machine slows both, and prints the medians.
func BenchmarkSeedPatternRatio(b *testing.B) {
	ours, theirs := matchers(b)
	rate := func(match func(int), n int) float64 {
		began := time.Now()
		for i := range n {
			match(i)
		}
		return float64(n) / time.Since(began).Seconds()
	}
	for b.Loop() {
		const rounds = 11
		var a, z, ratios [rounds]float64
		for i := range rounds {
			a[i], z[i] = rate(ours, 200_000), rate(theirs, 700)
			ratios[i] = a[i] / z[i]
		}
		ratio := median(ratios[:])
		b.ReportMetric(ratio, "ratio")
		fmt.Printf("BENCH grok ours=%.0f peer=%.0f ratio=%.0f\n", median(a[:]), median(z[:]), ratio)
	}
}

func BenchmarkApache(b *testing.B) {
	p := mustCompile(b, "%{COMBINEDAPACHELOG}")
	line, values := []byte(strings.TrimSpace(apache)), make([][]byte, len(p.Fields()))
	b.ReportAllocs()
	for b.Loop() {
		if !p.Match(line, values) {
			b.Fatal("no match")
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		if _, err := Compile(seedPattern, ""); err != nil {
			b.Fatal(err)
		}
	}
}

func median(of []float64) float64 {
	s := append([]float64(nil), of...)
	slices.Sort(s)
	return s[len(s)/2]
}
