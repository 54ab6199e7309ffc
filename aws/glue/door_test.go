package glue_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	api "github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"
	"github.com/aws/smithy-go"

	"flowlake/access"
	door "flowlake/aws/glue"
	"flowlake/aws/wire"
	"flowlake/catalog"
	"flowlake/catalog/crawler"
	"flowlake/lake"
	"flowlake/state"
)

const account = "123456789012"

// bench is the official client before the door of rooms that run.
type bench struct {
	*api.Client
	t    *testing.T
	url  string
	key  access.Key
	lake *lake.Store
}

func newBench(t *testing.T) bench {
	t.Helper()
	dir := t.TempDir()
	quiet := slog.New(slog.DiscardHandler)
	keys, err := access.OpenKeys(filepath.Join(dir, "credentials"), account)
	ok(t, err)
	guard := access.NewGuard(account)
	st, err := state.Open(filepath.Join(dir, "state"))
	ok(t, err)
	lk, err := lake.Open(lake.Config{Dir: filepath.Join(dir, "lake")}, st, guard, quiet)
	ok(t, err)
	cat := catalog.Open(st, guard, quiet)
	crawlers := crawler.New(crawler.Config{}, st, cat, lk, guard, quiet)
	handler, err := wire.New(wire.Config{Keys: keys, Guard: guard, Log: quiet}, []wire.Service{door.Service(cat, crawlers)})
	ok(t, err)
	server := httptest.NewServer(handler)
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan error)
	go func() { ran <- crawlers.Run(ctx) }()
	t.Cleanup(func() {
		server.Close()
		stop()
		for _, err := range []error{<-ran, lk.Close(), st.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
	})
	client := api.New(api.Options{Region: "us-east-1", BaseEndpoint: &server.URL, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(keys.Root().ID, keys.Root().Secret, "")})
	return bench{Client: client, t: t, url: server.URL, key: keys.Root(), lake: lk}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused expects an error with that code and those words.
func refused(t testing.TB, err error, code, words string) {
	t.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != code || !strings.Contains(err.Error(), words) {
		t.Errorf("got %v, want %s with %q", err, code, words)
	}
}

func (b bench) database(name string) {
	b.t.Helper()
	_, err := b.CreateDatabase(b.t.Context(), &api.CreateDatabaseInput{DatabaseInput: &types.DatabaseInput{Name: &name}})
	ok(b.t, err)
}

func input(name string, keys ...string) *types.TableInput {
	in := &types.TableInput{Name: &name, TableType: aws.String("EXTERNAL_TABLE"), Parameters: map[string]string{"classification": "csv"},
		StorageDescriptor: &types.StorageDescriptor{Columns: []types.Column{{Name: aws.String("a"), Type: aws.String("int"), Comment: aws.String("c"), Parameters: map[string]string{"x": "y"}}},
			Location: aws.String("s3://b/" + name + "/"), InputFormat: aws.String("in"), OutputFormat: aws.String("out"), Compressed: true, NumberOfBuckets: 3,
			BucketColumns: []string{"a"}, SortColumns: []types.Order{{Column: aws.String("a"), SortOrder: 1}}, Parameters: map[string]string{"p": "q"},
			SkewedInfo: &types.SkewedInfo{SkewedColumnNames: []string{"a"}, SkewedColumnValues: []string{"1"}, SkewedColumnValueLocationMaps: map[string]string{"1": "x"}},
			SerdeInfo:  &types.SerDeInfo{Name: aws.String("s"), SerializationLibrary: aws.String("lib"), Parameters: map[string]string{"field.delim": ","}}}}
	for _, k := range keys {
		in.PartitionKeys = append(in.PartitionKeys, types.Column{Name: &k, Type: aws.String("string")})
	}
	return in
}

func TestDatabases(t *testing.T) {
	t.Parallel()
	b, ctx := newBench(t), t.Context()
	in := &types.DatabaseInput{Name: aws.String("Flows"), Description: aws.String("d"), LocationUri: aws.String("s3://b/x"), Parameters: map[string]string{"k": "v"},
		CreateTableDefaultPermissions: []types.PrincipalPermissions{{Principal: &types.DataLakePrincipal{DataLakePrincipalIdentifier: aws.String("IAM_ALLOWED_PRINCIPALS")}, Permissions: []types.Permission{types.PermissionAll}}}}
	_, err := b.CreateDatabase(ctx, &api.CreateDatabaseInput{CatalogId: aws.String(account), DatabaseInput: in})
	ok(t, err)
	_, err = b.CreateDatabase(ctx, &api.CreateDatabaseInput{DatabaseInput: in})
	refused(t, err, "AlreadyExistsException", "flows")
	got, err := b.GetDatabase(ctx, &api.GetDatabaseInput{Name: aws.String("FLOWS")})
	ok(t, err)
	if d := got.Database; *d.Name != "flows" || *d.Description != "d" || *d.LocationUri != "s3://b/x" || d.Parameters["k"] != "v" || d.CreateTime == nil || *d.CatalogId != account ||
		*d.CreateTableDefaultPermissions[0].Principal.DataLakePrincipalIdentifier != "IAM_ALLOWED_PRINCIPALS" {
		t.Errorf("got %+v", d)
	}
	_, err = b.GetDatabase(ctx, &api.GetDatabaseInput{Name: aws.String("nobody")})
	refused(t, err, "EntityNotFoundException", "database nobody")
	_, err = b.GetDatabase(ctx, &api.GetDatabaseInput{Name: aws.String("flows"), CatalogId: aws.String("210987654321")})
	refused(t, err, "EntityNotFoundException", "210987654321")
	_, err = b.CreateDatabase(ctx, &api.CreateDatabaseInput{DatabaseInput: &types.DatabaseInput{Name: aws.String("x"), TargetDatabase: &types.DatabaseIdentifier{}}})
	refused(t, err, "InvalidInputException", "TargetDatabase")
	b.database("a")
	b.database("b")
	var names []string
	for token := (*string)(nil); ; {
		page, err := b.GetDatabases(ctx, &api.GetDatabasesInput{MaxResults: aws.Int32(2), NextToken: token})
		ok(t, err)
		for _, d := range page.DatabaseList {
			names = append(names, *d.Name)
		}
		if token = page.NextToken; token == nil {
			break
		}
		_, err = b.GetTables(ctx, &api.GetTablesInput{DatabaseName: aws.String("a"), NextToken: token})
		refused(t, err, "InvalidInputException", "NextToken")
	}
	if !slices.Equal(names, []string{"a", "b", "flows"}) {
		t.Errorf("listed %q", names)
	}
	_, err = b.GetDatabases(ctx, &api.GetDatabasesInput{MaxResults: aws.Int32(101)})
	refused(t, err, "InvalidInputException", "MaxResults")
	_, err = b.GetDatabases(ctx, &api.GetDatabasesInput{NextToken: aws.String("rubbish")})
	refused(t, err, "InvalidInputException", "NextToken")
	_, err = b.UpdateDatabase(ctx, &api.UpdateDatabaseInput{Name: aws.String("flows"), DatabaseInput: &types.DatabaseInput{Name: aws.String("flows"), Description: aws.String("e")}})
	ok(t, err)
	_, err = b.DeleteDatabase(ctx, &api.DeleteDatabaseInput{Name: aws.String("flows")})
	ok(t, err)
	_, err = b.DeleteDatabase(ctx, &api.DeleteDatabaseInput{Name: aws.String("flows")})
	refused(t, err, "EntityNotFoundException", "flows")
}

func TestTables(t *testing.T) {
	t.Parallel()
	b, ctx := newBench(t), t.Context()
	b.database("db")
	db := aws.String("db")
	in := input("Web", "Day")
	_, err := b.CreateTable(ctx, &api.CreateTableInput{DatabaseName: db, TableInput: in})
	ok(t, err)
	_, err = b.CreateTable(ctx, &api.CreateTableInput{DatabaseName: db, TableInput: in})
	refused(t, err, "AlreadyExistsException", "table db.web")
	got, err := b.GetTable(ctx, &api.GetTableInput{DatabaseName: db, Name: aws.String("web")})
	ok(t, err)
	same := func(what string, got, want any) {
		t.Helper()
		g, _ := json.Marshal(got)
		w, _ := json.Marshal(want)
		if string(g) != string(w) {
			t.Errorf("%s: got %s, want %s", what, g, w)
		}
	}
	same("storage", got.Table.StorageDescriptor, in.StorageDescriptor)
	if tb := got.Table; *tb.Name != "web" || *tb.PartitionKeys[0].Name != "day" || *tb.VersionId != "0" || *tb.CreatedBy == "" || tb.UpdateTime == nil || *tb.TableType != "EXTERNAL_TABLE" {
		t.Errorf("got %+v", tb)
	}
	in.Description = aws.String("new")
	_, err = b.UpdateTable(ctx, &api.UpdateTableInput{DatabaseName: db, TableInput: in, VersionId: aws.String("0"), SkipArchive: aws.Bool(true)})
	ok(t, err)
	_, err = b.UpdateTable(ctx, &api.UpdateTableInput{DatabaseName: db, TableInput: in, VersionId: aws.String("0")})
	refused(t, err, "ConcurrentModificationException", "version")
	in.StorageDescriptor.Columns[0].Type = aws.String("strange")
	_, err = b.UpdateTable(ctx, &api.UpdateTableInput{DatabaseName: db, TableInput: in})
	refused(t, err, "InvalidInputException", "strange")
	_, err = b.CreateTable(ctx, &api.CreateTableInput{DatabaseName: db, TableInput: &types.TableInput{Name: aws.String("l"), TargetTable: &types.TableIdentifier{Name: aws.String("x")}}})
	refused(t, err, "InvalidInputException", "TargetTable")
	_, err = b.CreateTable(ctx, &api.CreateTableInput{DatabaseName: db, TableInput: input("x"), PartitionIndexes: []types.PartitionIndex{{IndexName: aws.String("i"), Keys: []string{"a"}}}})
	refused(t, err, "InvalidInputException", "PartitionIndexes")
	for i := range 5 {
		_, err := b.CreateTable(ctx, &api.CreateTableInput{DatabaseName: db, TableInput: input(fmt.Sprint("dns_", i))})
		ok(t, err)
	}
	var names []string
	pages := api.NewGetTablesPaginator(b.Client, &api.GetTablesInput{DatabaseName: db, Expression: aws.String("dns_[0-3]"), MaxResults: aws.Int32(3)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		ok(t, err)
		for _, tb := range page.TableList {
			names = append(names, *tb.Name)
		}
	}
	if !slices.Equal(names, []string{"dns_0", "dns_1", "dns_2", "dns_3"}) {
		t.Errorf("listed %q", names)
	}
	_, err = b.GetTables(ctx, &api.GetTablesInput{DatabaseName: aws.String("nobody")})
	refused(t, err, "EntityNotFoundException", "database nobody")
	out, err := b.BatchDeleteTable(ctx, &api.BatchDeleteTableInput{DatabaseName: db, TablesToDelete: []string{"dns_0", "nobody"}})
	ok(t, err)
	if len(out.Errors) != 1 || *out.Errors[0].TableName != "nobody" || *out.Errors[0].ErrorDetail.ErrorCode != "EntityNotFoundException" {
		t.Errorf("got %+v", out.Errors)
	}
	_, err = b.DeleteTable(ctx, &api.DeleteTableInput{DatabaseName: db, Name: aws.String("web")})
	ok(t, err)
	_, err = b.GetTable(ctx, &api.GetTableInput{DatabaseName: db, Name: aws.String("web")})
	refused(t, err, "EntityNotFoundException", "table db.web")
}

func TestPartitions(t *testing.T) {
	t.Parallel()
	b, ctx := newBench(t), t.Context()
	b.database("db")
	db, tb := aws.String("db"), aws.String("t")
	_, err := b.CreateTable(ctx, &api.CreateTableInput{DatabaseName: db, TableInput: input("t", "year", "month")})
	ok(t, err)
	part := func(values ...string) types.PartitionInput {
		return types.PartitionInput{Values: values, Parameters: map[string]string{"k": "v"}, StorageDescriptor: &types.StorageDescriptor{Location: aws.String("s3://b/" + strings.Join(values, "/"))}}
	}
	one := part("2026", "01")
	_, err = b.CreatePartition(ctx, &api.CreatePartitionInput{DatabaseName: db, TableName: tb, PartitionInput: &one})
	ok(t, err)
	_, err = b.CreatePartition(ctx, &api.CreatePartitionInput{DatabaseName: db, TableName: tb, PartitionInput: &one})
	refused(t, err, "AlreadyExistsException", "2026")
	var many []types.PartitionInput
	for i := range 12 {
		many = append(many, part("2025", fmt.Sprintf("%02d", i+1)))
	}
	out, err := b.BatchCreatePartition(ctx, &api.BatchCreatePartitionInput{DatabaseName: db, TableName: tb, PartitionInputList: append(many, one, part("short"))})
	ok(t, err)
	if len(out.Errors) != 2 || *out.Errors[0].ErrorDetail.ErrorCode != "AlreadyExistsException" || *out.Errors[1].ErrorDetail.ErrorCode != "InvalidInputException" {
		t.Errorf("got %+v", out.Errors)
	}
	_, err = b.BatchCreatePartition(ctx, &api.BatchCreatePartitionInput{DatabaseName: db, TableName: tb, PartitionInputList: make([]types.PartitionInput, 101)})
	refused(t, err, "InvalidInputException", "at most 100")
	got, err := b.GetPartition(ctx, &api.GetPartitionInput{DatabaseName: db, TableName: tb, PartitionValues: []string{"2026", "01"}})
	ok(t, err)
	if p := got.Partition; *p.StorageDescriptor.Location != "s3://b/2026/01" || *p.StorageDescriptor.SerdeInfo.SerializationLibrary != "lib" || *p.TableName != "t" || p.CreationTime == nil || p.Parameters["k"] != "v" {
		t.Errorf("got %+v", p)
	}
	var n int
	pages := api.NewGetPartitionsPaginator(b.Client, &api.GetPartitionsInput{DatabaseName: db, TableName: tb, Expression: aws.String("year = '2025' AND month > '02'"), MaxResults: aws.Int32(4), ExcludeColumnSchema: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		ok(t, err)
		n += len(page.Partitions)
		if page.Partitions[0].StorageDescriptor.Columns != nil {
			t.Error("the columns are not left out")
		}
	}
	if n != 10 {
		t.Errorf("the expression chose %d partitions, want 10", n)
	}
	n = 0
	for i := range int32(5) { // as Trino asks
		page, err := b.GetPartitions(ctx, &api.GetPartitionsInput{DatabaseName: db, TableName: tb, Segment: &types.Segment{SegmentNumber: i, TotalSegments: aws.Int32(5)}})
		ok(t, err)
		n += len(page.Partitions)
	}
	if n != 13 {
		t.Errorf("five segments have %d partitions, want 13", n)
	}
	_, err = b.GetPartitions(ctx, &api.GetPartitionsInput{DatabaseName: db, TableName: tb, Expression: aws.String("year = 2025")})
	refused(t, err, "InvalidInputException", "at character 8")
	_, err = b.GetPartitions(ctx, &api.GetPartitionsInput{DatabaseName: db, TableName: tb, Segment: &types.Segment{SegmentNumber: 5, TotalSegments: aws.Int32(5)}})
	refused(t, err, "InvalidInputException", "segment")
	some, err := b.BatchGetPartition(ctx, &api.BatchGetPartitionInput{DatabaseName: db, TableName: tb, PartitionsToGet: []types.PartitionValueList{{Values: []string{"2025", "01"}}, {Values: []string{"1999", "01"}}}})
	ok(t, err)
	if len(some.Partitions) != 1 || len(some.UnprocessedKeys) != 0 {
		t.Errorf("got %+v", some)
	}
	if some.Partitions == nil {
		t.Error("Trino needs Partitions in every answer")
	}
	moved := part("2027", "01")
	_, err = b.UpdatePartition(ctx, &api.UpdatePartitionInput{DatabaseName: db, TableName: tb, PartitionValueList: []string{"2026", "01"}, PartitionInput: &moved})
	ok(t, err)
	_, err = b.GetPartition(ctx, &api.GetPartitionInput{DatabaseName: db, TableName: tb, PartitionValues: []string{"2026", "01"}})
	refused(t, err, "EntityNotFoundException", "2026")
	_, err = b.DeletePartition(ctx, &api.DeletePartitionInput{DatabaseName: db, TableName: tb, PartitionValues: []string{"2027", "01"}})
	ok(t, err)
	gone, err := b.BatchDeletePartition(ctx, &api.BatchDeletePartitionInput{DatabaseName: db, TableName: tb, PartitionsToDelete: []types.PartitionValueList{{Values: []string{"2025", "01"}}, {Values: []string{"2027", "01"}}}})
	ok(t, err)
	if len(gone.Errors) != 1 || *gone.Errors[0].ErrorDetail.ErrorCode != "EntityNotFoundException" {
		t.Errorf("got %+v", gone.Errors)
	}
	_, err = b.BatchDeletePartition(ctx, &api.BatchDeletePartitionInput{DatabaseName: db, TableName: tb, PartitionsToDelete: slices.Repeat([]types.PartitionValueList{{Values: []string{"1", "1"}}}, 26)})
	refused(t, err, "InvalidInputException", "at most 25")
}

func TestStatistics(t *testing.T) {
	t.Parallel()
	b, ctx := newBench(t), t.Context()
	b.database("db")
	db, tb := aws.String("db"), aws.String("t")
	_, err := b.CreateTable(ctx, &api.CreateTableInput{DatabaseName: db, TableInput: input("t", "year")})
	ok(t, err)
	_, err = b.CreatePartition(ctx, &api.CreatePartitionInput{DatabaseName: db, TableName: tb, PartitionInput: &types.PartitionInput{Values: []string{"1"}}})
	ok(t, err)
	when := time.Unix(1_700_000_000, 0).UTC()
	list := []types.ColumnStatistics{{ColumnName: aws.String("a"), ColumnType: aws.String("int"), AnalyzedTime: &when, StatisticsData: &types.ColumnStatisticsData{
		Type: types.ColumnStatisticsTypeLong, LongColumnStatisticsData: &types.LongColumnStatisticsData{MinimumValue: -5, MaximumValue: 7, NumberOfDistinctValues: 3, NumberOfNulls: 1}}}}
	_, err = b.UpdateColumnStatisticsForTable(ctx, &api.UpdateColumnStatisticsForTableInput{DatabaseName: db, TableName: tb, ColumnStatisticsList: list})
	ok(t, err)
	_, err = b.UpdateColumnStatisticsForPartition(ctx, &api.UpdateColumnStatisticsForPartitionInput{DatabaseName: db, TableName: tb, PartitionValues: []string{"1"}, ColumnStatisticsList: list})
	ok(t, err)
	_, err = b.UpdateColumnStatisticsForPartition(ctx, &api.UpdateColumnStatisticsForPartitionInput{DatabaseName: db, TableName: tb, PartitionValues: []string{"2"}, ColumnStatisticsList: list})
	refused(t, err, "EntityNotFoundException", "partition")
	got, err := b.GetColumnStatisticsForTable(ctx, &api.GetColumnStatisticsForTableInput{DatabaseName: db, TableName: tb, ColumnNames: []string{"A", "b"}})
	ok(t, err)
	if len(got.ColumnStatisticsList) != 1 || len(got.Errors) != 1 || *got.Errors[0].Error.ErrorCode != "EntityNotFoundException" ||
		got.ColumnStatisticsList[0].StatisticsData.LongColumnStatisticsData.MinimumValue != -5 || !got.ColumnStatisticsList[0].AnalyzedTime.Equal(when) {
		t.Errorf("got %+v", got)
	}
	_, err = b.DeleteColumnStatisticsForTable(ctx, &api.DeleteColumnStatisticsForTableInput{DatabaseName: db, TableName: tb, ColumnName: aws.String("a")})
	ok(t, err)
	_, err = b.DeleteColumnStatisticsForTable(ctx, &api.DeleteColumnStatisticsForTableInput{DatabaseName: db, TableName: tb, ColumnName: aws.String("a")})
	refused(t, err, "EntityNotFoundException", "column statistics")
	part, err := b.GetColumnStatisticsForPartition(ctx, &api.GetColumnStatisticsForPartitionInput{DatabaseName: db, TableName: tb, PartitionValues: []string{"1"}, ColumnNames: []string{"a"}})
	ok(t, err)
	if len(part.ColumnStatisticsList) != 1 {
		t.Errorf("got %+v", part)
	}
	_, err = b.DeleteColumnStatisticsForPartition(ctx, &api.DeleteColumnStatisticsForPartitionInput{DatabaseName: db, TableName: tb, PartitionValues: []string{"1"}, ColumnName: aws.String("a")})
	ok(t, err)
	functions, err := b.GetUserDefinedFunctions(ctx, &api.GetUserDefinedFunctionsInput{DatabaseName: db, Pattern: aws.String(".*")})
	ok(t, err)
	if functions.UserDefinedFunctions == nil || len(functions.UserDefinedFunctions) != 0 {
		t.Errorf("got %+v", functions)
	}
}

func TestClassifiers(t *testing.T) {
	t.Parallel()
	b, ctx := newBench(t), t.Context()
	create := func(in api.CreateClassifierInput) error {
		_, err := b.CreateClassifier(ctx, &in)
		return err
	}
	ok(t, create(api.CreateClassifierInput{GrokClassifier: &types.CreateGrokClassifierRequest{Name: aws.String("g"), Classification: aws.String("vpc"), GrokPattern: aws.String("%{MINE:x}"), CustomPatterns: aws.String("MINE [a-z]+")}}))
	ok(t, create(api.CreateClassifierInput{JsonClassifier: &types.CreateJsonClassifierRequest{Name: aws.String("j"), JsonPath: aws.String("$[*]")}}))
	ok(t, create(api.CreateClassifierInput{CsvClassifier: &types.CreateCsvClassifierRequest{Name: aws.String("v"), Delimiter: aws.String("|"), QuoteSymbol: aws.String("'"), ContainsHeader: types.CsvHeaderOptionPresent,
		Header: []string{"a", "b"}, AllowSingleColumn: aws.Bool(true), DisableValueTrimming: aws.Bool(true), CustomDatatypeConfigured: aws.Bool(true), CustomDatatypes: []string{"INT", "STRING"}, Serde: types.CsvSerdeOptionOpenCSVSerDe}}))
	refused(t, create(api.CreateClassifierInput{XMLClassifier: &types.CreateXMLClassifierRequest{Name: aws.String("x"), Classification: aws.String("xml")}}), "InvalidInputException", "XMLClassifier")
	refused(t, create(api.CreateClassifierInput{}), "InvalidInputException", "")
	refused(t, create(api.CreateClassifierInput{GrokClassifier: &types.CreateGrokClassifierRequest{Name: aws.String("bad"), Classification: aws.String("vpc"), GrokPattern: aws.String("%{NOBODY:x}")}}), "InvalidInputException", "NOBODY")
	got, err := b.GetClassifier(ctx, &api.GetClassifierInput{Name: aws.String("v")})
	ok(t, err)
	if v := got.Classifier.CsvClassifier; v == nil || *v.Delimiter != "|" || v.ContainsHeader != types.CsvHeaderOptionPresent || !*v.DisableValueTrimming || !*v.AllowSingleColumn || len(v.CustomDatatypes) != 2 || v.Version != 1 || v.Serde != types.CsvSerdeOptionOpenCSVSerDe {
		t.Errorf("got %+v", v)
	}
	_, err = b.UpdateClassifier(ctx, &api.UpdateClassifierInput{GrokClassifier: &types.UpdateGrokClassifierRequest{Name: aws.String("g"), Classification: aws.String("other")}})
	ok(t, err)
	got, err = b.GetClassifier(ctx, &api.GetClassifierInput{Name: aws.String("g")})
	ok(t, err)
	if g := got.Classifier.GrokClassifier; *g.Classification != "other" || *g.GrokPattern != "%{MINE:x}" || g.Version != 2 || g.LastUpdated == nil {
		t.Errorf("got %+v", g)
	}
	_, err = b.UpdateClassifier(ctx, &api.UpdateClassifierInput{JsonClassifier: &types.UpdateJsonClassifierRequest{Name: aws.String("g"), JsonPath: aws.String("$")}})
	refused(t, err, "InvalidInputException", "another kind")
	all, err := b.GetClassifiers(ctx, &api.GetClassifiersInput{MaxResults: aws.Int32(2)})
	ok(t, err)
	if len(all.Classifiers) != 2 || all.NextToken == nil {
		t.Errorf("got %+v", all)
	}
	_, err = b.DeleteClassifier(ctx, &api.DeleteClassifierInput{Name: aws.String("g")})
	ok(t, err)
	_, err = b.GetClassifier(ctx, &api.GetClassifierInput{Name: aws.String("g")})
	refused(t, err, "EntityNotFoundException", "classifier g")
}

func TestCrawlers(t *testing.T) {
	t.Parallel()
	b, ctx := newBench(t), t.Context()
	b.database("db")
	root := access.Root(account, "us-east-1")
	ok(t, b.lake.CreateBucket(ctx, root, "data"))
	body := "a,b\n1,2\n"
	_, err := b.lake.Put(ctx, root, lake.PutInput{Bucket: "data", Key: "p/x.csv", Body: strings.NewReader(body), Size: int64(len(body))})
	ok(t, err)
	name := aws.String("c")
	in := &api.CreateCrawlerInput{Name: name, Role: aws.String("arn:aws:iam::123456789012:role/glue"), DatabaseName: aws.String("db"), Description: aws.String("d"), TablePrefix: aws.String("raw_"),
		Targets:            &types.CrawlerTargets{S3Targets: []types.S3Target{{Path: aws.String("s3://data/p/"), Exclusions: []string{"*.tmp"}, SampleSize: aws.Int32(5)}}},
		SchemaChangePolicy: &types.SchemaChangePolicy{UpdateBehavior: types.UpdateBehaviorLog, DeleteBehavior: types.DeleteBehaviorDeleteFromDatabase},
		RecrawlPolicy:      &types.RecrawlPolicy{RecrawlBehavior: types.RecrawlBehaviorCrawlEverything}, Configuration: aws.String(`{"Version":1.0,"CreatePartitionIndex":true}`)}
	_, err = b.CreateCrawler(ctx, in)
	ok(t, err)
	_, err = b.CreateCrawler(ctx, in)
	refused(t, err, "AlreadyExistsException", "crawler c")
	for member, change := range map[string]func(*api.CreateCrawlerInput){
		"Schedule": func(in *api.CreateCrawlerInput) { in.Schedule = aws.String("cron(15 12 * * ? *)") },
		"JdbcTargets": func(in *api.CreateCrawlerInput) {
			in.Targets = &types.CrawlerTargets{JdbcTargets: []types.JdbcTarget{{}}}
		},
		"Tags": func(in *api.CreateCrawlerInput) { in.Tags = map[string]string{"a": "b"} },
		"role": func(in *api.CreateCrawlerInput) { in.Role = aws.String("arn:aws:iam::" + account + ":role/not one") },
		"UseLakeForm": func(in *api.CreateCrawlerInput) {
			in.LakeFormationConfiguration = &types.LakeFormationConfiguration{UseLakeFormationCredentials: aws.Bool(true)}
		},
		"EventQueue": func(in *api.CreateCrawlerInput) {
			in.Targets = &types.CrawlerTargets{S3Targets: []types.S3Target{{Path: aws.String("s3://data/"), EventQueueArn: aws.String("x")}}}
		},
		"Magic": func(in *api.CreateCrawlerInput) { in.Configuration = aws.String(`{"Version":1.0,"Magic":1}`) },
		"CrawlerLinea": func(in *api.CreateCrawlerInput) {
			in.LineageConfiguration = &types.LineageConfiguration{CrawlerLineageSettings: types.CrawlerLineageSettingsEnable}
		},
	} {
		bad := *in
		bad.Name = aws.String("bad")
		change(&bad)
		_, err := b.CreateCrawler(ctx, &bad)
		refused(t, err, "InvalidInputException", member)
	}
	_, err = b.StopCrawler(ctx, &api.StopCrawlerInput{Name: name})
	refused(t, err, "CrawlerNotRunningException", "")
	_, err = b.UpdateCrawler(ctx, &api.UpdateCrawlerInput{Name: name, Description: aws.String("e"), SchemaChangePolicy: &types.SchemaChangePolicy{}})
	ok(t, err)
	_, err = b.StartCrawler(ctx, &api.StartCrawlerInput{Name: name})
	ok(t, err)
	var c *types.Crawler
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		got, err := b.GetCrawler(ctx, &api.GetCrawlerInput{Name: name})
		ok(t, err)
		if c = got.Crawler; c.State == types.CrawlerStateReady {
			break
		}
	}
	if c.State != types.CrawlerStateReady || c.LastCrawl.Status != types.LastCrawlStatusSucceeded || c.LastCrawl.StartTime == nil || *c.Description != "e" || c.Version != 2 ||
		c.SchemaChangePolicy.UpdateBehavior != types.UpdateBehaviorUpdateInDatabase || *c.Targets.S3Targets[0].SampleSize != 5 {
		t.Errorf("got %+v, last crawl %+v", c, c.LastCrawl)
	}
	table, err := b.GetTable(ctx, &api.GetTableInput{DatabaseName: aws.String("db"), Name: aws.String("raw_p")})
	ok(t, err)
	if table.Table.Parameters["UPDATED_BY_CRAWLER"] != "c" {
		t.Errorf("got %+v", table.Table)
	}
	list, err := b.ListCrawlers(ctx, &api.ListCrawlersInput{})
	ok(t, err)
	all, err := b.GetCrawlers(ctx, &api.GetCrawlersInput{})
	ok(t, err)
	some, err := b.BatchGetCrawlers(ctx, &api.BatchGetCrawlersInput{CrawlerNames: []string{"c", "nobody"}})
	ok(t, err)
	if len(list.CrawlerNames) != 1 || len(all.Crawlers) != 1 || len(some.Crawlers) != 1 || some.CrawlersNotFound[0] != "nobody" {
		t.Errorf("got %v, %v, %+v", list.CrawlerNames, all.Crawlers, some)
	}
	var report crawler.Report
	ok(t, json.Unmarshal([]byte(b.report("c")), &report))
	if report.Files != 1 || len(report.Tables) != 1 || report.Outcomes[0].Classifier != "csv" {
		t.Errorf("got %+v", report)
	}
	_, err = b.DeleteCrawler(ctx, &api.DeleteCrawlerInput{Name: name})
	ok(t, err)
	_, err = b.GetCrawler(ctx, &api.GetCrawlerInput{Name: name})
	refused(t, err, "EntityNotFoundException", "crawler c")
}

// report calls flowlake's own operation, which the SDK does not have.
func (b bench) report(name string) string {
	b.t.Helper()
	status, text := b.raw("GetCrawlerReport", fmt.Sprintf(`{"Name":%q}`, name))
	var out struct{ Report string }
	if err := json.Unmarshal([]byte(text), &out); err != nil || status != http.StatusOK {
		b.t.Fatalf("%d: %s", status, text)
	}
	return out.Report
}

// raw sends a body that the SDK would not.
func (b bench) raw(operation, body string) (status int, answer string) {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.url, bytes.NewReader([]byte(body)))
	ok(b.t, err)
	r.Header.Set("X-Amz-Target", "AWSGlue."+operation)
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	sum := sha256.Sum256([]byte(body))
	ok(b.t, v4.NewSigner().SignHTTP(b.t.Context(), aws.Credentials{AccessKeyID: b.key.ID, SecretAccessKey: b.key.Secret}, r, hex.EncodeToString(sum[:]), "glue", "us-east-1", time.Now()))
	got, err := http.DefaultClient.Do(r)
	ok(b.t, err)
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	ok(b.t, err)
	return got.StatusCode, string(text)
}

// TestBareRequests sends each operation an empty document, and one of nulls and empty parts.
func TestBareRequests(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, op := range door.Service(nil, nil).Operations {
		for _, body := range []string{"{}", `{"DatabaseInput":null,"TableInput":{},"PartitionInput":{},"Name":"","GrokClassifier":{},"Segment":{}}`,
			`{"DatabaseName":"db","TableName":"t","PartitionInputList":[{}],"PartitionsToGet":[{}],"PartitionsToDelete":[{}],"ColumnStatisticsList":[{}],"PartitionValueList":[]}`,
			`{"Name":"x","Role":"r","DatabaseName":"d","Targets":{"S3Targets":[{}]},"CsvClassifier":{},"JsonClassifier":{}}`} {
			if status, text := b.raw(op.Name, body); status >= 500 {
				t.Errorf("%s %s: %d %s", op.Name, body, status, text)
			}
		}
	}
}
