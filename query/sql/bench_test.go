package sql

import "testing"

func BenchmarkParse(b *testing.B) {
	for _, c := range []struct{ name, text string }{
		{"select", `SELECT srcaddr, sum(bytes) AS total FROM vpc_flow_logs WHERE date = date '2022-08-29' AND action IN ('ACCEPT', 'REJECT') GROUP BY srcaddr ORDER BY total DESC LIMIT 10`},
		{"ddl", rendered},
		{"mistake", `SELECT srcaddr FROM vpc_flow_logs WHERE start > now() - interval 1 day`},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = Parse(c.text)
			}
		})
	}
}
