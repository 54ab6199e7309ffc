package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	"github.com/aws/aws-sdk-go-v2/service/athena/types"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func testWorkgroups(t *testing.T, c *clients) {
	ctx, name := t.Context(), aws.String("walk")
	_, err := c.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("walk-results")})
	ok(t, err)
	_, err = c.athena.CreateWorkGroup(ctx, &athena.CreateWorkGroupInput{Name: name, Description: aws.String("flows"), Configuration: &types.WorkGroupConfiguration{
		ResultConfiguration: &types.ResultConfiguration{OutputLocation: aws.String("s3://walk-results/w/"),
			EncryptionConfiguration: &types.EncryptionConfiguration{EncryptionOption: types.EncryptionOptionSseS3}},
		BytesScannedCutoffPerQuery: aws.Int64(10_000_000)}})
	ok(t, err)
	_, err = c.athena.CreateWorkGroup(ctx, &athena.CreateWorkGroupInput{Name: name})
	typed[*types.InvalidRequestException](t, err)
	_, err = c.athena.CreateWorkGroup(ctx, &athena.CreateWorkGroupInput{Name: aws.String("low"), Configuration: &types.WorkGroupConfiguration{BytesScannedCutoffPerQuery: aws.Int64(1)}})
	refused(t, err, "InvalidRequestException", "10000000")
	got, err := c.athena.GetWorkGroup(ctx, &athena.GetWorkGroupInput{WorkGroup: name})
	ok(t, err)
	w := got.WorkGroup
	if *w.Description != "flows" || w.State != "ENABLED" || *w.Configuration.ResultConfiguration.OutputLocation != "s3://walk-results/w/" ||
		w.Configuration.ResultConfiguration.EncryptionConfiguration.EncryptionOption != "SSE_S3" || !*w.Configuration.EnforceWorkGroupConfiguration {
		t.Errorf("got %+v, %+v", w, w.Configuration)
	}
	_, err = c.athena.GetWorkGroup(ctx, &athena.GetWorkGroupInput{WorkGroup: aws.String("none")})
	refused(t, err, "InvalidRequestException", "WorkGroup is not found.")
	list, err := c.athena.ListWorkGroups(ctx, &athena.ListWorkGroupsInput{})
	ok(t, err)
	var names []string
	for _, w := range list.WorkGroups {
		names = append(names, *w.Name)
	}
	if !slices.Contains(names, "primary") || !slices.Contains(names, "walk") {
		t.Errorf("got %v", names)
	}
	_, err = c.athena.ListWorkGroups(ctx, &athena.ListWorkGroupsInput{MaxResults: aws.Int32(51)})
	refused(t, err, "InvalidRequestException", "51")

	_, err = c.athena.UpdateWorkGroup(ctx, &athena.UpdateWorkGroupInput{WorkGroup: name, State: types.WorkGroupStateDisabled})
	ok(t, err)
	_, err = c.athena.StartQueryExecution(ctx, &athena.StartQueryExecutionInput{QueryString: aws.String("SELECT 1"), WorkGroup: name})
	refused(t, err, "InvalidRequestException", "disabled")
	_, err = c.athena.UpdateWorkGroup(ctx, &athena.UpdateWorkGroupInput{WorkGroup: name, State: types.WorkGroupStateEnabled,
		ConfigurationUpdates: &types.WorkGroupConfigurationUpdates{RemoveBytesScannedCutoffPerQuery: aws.Bool(true)}})
	ok(t, err)
	_, err = c.athena.UpdateWorkGroup(ctx, &athena.UpdateWorkGroupInput{WorkGroup: aws.String("none"), State: types.WorkGroupStateEnabled})
	typed[*types.InvalidRequestException](t, err)

	done := execute(t, c, &athena.StartQueryExecutionInput{QueryString: aws.String("SELECT 1 AS one"), WorkGroup: name,
		ResultConfiguration: &types.ResultConfiguration{OutputLocation: aws.String("s3://walk-results/mine/")}})
	if want := "s3://walk-results/w/" + *done.QueryExecutionId + ".csv"; *done.ResultConfiguration.OutputLocation != want {
		t.Errorf("an enforced location: got %s, want %s", *done.ResultConfiguration.OutputLocation, want)
	}
	if got := contents(t, c, "walk-results", "w/"+*done.QueryExecutionId+".csv"); got != "\"one\"\n\"1\"\n" {
		t.Errorf("the result holds %q", got)
	}
	testWorkgroupTags(t, c, "arn:aws:athena:us-east-1:"+defaultAccount+":workgroup/walk")
	_, err = c.athena.DeleteWorkGroup(ctx, &athena.DeleteWorkGroupInput{WorkGroup: name})
	refused(t, err, "InvalidRequestException", "")
	_, err = c.athena.DeleteWorkGroup(ctx, &athena.DeleteWorkGroupInput{WorkGroup: name, RecursiveDeleteOption: aws.Bool(true)})
	ok(t, err)
	_, err = c.athena.DeleteWorkGroup(ctx, &athena.DeleteWorkGroupInput{WorkGroup: aws.String("primary")})
	refused(t, err, "InvalidRequestException", "primary")
}

func testWorkgroupTags(t *testing.T, c *clients, arn string) {
	ctx := t.Context()
	_, err := c.athena.TagResource(ctx, &athena.TagResourceInput{ResourceARN: &arn, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}, {Key: aws.String("b"), Value: aws.String("2")}}})
	ok(t, err)
	_, err = c.athena.UntagResource(ctx, &athena.UntagResourceInput{ResourceARN: &arn, TagKeys: []string{"a"}})
	ok(t, err)
	got, err := c.athena.ListTagsForResource(ctx, &athena.ListTagsForResourceInput{ResourceARN: &arn})
	ok(t, err)
	if len(got.Tags) != 1 || *got.Tags[0].Key != "b" || *got.Tags[0].Value != "2" {
		t.Errorf("got %+v", got.Tags)
	}
	none := aws.String(arn + "-none")
	_, err = c.athena.TagResource(ctx, &athena.TagResourceInput{ResourceARN: none, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}}})
	typed[*types.ResourceNotFoundException](t, err)
	_, err = c.athena.UntagResource(ctx, &athena.UntagResourceInput{ResourceARN: none, TagKeys: []string{"a"}})
	typed[*types.ResourceNotFoundException](t, err)
	_, err = c.athena.ListTagsForResource(ctx, &athena.ListTagsForResourceInput{ResourceARN: none})
	typed[*types.ResourceNotFoundException](t, err)
}

// testMetadata asks Athena for what Glue's door made.
func testMetadata(t *testing.T, c *clients) {
	ctx, catalog, nothing, db := t.Context(), aws.String("AwsDataCatalog"), aws.String("none"), c.database(t, "walk_metadata")
	_, err := c.glue.CreateTable(ctx, &glue.CreateTableInput{DatabaseName: db, TableInput: textTable("flows", "s3://lake/m/", "day")})
	ok(t, err)
	catalogs, err := c.athena.ListDataCatalogs(ctx, &athena.ListDataCatalogsInput{})
	ok(t, err)
	if len(catalogs.DataCatalogsSummary) != 1 || *catalogs.DataCatalogsSummary[0].CatalogName != *catalog {
		t.Errorf("got %+v", catalogs.DataCatalogsSummary)
	}
	_, err = c.athena.ListDataCatalogs(ctx, &athena.ListDataCatalogsInput{MaxResults: aws.Int32(51)})
	typed[*types.InvalidRequestException](t, err)
	one, err := c.athena.GetDataCatalog(ctx, &athena.GetDataCatalogInput{Name: catalog})
	ok(t, err)
	if one.DataCatalog.Type != types.DataCatalogTypeGlue || one.DataCatalog.Parameters["catalog-id"] != defaultAccount {
		t.Errorf("got %+v", one.DataCatalog)
	}
	_, err = c.athena.GetDataCatalog(ctx, &athena.GetDataCatalogInput{Name: nothing})
	refused(t, err, "InvalidRequestException", "none")
	var names []string
	databases := athena.NewListDatabasesPaginator(c.athena, &athena.ListDatabasesInput{CatalogName: catalog, MaxResults: aws.Int32(2)})
	for databases.HasMorePages() {
		page, err := databases.NextPage(ctx)
		ok(t, err)
		for _, d := range page.DatabaseList {
			names = append(names, *d.Name)
		}
	}
	if !slices.Contains(names, *db) || !slices.IsSorted(names) {
		t.Errorf("got %v", names)
	}
	_, err = c.athena.ListDatabases(ctx, &athena.ListDatabasesInput{CatalogName: nothing})
	refused(t, err, "InvalidRequestException", "none")
	got, err := c.athena.GetDatabase(ctx, &athena.GetDatabaseInput{CatalogName: catalog, DatabaseName: db})
	ok(t, err)
	if *got.Database.Name != *db {
		t.Errorf("got %+v", got.Database)
	}
	_, err = c.athena.GetDatabase(ctx, &athena.GetDatabaseInput{CatalogName: catalog, DatabaseName: nothing})
	typed[*types.MetadataException](t, err)
	list, err := c.athena.ListTableMetadata(ctx, &athena.ListTableMetadataInput{CatalogName: catalog, DatabaseName: db, Expression: aws.String("fl.*")})
	ok(t, err)
	table, err := c.athena.GetTableMetadata(ctx, &athena.GetTableMetadataInput{CatalogName: catalog, DatabaseName: db, TableName: aws.String("FLOWS")})
	ok(t, err)
	if m := table.TableMetadata; len(list.TableMetadataList) != 1 || *list.TableMetadataList[0].Name != "flows" || *m.Name != "flows" || len(m.Columns) != 2 ||
		*m.PartitionKeys[0].Name != "day" || m.Parameters["location"] != "s3://lake/m/" || m.Parameters["serde.param.field.delim"] != " " {
		t.Errorf("got %+v, %+v", list.TableMetadataList, m)
	}
	_, err = c.athena.ListTableMetadata(ctx, &athena.ListTableMetadataInput{CatalogName: catalog, DatabaseName: nothing})
	typed[*types.MetadataException](t, err)
	_, err = c.athena.GetTableMetadata(ctx, &athena.GetTableMetadataInput{CatalogName: catalog, DatabaseName: db, TableName: nothing})
	typed[*types.MetadataException](t, err)
}

// execute runs a statement to its end, whatever that is.
func execute(t testing.TB, c *clients, in *athena.StartQueryExecutionInput) (e types.QueryExecution) {
	t.Helper()
	started, err := c.athena.StartQueryExecution(t.Context(), in)
	if err != nil {
		t.Fatalf("%s: %v", *in.QueryString, err)
	}
	until(t, *in.QueryString, func() bool {
		out, err := c.athena.GetQueryExecution(t.Context(), &athena.GetQueryExecutionInput{QueryExecutionId: started.QueryExecutionId})
		ok(t, err)
		e = *out.QueryExecution
		return e.Status.State != types.QueryExecutionStateQueued && e.Status.State != types.QueryExecutionStateRunning
	})
	return e
}

// rowsOf runs a statement that must succeed, and returns its rows, the labels first; NULL is "∅".
func rowsOf(t testing.TB, c *clients, database, text string) (rows [][]string) {
	t.Helper()
	e := execute(t, c, &athena.StartQueryExecutionInput{QueryString: &text, QueryExecutionContext: &types.QueryExecutionContext{Database: &database}})
	if e.Status.State != types.QueryExecutionStateSucceeded {
		t.Fatalf("%s: %s: %s", text, e.Status.State, str(e.Status.StateChangeReason))
	}
	pages := athena.NewGetQueryResultsPaginator(c.athena, &athena.GetQueryResultsInput{QueryExecutionId: e.QueryExecutionId})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		ok(t, err)
		for _, r := range page.ResultSet.Rows {
			var row []string
			for _, d := range r.Data {
				if d.VarCharValue == nil {
					row = append(row, "∅")
					continue
				}
				row = append(row, *d.VarCharValue)
			}
			rows = append(rows, row)
		}
	}
	return rows
}

func testQueries(t *testing.T, c *clients) {
	ctx := t.Context()
	_, err := c.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("walk-lines")})
	ok(t, err)
	var lines strings.Builder
	for i := range 2500 {
		fmt.Fprintf(&lines, "%d %d.5\n", i, i)
	}
	_, err = c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("walk-lines"), Key: aws.String("t/lines.txt"), Body: strings.NewReader(lines.String())})
	ok(t, err)
	rowsOf(t, c, "default", "CREATE DATABASE walk_sql")
	rowsOf(t, c, "walk_sql", `CREATE EXTERNAL TABLE lines (n int, x double) ROW FORMAT DELIMITED FIELDS TERMINATED BY ' ' LOCATION 's3://walk-lines/t/'`)

	token := aws.String(strings.Repeat("t", 32))
	in := &athena.StartQueryExecutionInput{QueryString: aws.String("SELECT n, x FROM lines ORDER BY n"), ClientRequestToken: token,
		QueryExecutionContext: &types.QueryExecutionContext{Database: aws.String("walk_sql")}}
	done := execute(t, c, in)
	if done.Status.State != types.QueryExecutionStateSucceeded || done.StatementType != "DML" || *done.WorkGroup != "primary" ||
		*done.Statistics.DataScannedInBytes != int64(lines.Len()) || done.Status.CompletionDateTime == nil {
		t.Errorf("got %+v, %s, scanned %d of %d", done.Status, str(done.Status.StateChangeReason), *done.Statistics.DataScannedInBytes, lines.Len())
	}
	again, err := c.athena.StartQueryExecution(ctx, in)
	ok(t, err)
	if *again.QueryExecutionId != *done.QueryExecutionId {
		t.Errorf("the same token gave %s and %s", *done.QueryExecutionId, *again.QueryExecutionId)
	}
	other := *in
	other.QueryString = aws.String("SELECT 2")
	_, err = c.athena.StartQueryExecution(ctx, &other)
	typed[*types.InvalidRequestException](t, err)
	_, err = c.athena.StartQueryExecution(ctx, &athena.StartQueryExecutionInput{QueryString: aws.String("SELEC 1")})
	refused(t, err, "InvalidRequestException", "line 1:1")

	t.Run("results in pages", func(t *testing.T) {
		var sizes []int
		var rows []types.Row
		pages := athena.NewGetQueryResultsPaginator(c.athena, &athena.GetQueryResultsInput{QueryExecutionId: done.QueryExecutionId, MaxResults: aws.Int32(1000)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			ok(t, err)
			sizes = append(sizes, len(page.ResultSet.Rows))
			rows = append(rows, page.ResultSet.Rows...)
			if col := page.ResultSet.ResultSetMetadata.ColumnInfo; len(col) != 2 || *col[0].Name != "n" || *col[0].Type != "integer" || *col[1].Type != "double" {
				t.Errorf("got columns %+v", col)
			}
		}
		if fmt.Sprint(sizes) != "[1000 1000 501]" || *rows[0].Data[0].VarCharValue != "n" || *rows[2500].Data[1].VarCharValue != "2499.5" {
			t.Errorf("got pages of %v, row 0 %v, the last %v", sizes, *rows[0].Data[0].VarCharValue, *rows[len(rows)-1].Data[1].VarCharValue)
		}
		_, err := c.athena.GetQueryResults(ctx, &athena.GetQueryResultsInput{QueryExecutionId: done.QueryExecutionId, NextToken: aws.String("made up")})
		typed[*types.InvalidRequestException](t, err)
	})
	t.Run("a query that fails says why", func(t *testing.T) {
		e := execute(t, c, &athena.StartQueryExecutionInput{QueryString: aws.String("SELECT 1/n FROM walk_sql.lines")})
		if e.Status.State != types.QueryExecutionStateFailed || e.Status.AthenaError == nil || *e.Status.AthenaError.ErrorCategory != 2 ||
			!strings.Contains(str(e.Status.StateChangeReason), "DIVISION_BY_ZERO") {
			t.Errorf("got %+v, %s", e.Status, str(e.Status.StateChangeReason))
		}
		_, err := c.athena.GetQueryResults(ctx, &athena.GetQueryResultsInput{QueryExecutionId: e.QueryExecutionId})
		refused(t, err, "InvalidRequestException", "FAILED")
	})
	t.Run("many at a time, and what is not there", func(t *testing.T) {
		none := "00000000-0000-0000-0000-000000000000"
		out, err := c.athena.BatchGetQueryExecution(ctx, &athena.BatchGetQueryExecutionInput{QueryExecutionIds: []string{*done.QueryExecutionId, none}})
		ok(t, err)
		if len(out.QueryExecutions) != 1 || *out.QueryExecutions[0].Query != *in.QueryString || len(out.UnprocessedQueryExecutionIds) != 1 ||
			*out.UnprocessedQueryExecutionIds[0].QueryExecutionId != none {
			t.Errorf("got %+v, %+v", out.QueryExecutions, out.UnprocessedQueryExecutionIds)
		}
		_, err = c.athena.BatchGetQueryExecution(ctx, &athena.BatchGetQueryExecutionInput{QueryExecutionIds: make([]string, 51)})
		typed[*types.InvalidRequestException](t, err)
		_, err = c.athena.GetQueryExecution(ctx, &athena.GetQueryExecutionInput{QueryExecutionId: &none})
		refused(t, err, "InvalidRequestException", none)
		list, err := c.athena.ListQueryExecutions(ctx, &athena.ListQueryExecutionsInput{WorkGroup: aws.String("primary"), MaxResults: aws.Int32(50)})
		ok(t, err)
		if !slices.Contains(list.QueryExecutionIds, *done.QueryExecutionId) {
			t.Errorf("%s is not in %v", *done.QueryExecutionId, list.QueryExecutionIds)
		}
		_, err = c.athena.ListQueryExecutions(ctx, &athena.ListQueryExecutionsInput{WorkGroup: aws.String("none")})
		refused(t, err, "InvalidRequestException", "WorkGroup is not found.")
	})
	t.Run("a query is stopped", func(t *testing.T) {
		// A join of 2,500⁴ rows does not end by itself.
		started, err := c.athena.StartQueryExecution(ctx, &athena.StartQueryExecutionInput{
			QueryString:           aws.String("SELECT count(*) FROM lines a CROSS JOIN lines b CROSS JOIN lines c CROSS JOIN lines d WHERE a.n + b.n + c.n + d.n = -1"),
			QueryExecutionContext: &types.QueryExecutionContext{Database: aws.String("walk_sql")}})
		ok(t, err)
		state := func() types.QueryExecutionStatus {
			out, err := c.athena.GetQueryExecution(ctx, &athena.GetQueryExecutionInput{QueryExecutionId: started.QueryExecutionId})
			ok(t, err)
			return *out.QueryExecution.Status
		}
		until(t, "the query runs", func() bool { return state().State != types.QueryExecutionStateQueued })
		_, err = c.athena.StopQueryExecution(ctx, &athena.StopQueryExecutionInput{QueryExecutionId: started.QueryExecutionId})
		ok(t, err)
		until(t, "the query stops", func() bool { return state().State != types.QueryExecutionStateRunning })
		if s := state(); s.State != types.QueryExecutionStateCancelled {
			t.Errorf("got %s: %s", s.State, str(s.StateChangeReason))
		}
		_, err = c.athena.StopQueryExecution(ctx, &athena.StopQueryExecutionInput{QueryExecutionId: aws.String("none")})
		typed[*types.InvalidRequestException](t, err)
	})
}
