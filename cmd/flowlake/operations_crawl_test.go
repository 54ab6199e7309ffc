package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"flowlake/catalog/crawler"
)

func testClassifiers(t *testing.T, c *clients) {
	ctx := t.Context()
	grok := func(name, pattern string) *glue.CreateClassifierInput {
		return &glue.CreateClassifierInput{GrokClassifier: &types.CreateGrokClassifierRequest{Name: &name, Classification: aws.String("flows"), GrokPattern: &pattern}}
	}
	_, err := c.glue.CreateClassifier(ctx, grok("walk-grok", "%{IP:src} %{NUMBER:bytes:long}"))
	ok(t, err)
	_, err = c.glue.CreateClassifier(ctx, &glue.CreateClassifierInput{JsonClassifier: &types.CreateJsonClassifierRequest{Name: aws.String("walk-json"), JsonPath: aws.String("$.records[*]")}})
	ok(t, err)
	_, err = c.glue.CreateClassifier(ctx, &glue.CreateClassifierInput{CsvClassifier: &types.CreateCsvClassifierRequest{Name: aws.String("walk-csv"), Delimiter: aws.String("|"),
		ContainsHeader: types.CsvHeaderOptionPresent}})
	ok(t, err)
	_, err = c.glue.CreateClassifier(ctx, grok("walk-grok", "%{IP:src}"))
	typed[*types.AlreadyExistsException](t, err)
	_, err = c.glue.CreateClassifier(ctx, grok("walk-bad", "%{NOSUCH:src}"))
	refused(t, err, "InvalidInputException", "NOSUCH")
	_, err = c.glue.CreateClassifier(ctx, &glue.CreateClassifierInput{XMLClassifier: &types.CreateXMLClassifierRequest{Name: aws.String("x"), Classification: aws.String("x")}})
	refused(t, err, "InvalidInputException", "XMLClassifier")
	_, err = c.glue.UpdateClassifier(ctx, &glue.UpdateClassifierInput{GrokClassifier: &types.UpdateGrokClassifierRequest{Name: aws.String("walk-grok"), GrokPattern: aws.String("%{IP:dst}")}})
	ok(t, err)
	_, err = c.glue.UpdateClassifier(ctx, &glue.UpdateClassifierInput{JsonClassifier: &types.UpdateJsonClassifierRequest{Name: aws.String("walk-none"), JsonPath: aws.String("$")}})
	typed[*types.EntityNotFoundException](t, err)
	got, err := c.glue.GetClassifier(ctx, &glue.GetClassifierInput{Name: aws.String("walk-grok")})
	ok(t, err)
	if g := got.Classifier.GrokClassifier; g == nil || *g.GrokPattern != "%{IP:dst}" || *g.Classification != "flows" || g.Version != 2 {
		t.Errorf("got %+v", g)
	}
	_, err = c.glue.GetClassifier(ctx, &glue.GetClassifierInput{Name: aws.String("walk-none")})
	typed[*types.EntityNotFoundException](t, err)
	list, err := c.glue.GetClassifiers(ctx, &glue.GetClassifiersInput{})
	ok(t, err)
	var kinds []string
	for _, cl := range list.Classifiers {
		switch {
		case cl.GrokClassifier != nil:
			kinds = append(kinds, *cl.GrokClassifier.Name)
		case cl.JsonClassifier != nil:
			kinds = append(kinds, *cl.JsonClassifier.Name+" "+*cl.JsonClassifier.JsonPath)
		case cl.CsvClassifier != nil:
			kinds = append(kinds, *cl.CsvClassifier.Name+" "+*cl.CsvClassifier.Delimiter)
		}
	}
	slices.Sort(kinds)
	if fmt.Sprint(kinds) != "[walk-csv | walk-grok walk-json $.records[*]]" {
		t.Errorf("got %v", kinds)
	}
	_, err = c.glue.GetClassifiers(ctx, &glue.GetClassifiersInput{MaxResults: aws.Int32(0)})
	refused(t, err, "InvalidInputException", "MaxResults")
	_, err = c.glue.DeleteClassifier(ctx, &glue.DeleteClassifierInput{Name: aws.String("walk-json")})
	ok(t, err)
	_, err = c.glue.DeleteClassifier(ctx, &glue.DeleteClassifierInput{Name: aws.String("walk-json")})
	typed[*types.EntityNotFoundException](t, err)
}

func testCrawlers(t *testing.T, c *clients) {
	ctx, db, name := t.Context(), c.database(t, "walk_crawls"), aws.String("walk-crawler")
	_, err := c.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("walk-crawled")})
	ok(t, err)
	record := "2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK\n"
	for day := range 3 {
		_, err := c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("walk-crawled"), Key: aws.String(fmt.Sprintf("flows/day=%d/a.log", day)),
			Body: strings.NewReader(strings.Repeat(record, 20))})
		ok(t, err)
	}
	targets := &types.CrawlerTargets{S3Targets: []types.S3Target{{Path: aws.String("s3://walk-crawled/flows/"), Exclusions: []string{"day=2/**"}}}}
	in := func(name string) *glue.CreateCrawlerInput {
		return &glue.CreateCrawlerInput{Name: &name, Role: aws.String("arn:aws:iam::" + defaultAccount + ":role/crawler"), DatabaseName: db, Targets: targets}
	}
	c.letRole(t, *in(*name).Role)
	_, err = c.glue.CreateCrawler(ctx, in(*name))
	ok(t, err)
	_, err = c.glue.CreateCrawler(ctx, in(*name))
	typed[*types.AlreadyExistsException](t, err)
	bad := in("walk-bad")
	bad.Role = aws.String("arn:aws:iam::" + defaultAccount + ":nobody")
	_, err = c.glue.CreateCrawler(ctx, bad)
	refused(t, err, "InvalidInputException", "role")
	bad = in("walk-bad")
	bad.Schedule = aws.String("cron(0 0 * * ? *)")
	_, err = c.glue.CreateCrawler(ctx, bad)
	refused(t, err, "InvalidInputException", "Schedule")
	_, err = c.glue.UpdateCrawler(ctx, &glue.UpdateCrawlerInput{Name: name, TablePrefix: aws.String("raw_"), Description: aws.String("flows")})
	ok(t, err)
	_, err = c.glue.UpdateCrawler(ctx, &glue.UpdateCrawlerInput{Name: aws.String("walk-none"), TablePrefix: aws.String("raw_")})
	typed[*types.EntityNotFoundException](t, err)
	_, err = runReport(t, c, *name)
	if err == nil || !strings.Contains(err.Error(), "has not crawled yet") {
		t.Errorf("a report before the first crawl: %v", err)
	}
	_, err = runReport(t, c, "walk-none")
	if err == nil || !strings.Contains(err.Error(), "EntityNotFoundException") {
		t.Errorf("a report of no crawler: %v", err)
	}

	_, err = c.glue.StopCrawler(ctx, &glue.StopCrawlerInput{Name: name})
	typed[*types.CrawlerNotRunningException](t, err)
	_, err = c.glue.StartCrawler(ctx, &glue.StartCrawlerInput{Name: aws.String("walk-none")})
	typed[*types.EntityNotFoundException](t, err)
	_, err = c.glue.StartCrawler(ctx, &glue.StartCrawlerInput{Name: name})
	ok(t, err)
	done := crawled(t, c, *name)
	if done.LastCrawl.Status != types.LastCrawlStatusSucceeded || *done.TablePrefix != "raw_" || *done.Description != "flows" ||
		*done.Targets.S3Targets[0].Path != "s3://walk-crawled/flows/" || done.SchemaChangePolicy.UpdateBehavior != "UPDATE_IN_DATABASE" {
		t.Errorf("got %+v, %+v", done, done.LastCrawl)
	}
	table, err := c.glue.GetTable(ctx, &glue.GetTableInput{DatabaseName: db, Name: aws.String("raw_flows")})
	ok(t, err)
	if len(table.Table.PartitionKeys) != 1 || *table.Table.PartitionKeys[0].Name != "day" || len(table.Table.StorageDescriptor.Columns) != 14 {
		t.Errorf("got %+v, %+v", table.Table.PartitionKeys, table.Table.StorageDescriptor.Columns)
	}
	if rows := rowsOf(t, c, *db, "SELECT day, count(*), sum(bytes) FROM raw_flows GROUP BY day ORDER BY 1"); fmt.Sprint(rows[1:]) != "[[0 20 84980] [1 20 84980]]" {
		t.Errorf("got %v", rows)
	}
	r, err := runReport(t, c, *name)
	ok(t, err)
	if r.Files != 2 || r.Unknown != 0 || len(r.Outcomes) != 2 || r.Outcomes[0].Certainty != 1 || r.Outcomes[0].Matched != 20 || r.Tables[0].Change != crawler.Created {
		t.Errorf("got %+v", r)
	}

	_, err = c.glue.GetCrawler(ctx, &glue.GetCrawlerInput{Name: aws.String("walk-none")})
	typed[*types.EntityNotFoundException](t, err)
	all, err := c.glue.GetCrawlers(ctx, &glue.GetCrawlersInput{})
	ok(t, err)
	names, err := c.glue.ListCrawlers(ctx, &glue.ListCrawlersInput{})
	ok(t, err)
	if len(all.Crawlers) != 1 || *all.Crawlers[0].Name != *name || !slices.Equal(names.CrawlerNames, []string{*name}) {
		t.Errorf("got %+v, %v", all.Crawlers, names.CrawlerNames)
	}
	for _, err := range []error{second(c.glue.GetCrawlers(ctx, &glue.GetCrawlersInput{MaxResults: aws.Int32(1001)})),
		second(c.glue.ListCrawlers(ctx, &glue.ListCrawlersInput{MaxResults: aws.Int32(1001)}))} {
		refused(t, err, "InvalidInputException", "MaxResults")
	}
	batch, err := c.glue.BatchGetCrawlers(ctx, &glue.BatchGetCrawlersInput{CrawlerNames: []string{*name, "walk-none"}})
	ok(t, err)
	if len(batch.Crawlers) != 1 || !slices.Equal(batch.CrawlersNotFound, []string{"walk-none"}) {
		t.Errorf("got %+v, %v", batch.Crawlers, batch.CrawlersNotFound)
	}
	_, err = c.glue.BatchGetCrawlers(ctx, &glue.BatchGetCrawlersInput{CrawlerNames: make([]string, 101)})
	refused(t, err, "InvalidInputException", "CrawlerNames")

	t.Run("one that runs is stopped", func(t *testing.T) {
		for i := range 200 { // enough to be busy with
			_, err := c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("walk-crawled"), Key: aws.String(fmt.Sprintf("flows/day=9/%d.log", i)),
				Body: strings.NewReader(strings.Repeat(record, 500))})
			ok(t, err)
		}
		for range 20 {
			_, err := c.glue.StartCrawler(ctx, &glue.StartCrawlerInput{Name: name})
			ok(t, err)
			again := second(c.glue.StartCrawler(ctx, &glue.StartCrawlerInput{Name: name}))
			_, err = c.glue.StopCrawler(ctx, &glue.StopCrawlerInput{Name: name})
			if _, ended := errors.AsType[*types.CrawlerNotRunningException](err); ended {
				crawled(t, c, *name)
				continue
			}
			ok(t, err)
			typed[*types.CrawlerRunningException](t, again)
			if last := crawled(t, c, *name).LastCrawl; last.Status != types.LastCrawlStatusCancelled {
				t.Errorf("got %+v", last)
			}
			return
		}
		t.Error("every crawl ended before it could be stopped")
	})
	_, err = c.glue.DeleteCrawler(ctx, &glue.DeleteCrawlerInput{Name: name})
	ok(t, err)
	_, err = c.glue.DeleteCrawler(ctx, &glue.DeleteCrawlerInput{Name: name})
	typed[*types.EntityNotFoundException](t, err)
}

func second[T any](_ T, err error) error { return err }

// crawled waits until a crawler is ready again.
func crawled(t testing.TB, c *clients, name string) (cr types.Crawler) {
	t.Helper()
	until(t, "crawl of "+name, func() bool {
		out, err := c.glue.GetCrawler(t.Context(), &glue.GetCrawlerInput{Name: &name})
		ok(t, err)
		cr = *out.Crawler
		return cr.State == types.CrawlerStateReady && cr.LastCrawl != nil
	})
	return cr
}

// runReport asks for a crawl's record through the command that does.
func runReport(t testing.TB, c *clients, name string) (r crawler.Report, err error) {
	t.Helper()
	out, errs, code := runCommand(t, c.env(t), "", "crawl", "report", name, "--output", "json")
	if code != 0 {
		return r, errors.New(errs)
	}
	return r, json.Unmarshal([]byte(out), &r)
}
