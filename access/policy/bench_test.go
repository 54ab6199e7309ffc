package policy

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkEvaluate decides over 20 policies of 30 statements, which only the last of allows; each of the others is about
// the action and has to be told apart by its resource or its condition.
func BenchmarkEvaluate(b *testing.B) {
	for name, statement := range map[string]string{
		"resource":  `{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::bucket-%d-%d/*"}`,
		"wildcards": `{"Effect":"Allow","Action":"s3:Put*","Resource":"arn:aws:s3:::flow-*/other-%d-%d/*"}`,
		"condition": `{"Effect":"Deny","Action":"s3:PutObject","Resource":"arn:aws:s3:::flow-logs/*","Condition":{"StringEquals":{"s3:x-amz-acl":"public-%d-%d"}}}`,
	} {
		var p Policies
		for i := range 20 {
			var all []string
			for j := range 30 {
				all = append(all, fmt.Sprintf(statement, i, j))
			}
			if i == 19 {
				all[29] = `{"Effect":"Allow","Action":"s3:Put*","Resource":"arn:aws:s3:::flow-logs/${aws:username}/*"}`
			}
			d, err := Parse(Identity, `{"Version":"2012-10-17","Statement":[`+strings.Join(all, ",")+`]}`)
			if err != nil {
				b.Fatal(err)
			}
			p.Identity = append(p.Identity, Source{fmt.Sprint("p", i), d})
		}
		r := Request{Principal: people["ana"], Action: "s3:PutObject", Resource: "arn:aws:s3:::flow-logs/ana/2026/11/21/05/part-0000.parquet", Owner: account,
			Context: []Entry{{"aws:username", []string{"ana"}}, {"s3:x-amz-acl", []string{"bucket-owner-full-control"}}}}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if d := Evaluate(&r, &p); !d.Allowed {
					b.Fatal(d)
				}
			}
		})
	}
}
