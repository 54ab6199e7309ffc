package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"
)

// database makes a database for one part of the tests.
func (c *clients) database(t testing.TB, name string) *string {
	t.Helper()
	_, err := c.glue.CreateDatabase(t.Context(), &glue.CreateDatabaseInput{DatabaseInput: &types.DatabaseInput{Name: &name}})
	ok(t, err)
	return &name
}

// textTable is a table of space-separated text below a location, partitioned by keys of strings.
func textTable(name, location string, keys ...string) *types.TableInput {
	in := &types.TableInput{Name: &name, TableType: aws.String("EXTERNAL_TABLE"), Parameters: map[string]string{"classification": "csv"},
		StorageDescriptor: &types.StorageDescriptor{
			Columns:  []types.Column{{Name: aws.String("srcaddr"), Type: aws.String("string"), Comment: aws.String("who")}, {Name: aws.String("bytes"), Type: aws.String("bigint")}},
			Location: &location, InputFormat: aws.String("org.apache.hadoop.mapred.TextInputFormat"),
			OutputFormat: aws.String("org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"),
			SerdeInfo: &types.SerDeInfo{SerializationLibrary: aws.String("org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"),
				Parameters: map[string]string{"field.delim": " "}}}}
	for _, k := range keys {
		in.PartitionKeys = append(in.PartitionKeys, types.Column{Name: &k, Type: aws.String("string")})
	}
	return in
}

func testDatabases(t *testing.T, c *clients) {
	ctx := t.Context()
	c.database(t, "Walk_DB")
	_, err := c.glue.CreateDatabase(ctx, &glue.CreateDatabaseInput{DatabaseInput: &types.DatabaseInput{Name: aws.String("walk_db")}})
	typed[*types.AlreadyExistsException](t, err)
	_, err = c.glue.CreateDatabase(ctx, &glue.CreateDatabaseInput{DatabaseInput: &types.DatabaseInput{Name: aws.String("linked"), TargetDatabase: &types.DatabaseIdentifier{DatabaseName: aws.String("x")}}})
	refused(t, err, "InvalidInputException", "TargetDatabase")
	_, err = c.glue.UpdateDatabase(ctx, &glue.UpdateDatabaseInput{Name: aws.String("walk_db"), DatabaseInput: &types.DatabaseInput{Name: aws.String("walk_db"),
		Description: aws.String("flows"), LocationUri: aws.String("s3://lake/db/"), Parameters: map[string]string{"a": "b"}}})
	ok(t, err)
	_, err = c.glue.UpdateDatabase(ctx, &glue.UpdateDatabaseInput{Name: aws.String("walk_db"), DatabaseInput: &types.DatabaseInput{Name: aws.String("renamed")}})
	refused(t, err, "InvalidInputException", "renamed")
	got, err := c.glue.GetDatabase(ctx, &glue.GetDatabaseInput{Name: aws.String("WALK_db")})
	ok(t, err)
	if d := got.Database; *d.Name != "walk_db" || *d.Description != "flows" || *d.LocationUri != "s3://lake/db/" || d.Parameters["a"] != "b" || *d.CatalogId != defaultAccount {
		t.Errorf("got %+v", d)
	}
	c.database(t, "walk_gone")
	_, err = c.glue.DeleteDatabase(ctx, &glue.DeleteDatabaseInput{Name: aws.String("walk_gone")})
	ok(t, err)
	_, err = c.glue.DeleteDatabase(ctx, &glue.DeleteDatabaseInput{Name: aws.String("walk_gone")})
	typed[*types.EntityNotFoundException](t, err)
	_, err = c.glue.GetDatabase(ctx, &glue.GetDatabaseInput{Name: aws.String("walk_gone")})
	typed[*types.EntityNotFoundException](t, err)
	list, err := c.glue.GetDatabases(ctx, &glue.GetDatabasesInput{})
	ok(t, err)
	if i := slices.IndexFunc(list.DatabaseList, func(d types.Database) bool { return *d.Name == "walk_db" }); i < 0 {
		t.Errorf("walk_db is not among %+v", list.DatabaseList)
	}
	_, err = c.glue.GetDatabases(ctx, &glue.GetDatabasesInput{NextToken: aws.String("made up")})
	refused(t, err, "InvalidInputException", "NextToken")
	functions, err := c.glue.GetUserDefinedFunctions(ctx, &glue.GetUserDefinedFunctionsInput{DatabaseName: aws.String("walk_db"), Pattern: aws.String("*")})
	if err != nil || len(functions.UserDefinedFunctions) != 0 {
		t.Errorf("got %+v, %v", functions, err)
	}
	_, err = c.glue.GetUserDefinedFunctions(ctx, &glue.GetUserDefinedFunctionsInput{DatabaseName: aws.String("walk_gone"), Pattern: aws.String("*")})
	typed[*types.EntityNotFoundException](t, err)
}

func testTables(t *testing.T, c *clients) {
	ctx, db := t.Context(), c.database(t, "walk_tables")
	for _, name := range []string{"flows", "more", "other", "last"} {
		_, err := c.glue.CreateTable(ctx, &glue.CreateTableInput{DatabaseName: db, TableInput: textTable(name, "s3://lake/"+name+"/")})
		ok(t, err)
	}
	_, err := c.glue.CreateTable(ctx, &glue.CreateTableInput{DatabaseName: db, TableInput: textTable("flows", "s3://lake/x/")})
	typed[*types.AlreadyExistsException](t, err)
	bad := textTable("bad", "s3://lake/x/")
	bad.StorageDescriptor.Columns[1].Type = aws.String("big int")
	_, err = c.glue.CreateTable(ctx, &glue.CreateTableInput{DatabaseName: db, TableInput: bad})
	refused(t, err, "InvalidInputException", "bytes")

	got, err := c.glue.GetTable(ctx, &glue.GetTableInput{DatabaseName: db, Name: aws.String("FLOWS")})
	ok(t, err)
	if g := got.Table; *g.Name != "flows" || *g.StorageDescriptor.Location != "s3://lake/flows/" || *g.StorageDescriptor.Columns[0].Comment != "who" ||
		g.StorageDescriptor.SerdeInfo.Parameters["field.delim"] != " " || *g.TableType != "EXTERNAL_TABLE" || g.CreateTime == nil {
		t.Errorf("got %+v", g)
	}
	_, err = c.glue.GetTable(ctx, &glue.GetTableInput{DatabaseName: db, Name: aws.String("none")})
	typed[*types.EntityNotFoundException](t, err)

	changed := textTable("flows", "s3://lake/flows/")
	changed.Description = aws.String("changed")
	changed.StorageDescriptor.Columns = append(changed.StorageDescriptor.Columns, types.Column{Name: aws.String("action"), Type: aws.String("string")})
	_, err = c.glue.UpdateTable(ctx, &glue.UpdateTableInput{DatabaseName: db, TableInput: changed, VersionId: got.Table.VersionId})
	ok(t, err)
	_, err = c.glue.UpdateTable(ctx, &glue.UpdateTableInput{DatabaseName: db, TableInput: changed, VersionId: got.Table.VersionId})
	typed[*types.ConcurrentModificationException](t, err)
	got, err = c.glue.GetTable(ctx, &glue.GetTableInput{DatabaseName: db, Name: aws.String("flows")})
	ok(t, err)
	if *got.Table.Description != "changed" || len(got.Table.StorageDescriptor.Columns) != 3 {
		t.Errorf("got %+v", got.Table)
	}

	_, err = c.glue.DeleteTable(ctx, &glue.DeleteTableInput{DatabaseName: db, Name: aws.String("last")})
	ok(t, err)
	_, err = c.glue.DeleteTable(ctx, &glue.DeleteTableInput{DatabaseName: db, Name: aws.String("last")})
	typed[*types.EntityNotFoundException](t, err)
	out, err := c.glue.BatchDeleteTable(ctx, &glue.BatchDeleteTableInput{DatabaseName: db, TablesToDelete: []string{"more", "none"}})
	ok(t, err)
	if len(out.Errors) != 1 || *out.Errors[0].TableName != "none" || *out.Errors[0].ErrorDetail.ErrorCode != "EntityNotFoundException" {
		t.Errorf("got %+v", out.Errors)
	}
	_, err = c.glue.BatchDeleteTable(ctx, &glue.BatchDeleteTableInput{DatabaseName: db, TablesToDelete: make([]string, 101)})
	refused(t, err, "InvalidInputException", "TablesToDelete")

	var names []string
	pages := glue.NewGetTablesPaginator(c.glue, &glue.GetTablesInput{DatabaseName: db, MaxResults: aws.Int32(1)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		ok(t, err)
		for _, g := range page.TableList {
			names = append(names, *g.Name)
		}
	}
	if fmt.Sprint(names) != "[flows other]" {
		t.Errorf("got %v", names)
	}
	_, err = c.glue.GetTables(ctx, &glue.GetTablesInput{DatabaseName: db, Expression: aws.String("(")})
	refused(t, err, "InvalidInputException", "(")
}

func testPartitions(t *testing.T, c *clients) {
	ctx, db, table := t.Context(), c.database(t, "walk_partitions"), aws.String("flows")
	_, err := c.glue.CreateTable(ctx, &glue.CreateTableInput{DatabaseName: db, TableInput: textTable("flows", "s3://lake/p/", "region", "day")})
	ok(t, err)
	partition := func(values ...string) *types.PartitionInput {
		return &types.PartitionInput{Values: values, StorageDescriptor: textTable("", "s3://lake/p/"+strings.Join(values, "/")+"/").StorageDescriptor}
	}
	_, err = c.glue.CreatePartition(ctx, &glue.CreatePartitionInput{DatabaseName: db, TableName: table, PartitionInput: partition("eu", "01")})
	ok(t, err)
	_, err = c.glue.CreatePartition(ctx, &glue.CreatePartitionInput{DatabaseName: db, TableName: table, PartitionInput: partition("eu", "01")})
	typed[*types.AlreadyExistsException](t, err)
	_, err = c.glue.CreatePartition(ctx, &glue.CreatePartitionInput{DatabaseName: db, TableName: table, PartitionInput: partition("eu")})
	typed[*types.InvalidInputException](t, err)

	many, err := c.glue.BatchCreatePartition(ctx, &glue.BatchCreatePartitionInput{DatabaseName: db, TableName: table,
		PartitionInputList: []types.PartitionInput{*partition("eu", "01"), *partition("eu", "02"), *partition("us", "01"), *partition("us", "02")}})
	ok(t, err)
	if len(many.Errors) != 1 || fmt.Sprint(many.Errors[0].PartitionValues) != "[eu 01]" || *many.Errors[0].ErrorDetail.ErrorCode != "AlreadyExistsException" {
		t.Errorf("got %+v", many.Errors)
	}
	_, err = c.glue.BatchCreatePartition(ctx, &glue.BatchCreatePartitionInput{DatabaseName: db, TableName: table, PartitionInputList: make([]types.PartitionInput, 101)})
	refused(t, err, "InvalidInputException", "PartitionInputList")

	got, err := c.glue.GetPartition(ctx, &glue.GetPartitionInput{DatabaseName: db, TableName: table, PartitionValues: []string{"us", "02"}})
	ok(t, err)
	if p := got.Partition; fmt.Sprint(p.Values) != "[us 02]" || *p.StorageDescriptor.Location != "s3://lake/p/us/02/" || *p.TableName != "flows" || p.CreationTime == nil {
		t.Errorf("got %+v", p)
	}
	_, err = c.glue.GetPartition(ctx, &glue.GetPartitionInput{DatabaseName: db, TableName: table, PartitionValues: []string{"us", "03"}})
	typed[*types.EntityNotFoundException](t, err)

	for expression, want := range map[string]string{"": "[eu/01 eu/02 us/01 us/02]", "region = 'us' AND day > '01'": "[us/02]", "day IN ('01') OR region LIKE 'e%'": "[eu/01 eu/02 us/01]"} {
		in := &glue.GetPartitionsInput{DatabaseName: db, TableName: table, MaxResults: aws.Int32(3)}
		if expression != "" {
			in.Expression = &expression
		}
		var found []string
		pages := glue.NewGetPartitionsPaginator(c.glue, in)
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			ok(t, err)
			for _, p := range page.Partitions {
				found = append(found, strings.Join(p.Values, "/"))
			}
		}
		slices.Sort(found)
		if fmt.Sprint(found) != want {
			t.Errorf("%q finds %v, want %s", expression, found, want)
		}
	}
	_, err = c.glue.GetPartitions(ctx, &glue.GetPartitionsInput{DatabaseName: db, TableName: table, Expression: aws.String("nothing = 'x'")})
	refused(t, err, "InvalidInputException", "nothing")

	batch, err := c.glue.BatchGetPartition(ctx, &glue.BatchGetPartitionInput{DatabaseName: db, TableName: table,
		PartitionsToGet: []types.PartitionValueList{{Values: []string{"eu", "02"}}, {Values: []string{"no", "no"}}}})
	ok(t, err)
	if len(batch.Partitions) != 1 || fmt.Sprint(batch.Partitions[0].Values) != "[eu 02]" {
		t.Errorf("got %+v, %+v", batch.Partitions, batch.UnprocessedKeys)
	}
	_, err = c.glue.BatchGetPartition(ctx, &glue.BatchGetPartitionInput{DatabaseName: db, TableName: aws.String("none"), PartitionsToGet: []types.PartitionValueList{{Values: []string{"a", "b"}}}})
	typed[*types.EntityNotFoundException](t, err)

	moved := partition("eu", "02")
	moved.StorageDescriptor.Location = aws.String("s3://lake/elsewhere/")
	_, err = c.glue.UpdatePartition(ctx, &glue.UpdatePartitionInput{DatabaseName: db, TableName: table, PartitionValueList: []string{"eu", "02"}, PartitionInput: moved})
	ok(t, err)
	got, err = c.glue.GetPartition(ctx, &glue.GetPartitionInput{DatabaseName: db, TableName: table, PartitionValues: []string{"eu", "02"}})
	ok(t, err)
	if *got.Partition.StorageDescriptor.Location != "s3://lake/elsewhere/" {
		t.Errorf("got %+v", got.Partition)
	}
	_, err = c.glue.UpdatePartition(ctx, &glue.UpdatePartitionInput{DatabaseName: db, TableName: table, PartitionValueList: []string{"no", "no"}, PartitionInput: partition("no", "no")})
	typed[*types.EntityNotFoundException](t, err)

	_, err = c.glue.DeletePartition(ctx, &glue.DeletePartitionInput{DatabaseName: db, TableName: table, PartitionValues: []string{"us", "01"}})
	ok(t, err)
	_, err = c.glue.DeletePartition(ctx, &glue.DeletePartitionInput{DatabaseName: db, TableName: table, PartitionValues: []string{"us", "01"}})
	typed[*types.EntityNotFoundException](t, err)
	deleted, err := c.glue.BatchDeletePartition(ctx, &glue.BatchDeletePartitionInput{DatabaseName: db, TableName: table,
		PartitionsToDelete: []types.PartitionValueList{{Values: []string{"eu", "01"}}, {Values: []string{"us", "01"}}}})
	ok(t, err)
	if len(deleted.Errors) != 1 || *deleted.Errors[0].ErrorDetail.ErrorCode != "EntityNotFoundException" {
		t.Errorf("got %+v", deleted.Errors)
	}
	_, err = c.glue.BatchDeletePartition(ctx, &glue.BatchDeletePartitionInput{DatabaseName: db, TableName: table,
		PartitionsToDelete: slices.Repeat([]types.PartitionValueList{{Values: []string{"a", "b"}}}, 26)})
	refused(t, err, "InvalidInputException", "PartitionsToDelete")
	left, err := c.glue.GetPartitions(ctx, &glue.GetPartitionsInput{DatabaseName: db, TableName: table, Segment: &types.Segment{SegmentNumber: 0, TotalSegments: aws.Int32(1)}})
	ok(t, err)
	if len(left.Partitions) != 2 {
		t.Errorf("left are %+v", left.Partitions)
	}
}

func testStatistics(t *testing.T, c *clients) {
	ctx, db, table := t.Context(), c.database(t, "walk_statistics"), aws.String("flows")
	_, err := c.glue.CreateTable(ctx, &glue.CreateTableInput{DatabaseName: db, TableInput: textTable("flows", "s3://lake/s/", "day")})
	ok(t, err)
	day := []string{"01"}
	_, err = c.glue.CreatePartition(ctx, &glue.CreatePartitionInput{DatabaseName: db, TableName: table, PartitionInput: &types.PartitionInput{Values: day,
		StorageDescriptor: textTable("", "s3://lake/s/01/").StorageDescriptor}})
	ok(t, err)
	count := func(n int64) []types.ColumnStatistics {
		return []types.ColumnStatistics{{ColumnName: aws.String("bytes"), ColumnType: aws.String("bigint"), AnalyzedTime: aws.Time(time.Unix(1_700_000_000, 0)),
			StatisticsData: &types.ColumnStatisticsData{Type: types.ColumnStatisticsTypeLong, LongColumnStatisticsData: &types.LongColumnStatisticsData{
				NumberOfNulls: 1, NumberOfDistinctValues: n, MinimumValue: 0, MaximumValue: 1 << 40}}}}
	}
	columns := []string{"bytes", "srcaddr"}
	check := func(what string, list []types.ColumnStatistics, missing []types.ColumnError, n int64) {
		t.Helper()
		if len(list) != 1 || list[0].StatisticsData.LongColumnStatisticsData.NumberOfDistinctValues != n || list[0].AnalyzedTime.Unix() != 1_700_000_000 ||
			len(missing) != 1 || *missing[0].ColumnName != "srcaddr" || *missing[0].Error.ErrorCode != "EntityNotFoundException" {
			t.Errorf("%s: got %+v, %+v", what, list, missing)
		}
	}
	_, err = c.glue.UpdateColumnStatisticsForTable(ctx, &glue.UpdateColumnStatisticsForTableInput{DatabaseName: db, TableName: table, ColumnStatisticsList: count(7)})
	ok(t, err)
	ofTable, err := c.glue.GetColumnStatisticsForTable(ctx, &glue.GetColumnStatisticsForTableInput{DatabaseName: db, TableName: table, ColumnNames: columns})
	ok(t, err)
	check("table", ofTable.ColumnStatisticsList, ofTable.Errors, 7)
	_, err = c.glue.UpdateColumnStatisticsForPartition(ctx, &glue.UpdateColumnStatisticsForPartitionInput{DatabaseName: db, TableName: table, PartitionValues: day, ColumnStatisticsList: count(9)})
	ok(t, err)
	ofPart, err := c.glue.GetColumnStatisticsForPartition(ctx, &glue.GetColumnStatisticsForPartitionInput{DatabaseName: db, TableName: table, PartitionValues: day, ColumnNames: columns})
	ok(t, err)
	check("partition", ofPart.ColumnStatisticsList, ofPart.Errors, 9)

	unknown := count(1)
	unknown[0].ColumnName = aws.String("nothing")
	_, err = c.glue.UpdateColumnStatisticsForTable(ctx, &glue.UpdateColumnStatisticsForTableInput{DatabaseName: db, TableName: table, ColumnStatisticsList: unknown})
	refused(t, err, "EntityNotFoundException", "nothing")
	_, err = c.glue.UpdateColumnStatisticsForPartition(ctx, &glue.UpdateColumnStatisticsForPartitionInput{DatabaseName: db, TableName: table, PartitionValues: []string{"02"}, ColumnStatisticsList: count(1)})
	typed[*types.EntityNotFoundException](t, err)
	_, err = c.glue.GetColumnStatisticsForTable(ctx, &glue.GetColumnStatisticsForTableInput{DatabaseName: db, TableName: aws.String("none"), ColumnNames: columns})
	typed[*types.EntityNotFoundException](t, err)
	_, err = c.glue.GetColumnStatisticsForPartition(ctx, &glue.GetColumnStatisticsForPartitionInput{DatabaseName: db, TableName: table, PartitionValues: []string{"02"}, ColumnNames: columns})
	typed[*types.EntityNotFoundException](t, err)

	_, err = c.glue.DeleteColumnStatisticsForTable(ctx, &glue.DeleteColumnStatisticsForTableInput{DatabaseName: db, TableName: table, ColumnName: aws.String("bytes")})
	ok(t, err)
	_, err = c.glue.DeleteColumnStatisticsForTable(ctx, &glue.DeleteColumnStatisticsForTableInput{DatabaseName: db, TableName: table, ColumnName: aws.String("bytes")})
	typed[*types.EntityNotFoundException](t, err)
	_, err = c.glue.DeleteColumnStatisticsForPartition(ctx, &glue.DeleteColumnStatisticsForPartitionInput{DatabaseName: db, TableName: table, PartitionValues: day, ColumnName: aws.String("bytes")})
	ok(t, err)
	_, err = c.glue.DeleteColumnStatisticsForPartition(ctx, &glue.DeleteColumnStatisticsForPartitionInput{DatabaseName: db, TableName: table, PartitionValues: day, ColumnName: aws.String("bytes")})
	typed[*types.EntityNotFoundException](t, err)
}
