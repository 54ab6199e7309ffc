//go:build duckdb_arrow

package athena_test

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/athena"
	"github.com/aws/aws-sdk-go-v2/service/athena/types"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/access/identity"
	"flowlake/catalog"
	"flowlake/query"
)

var flows = formation.OnTable("net", "flows")

func columnsOf(names ...string) formation.Resource {
	return formation.Resource{Kind: formation.OfColumns, Database: "net", Table: "flows", Columns: names}
}

// cells makes a data cells filter and grants it.
func (h *house) cells(to string, f formation.Filter) {
	h.t.Helper()
	f.Database, f.Table = "net", "flows"
	if err := h.formation.CreateFilter(h.t.Context(), h.root, f); err != nil {
		h.t.Fatal(err)
	}
	h.grant(to, formation.Resource{Kind: formation.OfCells, Database: "net", Table: "flows", Filter: f.Name}, formation.Select)
}

// leaks are what nobody may find in an answer who was granted columns without token, or rows without 10.0.0.2.
func leaks(t *testing.T, who, text, got string, words ...string) {
	t.Helper()
	for _, w := range words {
		if strings.Contains(got, w) {
			t.Errorf("%s: %s\nleaks %q: %s", who, text, w, got)
		}
	}
}

// TestStatementsLeakNothing runs every kind of statement as people who were granted a part of the lake. Its table is held
// against the list of statements, so that one that is added has to say here what it shows to whom.
func TestStatementsLeakNothing(t *testing.T) {
	h := lakeHouse(t)
	ana, ben, dan, eve := h.user("ana", asksAthena), h.user("ben", asksAthena), h.user("dan", asksAthena), h.user("eve", asksAthena)
	h.grant("ana", columnsOf("srcaddr", "bytes", "day"), formation.Select)
	h.grant("ana", formation.OnTable("net", "by_token"), formation.Select)
	h.grant("ana", formation.OnTable("net", "plain"), formation.Select)
	h.cells("ben", formation.Filter{Name: "web", Columns: []string{"srcaddr", "dstport", "bytes"}, Rows: "dstport = 443"})
	h.grant("dan", flows, formation.Describe)

	const noColumn = "!COLUMN_NOT_FOUND: line 1:8: Column 'token' cannot be resolved or requester is not authorized to access requested resources"
	const noTable = "!TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.net."
	changes := []string{"CreateDatabase", "DropDatabase", "CreateTable", "DropTable", "AddPartitions", "DropPartitions", "RepairTable", "CreateView", "DropView"}
	table := []struct {
		statement string // its type in query/sql
		as        *person
		text      string
		want      string
	}{
		{"Query", ana, "SELECT * FROM flows ORDER BY srcaddr", "10.0.0.1|100|2026-01-01\n10.0.0.2|0|2026-01-01\n10.0.0.3|30|2026-01-02"},
		{"Query", ana, "SELECT token FROM flows", noColumn},
		{"Query", ana, "SELECT tokens FROM flows", strings.Replace(noColumn, "token", "tokens", 1)},
		{"Query", ana, `SELECT x."token" FROM flows x`, "!COLUMN_NOT_FOUND"},
		{"Query", ana, "SELECT 1 FROM flows WHERE token LIKE 'tok-r%'", "!COLUMN_NOT_FOUND"},
		{"Query", ana, "SELECT * FROM plain ORDER BY bytes", "10.0.0.2|0\n10.0.0.3|30\n10.0.0.1|100"},
		{"Query", ana, "SELECT srcaddr FROM by_token", "!INVALID_VIEW"},
		{"Query", ana, `SELECT "$path" FROM flows`, "!COLUMN_NOT_FOUND"},
		{"Query", ana, "SELECT * FROM private", noTable},
		{"Query", ana, "SELECT * FROM privato", noTable},
		{"Query", ana, "SELECT * FROM other.theirs", "!SCHEMA_NOT_FOUND: line 1:15: Schema 'other' does not exist"},
		{"Query", ana, "SELECT * FROM otter.theirs", "!SCHEMA_NOT_FOUND: line 1:15: Schema 'otter' does not exist"},
		{"Query", ana, "SELECT schema_name FROM information_schema.schemata", "net"},
		{"Query", ana, "SELECT table_name FROM information_schema.tables ORDER BY 1", "by_token\nflows\nplain"},
		{"Query", ana, "SELECT column_name, ordinal_position FROM information_schema.columns WHERE table_name = 'flows' ORDER BY 2", "srcaddr|1\nbytes|2\nday|3"},
		{"Query", ben, "SELECT * FROM flows", "10.0.0.1|443|100"},
		{"Query", ben, "SELECT 1/bytes FROM flows", "0"},
		{"Query", ben, "SELECT count(*) FROM flows WHERE bytes = 0 OR 1/bytes >= 0", "1"},
		{"Query", ben, "SELECT max(srcaddr) FROM flows a CROSS JOIN flows b", "!is ambiguous"},
		{"Query", ben, "SELECT count(*) FROM flows a JOIN flows b ON a.dstport <> b.dstport", "0"},
		{"Query", ben, "SELECT srcaddr FROM flows WHERE day = '2026-01-01'", "!COLUMN_NOT_FOUND"},
		{"Query", ben, "SELECT * FROM plain", noTable},
		{"Query", dan, "SELECT srcaddr FROM flows", "!Insufficient Lake Formation permission(s): Required Select on flows"},
		{"Query", eve, "SELECT 1 FROM net.flows", "!SCHEMA_NOT_FOUND: line 1:15: Schema 'net' does not exist"},
		{"Query", eve, "SELECT count(*) FROM information_schema.columns", "0"},

		{"Describe", ana, "DESCRIBE flows", "*"},
		{"Describe", ana, "DESCRIBE FORMATTED flows", "*"},
		{"Describe", ana, "DESCRIBE flows token", "!has none of that name"},
		{"Describe", ana, "DESCRIBE private", "!Table not found net.private"},
		{"Describe", ben, "DESCRIBE flows", "*"},
		{"Describe", eve, "DESCRIBE flows", "!Database does not exist: net"},
		{"ShowColumns", ana, "SHOW COLUMNS IN flows", "*"},
		{"ShowColumns", ben, "SHOW COLUMNS IN flows", "*"},
		{"ShowCreateTable", ana, "SHOW CREATE TABLE flows", "*"},
		{"ShowCreateTable", ana, "SHOW CREATE TABLE private", "!Table not found net.private"},
		{"ShowCreateView", ana, "SHOW CREATE VIEW plain", "CREATE VIEW \"net\".\"plain\" AS\nSELECT srcaddr, bytes FROM net.flows"},
		{"ShowCreateView", ben, "SHOW CREATE VIEW plain", "!Table not found net.plain"},
		{"ShowProperties", ana, "SHOW TBLPROPERTIES flows", "*"},
		{"ShowProperties", ana, "SHOW TBLPROPERTIES flows ('note')", "!does not have the property note"},
		{"ShowPartitions", ana, "SHOW PARTITIONS flows", "day=2026-01-01\nday=2026-01-02"},
		{"ShowPartitions", ben, "SHOW PARTITIONS flows", "!is not partitioned"},
		{"ShowPartitions", dan, "SHOW PARTITIONS flows", "day=2026-01-01\nday=2026-01-02"},
		{"ShowDatabases", ana, "SHOW DATABASES", "net"},
		{"ShowDatabases", eve, "SHOW DATABASES", ""},
		{"ShowTables", ana, "SHOW TABLES", "by_token\nflows\nplain"},
		{"ShowTables", ben, "SHOW TABLES", "flows"},
		{"ShowTables", eve, "SHOW TABLES IN net", "!Database does not exist: net"},
		{"ShowViews", ana, "SHOW VIEWS", "by_token\nplain"},
		{"ShowViews", ben, "SHOW VIEWS", ""},
	}
	covered := map[string]bool{}
	for _, name := range changes {
		covered[name] = true // in TestChangesNeedGrants
	}
	hidden := map[*person][]string{
		ana: {"tok-", "443", "dstport", "secretcolumn", "theirs"},
		ben: {"tok-", "10.0.0.2", "10.0.0.3", "2026-01", "secretcolumn", "theirs"},
		dan: {"tok-", "10.0.0", "secretcolumn"},
		eve: {"tok-", "10.0.0", "secretcolumn", "srcaddr"},
	}
	for _, c := range table {
		covered[c.statement] = true
		got, e := c.as.gets(c.text, c.want)
		leaks(t, c.as.name, c.text, got, hidden[c.as]...)
		if c.want == "*" && c.as != dan {
			leaks(t, c.as.name, c.text, got, "token")
			if c.statement == "Describe" || c.statement == "ShowColumns" {
				if !strings.Contains(got, "srcaddr") {
					t.Errorf("%s: %s: nothing is shown: %q", c.as.name, c.text, got)
				}
			}
		}
		if c.as == ben && e != nil && c.statement == "Query" && aws.ToInt64(e.Statistics.DataScannedInBytes) != 0 {
			t.Errorf("%s: the bytes that were read tell of hidden rows: %d", c.text, *e.Statistics.DataScannedInBytes)
		}
	}
	for _, name := range statements(t) {
		if !covered[name] {
			t.Errorf("nobody has looked at what %s shows of what is not granted", name)
		}
	}
}

// statements is every type in query/sql that is a statement.
func statements(t testing.TB) (names []string) {
	t.Helper()
	files, err := filepath.Glob("../../query/sql/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Name.Name != "statement" || fn.Recv == nil {
				continue
			}
			if star, ok := fn.Recv.List[0].Type.(*ast.StarExpr); ok {
				if id := star.X.(*ast.Ident); id.IsExported() {
					names = append(names, id.Name)
				}
			}
		}
	}
	if len(names) < 15 {
		t.Fatalf("only %v are statements", names)
	}
	return names
}

// TestChangesNeedGrants claims: each statement that changes the catalogue needs its Lake Formation permission beside IAM's,
// a thing that is hidden cannot be told from one that is not there, and the refusal's grant is what was missing.
func TestChangesNeedGrants(t *testing.T) {
	h := lakeHouse(t)
	all := strings.Replace(asksAthena, `"glue:Get*"`, `"glue:*"`, 1)
	eve := h.user("eve", all)
	db := formation.InDatabase("net")
	for _, c := range []struct {
		text, want string
		on         formation.Resource
		need       formation.Permission
	}{
		{"CREATE DATABASE mine", "Insufficient Lake Formation permission(s): Required Create Database on Catalog", formation.Catalog(), formation.CreateDatabase},
		{"DROP DATABASE net", "Database does not exist: net", db, formation.Describe},
		{"DROP DATABASE net", "is not empty", db, formation.Drop},
		{"CREATE VIEW net.v AS SELECT 1 AS a", "Required Create Table on net", db, formation.CreateTable},
		{"CREATE EXTERNAL TABLE net.t (a int) LOCATION 's3://lake/flows/x/'", "Insufficient Lake Formation permission(s) on s3://lake/flows/x", formation.AtLocation("s3://lake/flows/"), formation.DataLocationAccess},
		{"ALTER TABLE flows ADD PARTITION (day='2026-01-03')", "Table not found net.flows", flows, formation.Describe},
		{"ALTER TABLE flows ADD PARTITION (day='2026-01-03')", "Required Alter on flows", flows, formation.Alter},
		{"ALTER TABLE flows ADD PARTITION (day='2026-01-04') LOCATION 's3://lake/private/'", "Insufficient Lake Formation permission(s) on s3://lake/private", formation.AtLocation("s3://lake/private/"), formation.DataLocationAccess},
		{"DROP TABLE flows", "Required Drop on flows", flows, formation.Drop},
	} {
		got, _ := eve.gets(c.text, "!"+c.want)
		if strings.Contains(c.want, "Insufficient") || strings.HasPrefix(c.want, "Required") {
			if want := "aws lakeformation grant-permissions --region " + seoul + " --principal DataLakePrincipalIdentifier=arn:aws:iam::" + account + ":user/eve --permissions " + string(c.need); !strings.Contains(got, want) {
				t.Errorf("%s: the refusal does not say %q:\n%s", c.text, want, got)
			}
		}
		h.grant("eve", c.on, c.need)
		if strings.HasPrefix(c.text, "DROP") || c.need == formation.Describe {
			continue
		}
		if got, e := eve.ask(c.text); e == nil || e.Status.State != types.QueryExecutionStateSucceeded {
			t.Errorf("%s with %s: %s", c.text, c.need, got)
		}
	}
	eve.gets("DROP DATABASE net", "!is not empty: it has the table")
	eve.gets("ALTER TABLE flows DROP PARTITION (day='2026-01-03')", "")
	eve.gets("DROP VIEW v", "")
	eve.gets("DROP TABLE t", "") // its creator has everything on it
	eve.gets("MSCK REPAIR TABLE flows", "!s3:ListBucket")
	eve.gets("DROP TABLE flows", "")
	eve.gets("DROP TABLE private", "!Table not found net.private")
	eve.gets("DROP TABLE IF EXISTS private", "")
	eve.gets("DROP DATABASE net", "!database net: is not empty: use DROP DATABASE net CASCADE")
	h.want("net", "SHOW TABLES LIKE 'private'", "private")
	// What was granted on a thing goes with it: one of the same name is another.
	h.do("net", "CREATE EXTERNAL TABLE flows (a int) LOCATION 's3://lake/flows/'")
	eve.gets("DESCRIBE flows", "!Table not found net.flows")
}

// TestWhoReadsTheBytes claims: under a registered location the registering role reads for whoever was granted, and needs
// lakeformation:GetDataAccess; elsewhere, and for partitions elsewhere, the caller reads; and each refusal's statement is enough.
func TestWhoReadsTheBytes(t *testing.T) {
	h := lakeHouse(t)
	h.bucket("plain")
	for _, key := range []string{"t/a.txt", "t/b.txt"} {
		h.put("plain", key, "1\n")
	}
	h.put("plain", "elsewhere/a.txt", "10.0.0.9 1 1 tok\n")
	h.do("net", "CREATE EXTERNAL TABLE open (n int) LOCATION 's3://plain/t/'")
	ana := h.user("ana", strings.Replace(asksAthena, `,"lakeformation:GetDataAccess"`, "", 1))
	h.grant("ana", flows, formation.Select)
	h.grant("ana", formation.OnTable("net", "open"), formation.Select)

	ana.gets("SELECT count(*) FROM flows", "!not authorized to perform: lakeformation:GetDataAccess")
	ana.learns(t, "SELECT count(*) FROM flows", "3", 1)
	ana.gets("SELECT count(*) FROM open", "!Permission denied on S3 path: s3://plain")
	ana.learns(t, "SELECT count(*) FROM open", "2", 2)

	h.do("net", "ALTER TABLE flows ADD PARTITION (day='2026-01-03') LOCATION 's3://plain/elsewhere/'")
	ana.gets("SELECT count(*) FROM flows WHERE day < '2026-01-03'", "3")
	ana.gets("SELECT count(*) FROM flows", "!Permission denied on S3 path: s3://plain")

	// The role's own rights count, and so does its trust.
	h.policy(identity.Role, "lake", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}]}`)
	ana.gets("SELECT count(*) FROM flows WHERE day < '2026-01-03'", "!assumed-role/lake/")
	if err := h.identities.UpdateTrust(t.Context(), "lake", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`); err != nil {
		t.Fatal(err)
	}
	ana.gets("SELECT count(*) FROM flows WHERE day < '2026-01-03'", "!Lake Formation cannot read its location arn:aws:s3:::lake with the role")
}

// learns adds each statement that a refusal prints to the person's policy, until the query answers: at most so many.
func (p *person) learns(t *testing.T, text, want string, most int) {
	t.Helper()
	var added []string
	for range most + 1 {
		got, e := p.ask(text)
		if e != nil && e.Status.State == types.QueryExecutionStateSucceeded {
			if got != want || len(added) != most {
				t.Errorf("%s: got %q after %d statements, want %q after %d", text, got, len(added), want, most)
			}
			return
		}
		at, end := strings.Index(got, "{\n"), strings.LastIndex(got, "}")
		if at < 0 || end < at {
			t.Fatalf("%s: no statement in %s", text, got)
		}
		added = append(added, got[at:end+1])
		document := strings.TrimSuffix(strings.TrimSpace(p.document()), "]}") + "," + added[len(added)-1] + "]}"
		p.policy(identity.User, p.name, document)
	}
	t.Errorf("%s is refused after the statements %s", text, strings.Join(added, "\n"))
}

func (p *person) document() string {
	p.t.Helper()
	text, err := p.identities.Inline(context.Background(), identity.User, p.name, "own")
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

// TestOthersResults claims: a result is its object, and asks for s3:GetObject; why another's query failed is told to its
// owner alone; another's token is not one's own.
func TestOthersResults(t *testing.T) {
	h := lakeHouse(t)
	ana, ben := h.user("ana", asksAthena), h.user("ben", asksAthena)
	h.grant("ana", flows, formation.Select)
	_, e := ana.ask("SELECT token FROM flows")
	_, err := ben.GetQueryResults(t.Context(), &api.GetQueryResultsInput{QueryExecutionId: e.QueryExecutionId})
	wantError(t, err, "AccessDeniedException", "", "is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::results/ana/")
	wantError(t, err, "AccessDeniedException", "", `"Resource": "arn:aws:s3:::results/ana/*"`)
	if out, err := ben.GetQueryExecution(t.Context(), &api.GetQueryExecutionInput{QueryExecutionId: e.QueryExecutionId}); err != nil || *out.QueryExecution.Query != "SELECT token FROM flows" {
		t.Errorf("the workgroup's history: %v", err)
	}
	reason, failed := ana.ask("SELECT CAST(token AS bigint) FROM flows")
	if !strings.Contains(reason, "tok-") {
		t.Errorf("the owner reads %q", reason)
	}
	out, err := ben.GetQueryExecution(t.Context(), &api.GetQueryExecutionInput{QueryExecutionId: failed.QueryExecutionId})
	if err != nil {
		t.Fatal(err)
	}
	if s := out.QueryExecution.Status; strings.Contains(aws.ToString(s.StateChangeReason)+aws.ToString(s.AthenaError.ErrorMessage), "tok-") || !strings.HasPrefix(*s.StateChangeReason, "INVALID_CAST_ARGUMENT: ") {
		t.Errorf("another reads %q", aws.ToString(s.StateChangeReason))
	}
	in := &api.StartQueryExecutionInput{QueryString: aws.String("SELECT 1"), ClientRequestToken: aws.String(strings.Repeat("t", 32)),
		ResultConfiguration: &types.ResultConfiguration{OutputLocation: aws.String("s3://results/ana/")}}
	if _, err := ana.StartQueryExecution(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	_, err = ben.StartQueryExecution(t.Context(), in)
	wantError(t, err, "InvalidRequestException", "IDEMPOTENT_PARAMETER_MISMATCH", "Idempotent parameters do not match")
	h.policy(identity.User, "ben", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"athena:*","Resource":"arn:aws:athena:*:*:workgroup/other"}]}`)
	_, err = ben.GetQueryExecution(t.Context(), &api.GetQueryExecutionInput{QueryExecutionId: e.QueryExecutionId})
	wantError(t, err, "AccessDeniedException", "", "athena:GetQueryExecution on resource: arn:aws:athena:"+seoul+":"+account+":workgroup/primary")
}

// TestTheLambdaRoleOfTheSeed claims: the role's policy, as it is written, does not let the script write its result, whose
// bucket is another; the refusal names it before a partition is made, and the printed mend is enough.
func TestTheLambdaRoleOfTheSeed(t *testing.T) {
	h := newHouse(t)
	h.bucket("aws-athena-query-result")
	h.bucket("flow-log-buckets")
	h.do("default", "CREATE DATABASE vpcflowlogs", `CREATE EXTERNAL TABLE vpcflowlogs.vpc_flow_logs (version int) PARTITIONED BY (date date)
		LOCATION 's3://flow-log-buckets/AWSLogs/1111122222233333/vpcflowlogs/ap-northeast-2/'`)
	lambda := h.user("lambda", `{"Version": "2012-10-17", "Statement": [
        {"Sid": "VisualEditor0", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucketMultipartUploads", "s3:PutBucketPublicAccessBlock",
                "s3:AbortMultipartUpload", "s3:CreateBucket", "s3:GetBucketLocation", "s3:ListMultipartUploadParts"],
            "Resource": ["arn:aws:s3:::athena-query-result/*", "arn:aws:s3:::athena-query-result"]},
        {"Sid": "VisualEditor1", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::flow-log-buckets/*", "arn:aws:s3:::flow-log-buckets"]},
        {"Sid": "VisualEditor2", "Effect": "Allow", "Action": ["athena:StartQueryExecution", "athena:GetQueryExecution", "athena:GetQueryResults"],
            "Resource": ["arn:aws:athena:ap-northeast-2:`+account+`:workgroup/*"]},
        {"Sid": "VisualEditor3", "Effect": "Allow", "Action": ["logs:CreateLogStream", "glue:GetPartition", "s3:ListAllMyBuckets", "s3:ListBucket", "glue:CreatePartition",
                "s3:GetBucketLocation", "logs:CreateLogGroup", "logs:PutLogEvents", "glue:UpdatePartition", "glue:GetTable", "glue:GetDatabase", "glue:BatchCreatePartition"],
            "Resource": "*"}]}`)
	start := func() *types.QueryExecution {
		out, err := lambda.StartQueryExecution(t.Context(), &api.StartQueryExecutionInput{
			QueryString: aws.String(`
                ALTER TABLE vpc_flow_logs
                ADD PARTITION (date='2022-08-29')
                LOCATION 's3://flow-log-buckets/AWSLogs/111112222233333/vpcflowlogs/ap-northeast-2/2022/08/29'
            `),
			QueryExecutionContext: &types.QueryExecutionContext{Catalog: aws.String("AwsDataCatalog"), Database: aws.String("vpcflowlogs")},
			ResultConfiguration: &types.ResultConfiguration{OutputLocation: aws.String("s3://aws-athena-query-result/"),
				EncryptionConfiguration: &types.EncryptionConfiguration{EncryptionOption: types.EncryptionOptionSseS3}}})
		if err != nil {
			t.Fatal(err)
		}
		return lambda.wait(*out.QueryExecutionId)
	}
	e := start()
	reason := aws.ToString(e.Status.StateChangeReason)
	for _, want := range []string{"Access denied when writing output to url: s3://aws-athena-query-result/" + *e.QueryExecutionId + ".txt", "user/lambda is not authorized to perform: s3:PutObject",
		`"Resource": "arn:aws:s3:::aws-athena-query-result/*"`} {
		if !strings.Contains(reason, want) {
			t.Errorf("the refusal does not say %q:\n%s", want, reason)
		}
	}
	h.want("vpcflowlogs", "SHOW PARTITIONS vpc_flow_logs")
	text := lambda.document()
	at, end := strings.Index(reason, "{\n"), strings.LastIndex(reason, "}")
	h.policy(identity.User, "lambda", strings.TrimSuffix(strings.TrimSpace(text), "]}")+","+reason[at:end+1]+"]}")
	if e := start(); e.Status.State != types.QueryExecutionStateSucceeded {
		t.Errorf("with the mend: %s", aws.ToString(e.Status.StateChangeReason))
	}
	h.want("vpcflowlogs", "SHOW PARTITIONS vpc_flow_logs", "date=2022-08-29")
}

// TestMetadataLeaksNothing claims: what Athena tells of the catalogue is what was granted.
func TestMetadataLeaksNothing(t *testing.T) {
	h := lakeHouse(t)
	ana := h.user("ana", asksAthena)
	h.grant("ana", columnsOf("srcaddr", "bytes"), formation.Select)
	catalog, net := aws.String("AwsDataCatalog"), aws.String("net")
	got, err := ana.GetTableMetadata(t.Context(), &api.GetTableMetadataInput{CatalogName: catalog, DatabaseName: net, TableName: aws.String("flows")})
	if err != nil {
		t.Fatal(err)
	}
	m := got.TableMetadata
	if len(m.Columns) != 2 || *m.Columns[1].Name != "bytes" || len(m.PartitionKeys) != 0 || m.Parameters["note"] != "" || m.Parameters["classification"] != "text" {
		t.Errorf("got %+v", m)
	}
	for _, name := range []string{"private", "none"} {
		_, err = ana.GetTableMetadata(t.Context(), &api.GetTableMetadataInput{CatalogName: catalog, DatabaseName: net, TableName: &name})
		wantError(t, err, "MetadataException", "", "table net."+name+": not found")
	}
	_, err = ana.GetDatabase(t.Context(), &api.GetDatabaseInput{CatalogName: catalog, DatabaseName: aws.String("other")})
	wantError(t, err, "MetadataException", "", "database other: not found")
	tables, err := ana.ListTableMetadata(t.Context(), &api.ListTableMetadataInput{CatalogName: catalog, DatabaseName: net, MaxResults: aws.Int32(1)})
	if err != nil || len(tables.TableMetadataList) != 1 || *tables.TableMetadataList[0].Name != "flows" || tables.NextToken != nil {
		t.Errorf("got %+v, %v", tables, err)
	}
	databases, err := ana.ListDatabases(t.Context(), &api.ListDatabasesInput{CatalogName: catalog})
	if err != nil || !slices.EqualFunc(databases.DatabaseList, []string{"net"}, func(d types.Database, name string) bool { return *d.Name == name }) {
		t.Errorf("got %+v, %v", databases, err)
	}
}

// withoutStream is a table's fresh rows where nobody should have asked for them.
type withoutStream struct{ t *testing.T }

func (w withoutStream) Snapshot(_ context.Context, _ access.Caller, t catalog.Table, _ string) (query.FreshRows, error) {
	w.t.Errorf("the rows on their way to %s are read", t.Name)
	return query.FreshRows{}, nil
}

// TestRowsOnTheirWayAreTheTables claims: rows that are in no object yet are read by who may read objects there.
func TestRowsOnTheirWayAreTheTables(t *testing.T) {
	h := open(t, t.TempDir(), nil)
	h.queries.SetFresh(withoutStream{t})
	h.run()
	h.bucket("results")
	h.bucket("plain")
	h.do("default", "CREATE DATABASE net", `CREATE EXTERNAL TABLE net.fresh (a int) STORED AS PARQUET LOCATION 's3://plain/fresh/' TBLPROPERTIES ('flowlake.fresh'='true')`)
	h.user("ana", asksAthena).gets("SELECT * FROM fresh", "!Permission denied on S3 path: s3://plain/fresh/")
}

// TestFailuresNameNothingHidden claims: what is wrong with a table's partitions or files is told without a key, a value or
// a place that the caller may not know.
func TestFailuresNameNothingHidden(t *testing.T) {
	h := lakeHouse(t)
	h.put("lake", "typed/x=zz9/a.txt", "1 word-zz9\n")
	h.do("net", `CREATE EXTERNAL TABLE injected (a int, hidden1 int) PARTITIONED BY (hidden2 string) LOCATION 's3://lake/i/'
		TBLPROPERTIES ('projection.enabled'='true', 'projection.hidden2.type'='injected', 'storage.location.template'='s3://lake/i/${hidden2}/')`,
		`CREATE EXTERNAL TABLE typed (a int, hidden1 int) PARTITIONED BY (hidden2 string) ROW FORMAT DELIMITED FIELDS TERMINATED BY ' ' LOCATION 's3://lake/typed/'`,
		"ALTER TABLE typed ADD PARTITION (hidden2='zz9') LOCATION 's3://lake/typed/x=zz9/'",
		`CREATE EXTERNAL TABLE jsons (a int, hidden1 int) PARTITIONED BY (hidden2 string) ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe' LOCATION 's3://lake/j/'`)
	h.put("lake", "j/hidden2=zz9/a.json", `{"a":"zz9","hidden1":"zz9"}`+"\n")
	h.do("net", "MSCK REPAIR TABLE jsons")
	ana := h.user("ana", asksAthena)
	for _, table := range []string{"injected", "typed", "jsons"} {
		h.grant("ana", formation.Resource{Kind: formation.OfColumns, Database: "net", Table: table, Columns: []string{"a"}}, formation.Select)
		got, _ := ana.ask("SELECT * FROM " + table)
		leaks(t, "ana", table, strings.ReplaceAll(got, "Error parsing field value 'zz9' for field a", ""), "hidden", "zz9")
		if table == "typed" && got != "1" {
			t.Errorf("got %q", got)
		}
	}
	// Nor is a view's text told to those to whom some of its columns are hidden.
	h.do("net", "CREATE VIEW narrow AS SELECT a, hidden1, upper(hidden2) AS x FROM typed")
	h.grant("ana", formation.Resource{Kind: formation.OfColumns, Database: "net", Table: "narrow", Columns: []string{"a"}}, formation.Select)
	view, _ := ana.gets("SELECT a FROM narrow", "!INVALID_VIEW: line 1:15: Failed analyzing stored view 'awsdatacatalog.net.narrow'")
	leaks(t, "ana", "narrow", view, "hidden")
	// Nor which objects the registering role may not read: their names have keys' values.
	h.policy(identity.Role, "lake", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}]}`)
	object, _ := ana.gets("SELECT a FROM typed", "!Permission denied on S3 path: s3://lake/typed/*")
	leaks(t, "ana", "typed", object, "zz9", "hidden")
	if !strings.Contains(object, `"Resource": "arn:aws:s3:::lake/typed/*"`) {
		t.Errorf("no way out: %s", object)
	}
	h.bucket("plain")
	h.put("plain", "zz8/a.txt", "1 2\n")
	h.do("net", "ALTER TABLE typed ADD PARTITION (hidden2='zz8') LOCATION 's3://plain/zz8/'", "ALTER TABLE typed DROP PARTITION (hidden2='zz9')")
	elsewhere, _ := ana.gets("SELECT a FROM typed", "!of which you may read a part, cannot be read")
	leaks(t, "ana", "typed", elsewhere, "zz8", "plain", "hidden")
	got, _ := ana.ask("SELECT a FROM typed WHERE hidden1 = 1")
	unknown, _ := ana.ask("SELECT a FROM typed WHERE hiddenX = 1")
	if strings.ReplaceAll(got, "hidden1", "") != strings.ReplaceAll(strings.ReplaceAll(unknown, "hiddenX", ""), "hiddenx", "") {
		t.Errorf("a hidden column is told from none:\n%s\n%s", got, unknown)
	}
}

// TestTheAuditLogHasTheReason claims: what a caller was told is not there is in the audit log as what was not granted.
func TestTheAuditLogHasTheReason(t *testing.T) {
	h := lakeHouse(t)
	ana := h.user("ana", asksAthena)
	h.grant("ana", columnsOf("srcaddr"), formation.Select)
	ana.gets("SELECT f.token FROM flows f", "!Column 'f.token' cannot be resolved")
	ana.gets("SELECT nothing FROM flows", "!Column 'nothing' cannot be resolved")
	ana.gets("SELECT * FROM private", "!does not exist")
	var all strings.Builder
	files, err := filepath.Glob(filepath.Join(h.dir, "audit", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	for _, want := range []string{`\"ColumnNames\":[\"token\"]`, "Required Describe on private", "user/ana"} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("the audit log does not say %s:\n%s", want, all.String())
		}
	}
	if strings.Contains(all.String(), `"nothing`) {
		t.Error("a column that does not exist is in the audit log")
	}
}
