package grok

import (
	"strings"
	"testing"

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

func BenchmarkSeedPattern(b *testing.B) {
	p, err := Compile(seedPattern, "")
	if err != nil {
		b.Fatal(err)
	}
	values := make([][]byte, len(p.Fields()))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if !p.Match(seedLines[i%len(seedLines)], values) {
			b.Fatal("no match")
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

func BenchmarkSeedPatternGoGrok(b *testing.B) {
	g := peer.New()
	pattern := strings.NewReplacer(":int}", "}", ":long}", "}").Replace(seedPattern)
	if err := g.Compile(pattern, true); err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		if m, err := g.Parse(seedLines[i%len(seedLines)]); err != nil || len(m) == 0 {
			b.Fatal("no match", err)
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
