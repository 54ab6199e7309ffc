package main

import (
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// TestFlowLogFilesSurviveKills kills the server while records are put through a flow log to S3 and while their files are
// written, and compares every record that was acknowledged with every one in the files: each is there once. A batch whose
// answer did not come is there whole and once, or not at all.
func TestFlowLogFilesSurviveKills(t *testing.T) {
	if testing.Short() {
		t.Skip("kills servers")
	}
	const kills, batch = 12, 40
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	p := launch(t, dir, "--publish-every", "50ms")
	c := p.clients("")
	ctx := t.Context()
	vpc, _, eni := c.network(t)
	_, err := c.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("flows")})
	ok(t, err)
	made, err := c.ec2.CreateFlowLogs(ctx, &ec2.CreateFlowLogsInput{ResourceIds: []string{vpc}, ResourceType: types.FlowLogsResourceTypeVpc, TrafficType: types.TrafficTypeAll,
		LogDestinationType: types.LogDestinationTypeS3, LogDestination: aws.String("arn:aws:s3:::flows"), LogFormat: aws.String("${interface-id} ${bytes}")})
	ok(t, err)
	path := "/flow-records?flow-log=" + made.FlowLogIds[0]
	acknowledged := map[int]bool{} // by batch: whether its answer came
	next := 0
	for range kills {
		stop := time.After(time.Duration(20+rng.IntN(250)) * time.Millisecond)
		sent := make(chan struct{})
		dead := make(chan struct{})
		go func() {
			defer close(sent)
			for {
				var body strings.Builder
				body.WriteString("interface-id bytes\n")
				for i := range batch {
					fmt.Fprintf(&body, "%s %d\n", eni, next*batch+i)
				}
				err := c.rawPost(t, path, body.String())
				acknowledged[next] = err == nil
				next++
				select {
				case <-dead:
					return
				default:
				}
				if err != nil {
					<-dead
					return
				}
			}
		}()
		<-stop
		p.kill()
		close(dead)
		<-sent
		p = launch(t, dir, "--publish-every", "50ms")
		c = p.clients("")
	}
	want := 0
	for _, ok := range acknowledged {
		if ok {
			want += batch
		}
	}
	times := map[int]int{}
	until(t, "every acknowledged record in a file", func() bool {
		clear(times)
		there := 0
		pages := s3.NewListObjectsV2Paginator(c.s3, &s3.ListObjectsV2Input{Bucket: aws.String("flows")})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			ok(t, err)
			for _, o := range page.Contents {
				object, err := c.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("flows"), Key: o.Key})
				ok(t, err)
				zip, err := gzip.NewReader(object.Body)
				ok(t, err)
				text, err := io.ReadAll(zip)
				ok(t, err)
				object.Body.Close()
				for line := range strings.Lines(string(text)) {
					if _, number, _ := strings.Cut(strings.TrimSpace(line), " "); number != "bytes" {
						n, err := strconv.Atoi(number)
						ok(t, err)
						if times[n]++; acknowledged[n/batch] && times[n] == 1 {
							there++
						}
					}
				}
			}
		}
		return there == want
	})
	for b, came := range acknowledged {
		first := times[b*batch]
		for i := range batch {
			if n := times[b*batch+i]; n > 1 || came && n != 1 || n != first {
				t.Fatalf("record %d of batch %d is there %d times; its answer came: %v; the batch's first is there %d times", i, b, n, came, first)
			}
		}
	}
	t.Logf("%d batches, %d records acknowledged, %d kills", next, want, kills)
}
