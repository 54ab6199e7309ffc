package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	gluetypes "github.com/aws/aws-sdk-go-v2/service/glue/types"
	lftypes "github.com/aws/aws-sdk-go-v2/service/lakeformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// The names of the walk's things.
const (
	demoGroup      = "vpc-flow-logs"
	demoStream     = "eni-0demo-all"
	demoBucket     = "flowlake-demo-lake"
	demoResults    = "aws-athena-query-results-" + defaultAccount + "-" + defaultRegion // the workgroup primary's own
	demoPrefix     = "vpcflowlogs"
	demoDatabase   = "vpc_flow_logs_db"
	demoClassifier = "vpc-flow-log"
	demoCrawler    = "vpc-flow-log-crawler"
)

// walk takes a file of flow logs through the pipeline's public API, one step after the other.
type walk struct {
	person  // who calls: root until there is an administrator
	analyst person
	writer  person // a session of the role that writes flow logs' events
	out     io.Writer
	input   string
	needs   map[string][]string // by service.operation: the actions that it always takes

	sighting

	step      int
	title     string
	task      string
	table     string
	streamARN string
	flowLog   string
	vpc       string    // that it logs
	accepted  time.Time // when the second path's last event was
}

func newWalk(cfg aws.Config, out io.Writer, input string, seen sighting) *walk {
	w := &walk{
		person: newPerson(cfg), out: out, input: input, sighting: seen, needs: map[string][]string{},
	}
	for _, s := range services(rooms{}) {
		for _, op := range s.Operations {
			w.needs[s.Name+":"+op.Name] = op.Always
			if slices.Contains(op.Actions, "iam:PassRole") { // where a role is given, as here
				w.needs[s.Name+":"+op.Name] = append(slices.Clone(op.Always), "iam:PassRole")
			}
		}
	}
	return w
}

func (w *walk) run(ctx context.Context) error {
	for _, path := range []struct {
		title string
		steps []func(context.Context) error
	}{
		{"Who may do what", []func(context.Context) error{w.makeAdmin, w.makeAnalyst}},
		{"The first path: a log group is exported, a crawler finds its table", w.exported()},
		{"The second path: a subscription streams records into Parquet as they arrive", w.streamed()},
		{"The third path: a flow log writes to a bucket by itself, its partitions are projected", w.logged()},
	} {
		fmt.Fprintf(w.out, "\n%s\n", path.title)
		for _, step := range path.steps {
			if err := step(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// exported is the first path.
func (w *walk) exported() []func(context.Context) error {
	return []func(context.Context) error{w.makeGroup, w.putEvents, w.makeBucket, w.export, w.makeClassifier, w.register, w.crawl, w.grantColumns,
		w.queryAddress, w.queryTalkers, w.queryHidden}
}

// begin prints a step's heading: who acts on whom, why, and which permissions the operations declare.
func (w *walk) begin(title, who, why string, operations ...string) {
	w.step++
	w.title = title
	fmt.Fprintf(w.out, "\n%d. %s\n", w.step, title)
	w.labelled("who", who)
	w.labelled("why", why)
	var needs []string
	for _, op := range operations {
		for _, action := range w.needs[op] {
			if !slices.Contains(needs, action) {
				needs = append(needs, action)
			}
		}
	}
	w.labelled("takes", strings.Join(needs, ", "))
}

// walkWidth is the widest that the walk's own lines are.
const walkWidth = 100

// labelled prints a text behind its label, in lines of their own below each other.
func (w *walk) labelled(label, text string) {
	for _, line := range wrap(text, walkWidth-10) {
		fmt.Fprintf(w.out, "   %-5s  %s\n", label, line)
		label = ""
	}
}

// wrap breaks a text at blanks into lines of at most so many runes, or of one longer word.
func wrap(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// did prints what came of a step.
func (w *walk) did(format string, args ...any) {
	mark := "✓"
	for _, line := range wrap(fmt.Sprintf(format, args...), walkWidth-5) {
		fmt.Fprintf(w.out, "   %s %s\n", mark, line)
		mark = " "
	}
}

// refused prints a refusal that was to be: its sentence, and below it what decided and what would allow it, as it stands.
func (w *walk) refused(err error) {
	sentence, rest, _ := strings.Cut(describe(err), "\n")
	w.did("refused: %s", sentence)
	for line := range strings.SplitSeq(strings.TrimSpace(rest), "\n") {
		if line != "" {
			fmt.Fprintln(w.out, "     "+line)
		}
	}
}

func (w *walk) makeGroup(ctx context.Context) error {
	w.begin("Log group", "you → CloudWatch Logs",
		"Flow logs arrive as events in a log group, which keeps them until they expire.", "logs:CreateLogGroup")
	_, err := w.logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String(demoGroup)})
	if err == nil {
		w.did("log group %s", demoGroup)
	}
	return err
}

func (w *walk) putEvents(ctx context.Context) error {
	w.begin("PutLogEvents", "the flow-log service's role → CloudWatch Logs",
		"Each network interface's records go to a stream of its own, written by a role that may do that and nothing else. An answer means that they are on disk.",
		"iam:CreateRole", "iam:PutRolePolicy", "sts:AssumeRole", "logs:CreateLogStream", "logs:PutLogEvents")
	if err := w.newRole(ctx, writerRole, fill(writerTrust), writerPolicy); err != nil {
		return err
	}
	if err := w.assumeWriter(ctx); err != nil {
		return err
	}
	w.did("role %s: vpc-flow-logs.amazonaws.com assumes it; it may make streams in vpc-flow-logs*, and put events", writerRole)
	imp := &groupImport{client: w.writer.logs, group: demoGroup, log: io.Discard}
	began := time.Now()
	if err := imp.run(ctx, []string{w.input}, demoStream, io.Discard); err != nil {
		return err
	}
	w.did("%d events in stream %s, in %d ms", imp.events, demoStream, time.Since(began).Milliseconds())
	if imp.retimed > 0 {
		w.did("%d of them are older than 14 days, or lie in the future: they entered with the present as their event time", imp.retimed)
	}
	return nil
}

func (w *walk) makeBucket(ctx context.Context) error {
	w.begin("Bucket", "you → S3", "SQL reads objects, and they outlive the log group's retention. CloudWatch Logs writes as itself: the bucket's policy has to let it.",
		"s3:CreateBucket", "s3:PutBucketPolicy")
	if _, err := w.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(demoBucket)}); err != nil {
		return err
	}
	_, err := w.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: aws.String(demoBucket), Policy: fill(exportPolicy)})
	if err == nil {
		w.did("s3://%s, in which logs.%s.amazonaws.com may s3:PutObject below %s/, as the owner's", demoBucket, defaultRegion, demoPrefix)
	}
	return err
}

func (w *walk) export(ctx context.Context) error {
	w.begin("Export task", "you → CloudWatch Logs → S3",
		"The service copies the group's events into the bucket, as its own principal: s3:GetBucketAcl and s3:PutObject, by the bucket's policy.",
		"logs:CreateExportTask", "logs:DescribeExportTasks", "s3:ListObjectsV2")
	out, err := w.logs.CreateExportTask(ctx, &cloudwatchlogs.CreateExportTaskInput{
		LogGroupName: aws.String(demoGroup), Destination: aws.String(demoBucket), DestinationPrefix: aws.String(demoPrefix),
		From: aws.Int64(0), To: aws.Int64(time.Now().Add(time.Minute).UnixMilli()),
	})
	if err != nil {
		return err
	}
	w.task = *out.TaskId
	err = poll(ctx, func() (bool, error) {
		out, err := w.logs.DescribeExportTasks(ctx, &cloudwatchlogs.DescribeExportTasksInput{TaskId: &w.task})
		if err != nil {
			return false, err
		}
		switch s := out.ExportTasks[0].Status; s.Code {
		case logtypes.ExportTaskStatusCodeCompleted:
			return true, nil
		case logtypes.ExportTaskStatusCodeFailed, logtypes.ExportTaskStatusCodeCancelled:
			return false, fmt.Errorf("export task %s: %s", s.Code, aws.ToString(s.Message))
		}
		return false, nil
	})
	if err != nil {
		return err
	}
	return w.objects(ctx, demoPrefix+"/")
}

// objects waits until there is an object under a prefix, and prints all of them.
func (w *walk) objects(ctx context.Context, prefix string) error {
	var list *s3.ListObjectsV2Output
	err := poll(ctx, func() (_ bool, err error) {
		list, err = w.s3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String(demoBucket), Prefix: &prefix})
		return err == nil && len(list.Contents) > 0, err
	})
	if err != nil {
		return err
	}
	w.did("objects in s3://%s", demoBucket)
	for _, o := range list.Contents {
		fmt.Fprintf(w.out, "     %s  %d bytes\n", *o.Key, aws.ToInt64(o.Size))
	}
	return nil
}

func (w *walk) makeClassifier(ctx context.Context) error {
	w.begin("Database and classifier", "you → Glue",
		"The classifier is how the crawler takes lines apart: a Grok pattern names the fields and gives them types.",
		"glue:CreateDatabase", "glue:CreateClassifier")
	if _, err := w.glue.CreateDatabase(ctx, &glue.CreateDatabaseInput{DatabaseInput: &gluetypes.DatabaseInput{Name: aws.String(demoDatabase)}}); err != nil {
		return err
	}
	_, err := w.glue.CreateClassifier(ctx, &glue.CreateClassifierInput{GrokClassifier: &gluetypes.CreateGrokClassifierRequest{
		Name: aws.String(demoClassifier), Classification: aws.String("vpcflow"), GrokPattern: &w.pattern,
	}})
	if err == nil {
		w.did("database %s, classifier %s", demoDatabase, demoClassifier)
	}
	return err
}

func (w *walk) crawl(ctx context.Context) error {
	w.begin("Crawler", "Glue, as the role that you pass to it → S3 and the catalogue",
		"The crawler reads the objects as that role, and writes a table and its partitions: IAM lets it, and Lake Formation, to which the place and the database belong.",
		"iam:CreateRole", "iam:PutRolePolicy", "lakeformation:GrantPermissions", "glue:CreateCrawler", "glue:StartCrawler", "glue:GetCrawler", "glue:GetTables")
	if err := w.newRole(ctx, crawlerRole, trusting("glue.amazonaws.com"), crawlerPolicy); err != nil {
		return err
	}
	if err := w.grant(ctx, "role/"+crawlerRole, onLocation(demoBucket, demoPrefix), lftypes.PermissionDataLocationAccess); err != nil {
		return err
	}
	if err := w.grant(ctx, "role/"+crawlerRole, onDatabase(demoDatabase), lftypes.PermissionCreateTable, lftypes.PermissionDescribe); err != nil {
		return err
	}
	w.did("role %s: reads s3://%s/%s/, and may make tables in %s for data that lies there", crawlerRole, demoBucket, demoPrefix, demoDatabase)
	_, err := w.glue.CreateCrawler(ctx, &glue.CreateCrawlerInput{
		Name: aws.String(demoCrawler), Role: aws.String(roleARN(crawlerRole)), DatabaseName: aws.String(demoDatabase),
		Classifiers: []string{demoClassifier},
		Targets:     &gluetypes.CrawlerTargets{S3Targets: []gluetypes.S3Target{{Path: aws.String("s3://" + demoBucket + "/" + demoPrefix + "/")}}},
	})
	if err != nil {
		return err
	}
	if _, err := w.glue.StartCrawler(ctx, &glue.StartCrawlerInput{Name: aws.String(demoCrawler)}); err != nil {
		return err
	}
	err = poll(ctx, func() (bool, error) {
		out, err := w.glue.GetCrawler(ctx, &glue.GetCrawlerInput{Name: aws.String(demoCrawler)})
		if err != nil || out.Crawler.State != gluetypes.CrawlerStateReady || out.Crawler.LastCrawl == nil {
			return false, err
		}
		if last := out.Crawler.LastCrawl; last.Status != gluetypes.LastCrawlStatusSucceeded {
			return false, fmt.Errorf("crawl %s: %s", last.Status, aws.ToString(last.ErrorMessage))
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	tables, err := w.glue.GetTables(ctx, &glue.GetTablesInput{DatabaseName: aws.String(demoDatabase)})
	if err != nil {
		return err
	}
	if len(tables.TableList) == 0 {
		return errors.New("the crawl found no table: flowlake crawl report " + demoCrawler + " says how each file was classified")
	}
	for _, t := range tables.TableList {
		var columns, keys []string
		for _, c := range t.StorageDescriptor.Columns {
			columns = append(columns, aws.ToString(c.Name)+" "+aws.ToString(c.Type))
		}
		for _, k := range t.PartitionKeys {
			keys = append(keys, aws.ToString(k.Name))
		}
		w.did("table %s: %s", *t.Name, strings.Join(columns, ", "))
		w.did("partitioned by %s", strings.Join(keys, ", "))
	}
	w.table = *tables.TableList[0].Name
	return w.doctor(ctx)
}

// doctor prints what the crawl recorded of its Grok classifier.
func (w *walk) doctor(ctx context.Context) error {
	r, err := crawlReport(ctx, w.cfg, demoCrawler)
	if err != nil {
		return err
	}
	for _, d := range r.Diagnoses {
		var b strings.Builder
		if err := d.Findings.WriteText(&b); err != nil {
			return err
		}
		fmt.Fprintf(w.out, "\n   The classifier doctor on %s:\n", d.Classifier)
		explains := false // the line below a caret does
		for line := range strings.SplitSeq(strings.TrimRight(b.String(), "\n"), "\n") {
			text := strings.TrimLeft(line, " ")
			indent := strings.Repeat(" ", 5+len(line)-len(text))
			if explains || strings.HasPrefix(text, "- ") {
				for _, part := range wrap(text, walkWidth-len(indent)) {
					fmt.Fprintln(w.out, indent+part)
				}
			} else {
				fmt.Fprintln(w.out, strings.TrimRight(indent+text, " "))
			}
			explains = text == "^"
		}
	}
	return nil
}

func (w *walk) queryAddress(ctx context.Context) error {
	w.begin("SQL: what one address sent", "the analyst → Athena → the catalogue and S3",
		"SELECT * is what he may see. Lake Formation reads the objects for Athena; the analyst's own policies need not, and do not, let him. The result is kept as him.",
		"athena:StartQueryExecution", "athena:GetQueryExecution", "athena:GetQueryResults")
	return w.query(ctx, demoDatabase, fmt.Sprintf("SELECT *\nFROM %s\nWHERE srcaddr = '%s'\nLIMIT 100", w.table, strings.ReplaceAll(w.address, "'", "''")), 5)
}

func (w *walk) queryTalkers(ctx context.Context) error {
	w.begin("SQL: the ten that sent most", "the analyst → Athena → the catalogue and S3",
		"A query runs in a process of its own, which can read these files and nothing else.",
		"athena:StartQueryExecution", "athena:GetQueryExecution", "athena:GetQueryResults")
	return w.query(ctx, demoDatabase, fmt.Sprintf("SELECT srcaddr, SUM(bytes) as total_bytes\nFROM %s\nGROUP BY srcaddr\nORDER BY total_bytes DESC\nLIMIT 10", w.table), 10)
}

// query runs one statement as the analyst and prints its first rows as a table.
func (w *walk) query(ctx context.Context, database, text string, show int) error {
	fmt.Fprintln(w.out)
	for line := range strings.SplitSeq(text, "\n") {
		fmt.Fprintln(w.out, "     "+line)
	}
	fmt.Fprintln(w.out)
	q := &queryRun{client: w.analyst.athena, database: database, workgroup: "primary"}
	id, err := q.start(ctx, text)
	if err != nil {
		return err
	}
	if err := q.wait(ctx, id); err != nil {
		return err
	}
	page, err := w.analyst.athena.GetQueryResults(ctx, &athena.GetQueryResultsInput{QueryExecutionId: &id})
	if err != nil {
		return err
	}
	columns, rows := page.ResultSet.ResultSetMetadata.ColumnInfo, page.ResultSet.Rows[1:]
	t := &tableRows{w: w.out, columns: columns, indent: "     ", width: walkWidth, keep: "srcaddr"}
	for _, r := range rows[:min(show, len(rows))] {
		if err := t.row(r.Data); err != nil {
			return err
		}
	}
	if err := t.flush(); err != nil {
		return err
	}
	if more := len(rows) - show; more > 0 {
		fmt.Fprintf(w.out, "     … and %s more\n", count(int64(more), "row"))
	}
	for i, line := range wrap(strings.Join(t.hidden(), ", "), walkWidth-20) {
		fmt.Fprintf(w.out, "     %-14s %s\n", []string{"… and columns", ""}[min(i, 1)], line)
	}
	done, err := w.analyst.athena.GetQueryExecution(ctx, &athena.GetQueryExecutionInput{QueryExecutionId: &id})
	if err != nil {
		return err
	}
	s := done.QueryExecution.Statistics
	w.did("%s, %d bytes scanned, %d ms, kept at", count(int64(len(rows)), "row"), aws.ToInt64(s.DataScannedInBytes), aws.ToInt64(s.TotalExecutionTimeInMillis))
	fmt.Fprintf(w.out, "     %s\n", aws.ToString(done.QueryExecution.ResultConfiguration.OutputLocation))
	return nil
}

// poll asks until done, first quickly, then less so, for a minute at most.
func poll(ctx context.Context, ask func() (done bool, err error)) error {
	deadline := time.Now().Add(time.Minute)
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		done, err := ask()
		if done || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return errors.New("not finished after a minute")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}
