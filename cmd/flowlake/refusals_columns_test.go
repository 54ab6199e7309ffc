package main

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/athena"
	athenatypes "github.com/aws/aws-sdk-go-v2/service/athena/types"
)

const (
	noColumn = "COLUMN_NOT_FOUND: line 1:"
	hidden   = "cannot be resolved or requester is not authorized to access requested resources"
)

// columnRefusals are of ana, who may read srcaddr, bytes and day of flows, and two views: plain, of those, and by_token, which also
// names token.
func columnRefusals(w *world) []forbidden {
	ana := func(claim, text, words string) forbidden {
		return forbidden{claim, "ana", says(text), statementFailed, words}
	}
	return []forbidden{
		ana("a column by its name", "SELECT token FROM flows", noColumn+"8: Column 'token' "+hidden),
		ana("a column that is not there, told in the same words", "SELECT tokem FROM flows", noColumn+"8: Column 'tokem' "+hidden),
		ana("a column by a table's name", "SELECT flows.token FROM flows", noColumn),
		ana("a column by a database's name", "SELECT net.flows.token FROM net.flows", noColumn),
		ana("a column by the catalog's name", "SELECT f.token FROM awsdatacatalog.net.flows f", noColumn),
		ana("a column by an alias", "SELECT x.token FROM flows AS x", noColumn),
		ana("a column by a table's column aliases", "SELECT d FROM flows AS x (a, b, c, d)", "column"),
		ana("a column by a quoted name", `SELECT "token" FROM flows`, noColumn),
		ana("a column in capitals", `SELECT TOKEN FROM flows`, noColumn),
		ana("a column in quoted capitals", `SELECT "ToKeN" FROM flows`, noColumn),
		ana("a column by Unicode letters that fold to its own", `SELECT "toKen" FROM flows`, noColumn),
		{"a column in backticks", "ana", says("SELECT `token` FROM flows"), "InvalidRequestException", "line 1:"},
		ana("a column in a predicate", "SELECT srcaddr FROM flows WHERE token LIKE 'tok-r%'", noColumn),
		ana("a column in GROUP BY", "SELECT count(*) FROM flows GROUP BY token", noColumn),
		ana("a column in HAVING", "SELECT srcaddr FROM flows GROUP BY srcaddr HAVING max(token) > 'a'", noColumn),
		ana("a column in ORDER BY", "SELECT srcaddr FROM flows ORDER BY token", noColumn),
		ana("a column in ORDER BY of an aggregate", "SELECT array_agg(srcaddr ORDER BY token) FROM flows", noColumn),
		ana("a column in a window", "SELECT row_number() OVER (ORDER BY token) FROM flows", noColumn),
		ana("a column in a CASE", "SELECT CASE WHEN token = 'tok-red' THEN 1/0 ELSE 1 END FROM flows", noColumn),
		ana("a column in a function", "SELECT length(token) FROM flows", noColumn),
		ana("a column in a lambda", "SELECT transform(ARRAY[1], x -> token) FROM flows", noColumn),
		ana("a column in a subquery", "SELECT t FROM (SELECT token AS t FROM flows)", noColumn),
		ana("a column in a correlated subquery", "SELECT n FROM open o WHERE EXISTS (SELECT 1 FROM flows f WHERE f.token = o.name)", noColumn),
		ana("a column in a scalar subquery", "SELECT (SELECT max(token) FROM flows)", noColumn),
		ana("a column in an IN", "SELECT 1 WHERE 'tok-red' IN (SELECT token FROM flows)", noColumn),
		ana("a column in a CTE", "WITH c AS (SELECT token FROM flows) SELECT * FROM c", noColumn),
		ana("a column beside a CTE of the table's name", "WITH flows AS (SELECT token FROM net.flows) SELECT token FROM flows", noColumn),
		ana("a column of a CTE of a star", "WITH c AS (SELECT * FROM flows) SELECT token FROM c", noColumn),
		ana("a column in a UNION", "SELECT name FROM open UNION ALL SELECT token FROM flows", noColumn),
		ana("a column in a join's ON", "SELECT 1 AS one FROM open JOIN flows ON open.name = flows.token", noColumn),
		ana("a column in a join's USING", "SELECT 1 AS one FROM (SELECT name AS token FROM open) o JOIN flows USING (token)", "token"),
		ana("a column in a natural join", "SELECT 1 AS one FROM (SELECT name AS token FROM open) o NATURAL JOIN flows", ""),
		ana("a column in VALUES", "SELECT * FROM (VALUES ((SELECT min(token) FROM flows))) v (a)", noColumn),
		ana("a column in UNNEST", "SELECT u FROM flows CROSS JOIN UNNEST(ARRAY[token]) AS t (u)", noColumn),
		{"a column in a LIMIT", "ana", says("SELECT srcaddr FROM flows LIMIT (SELECT length(token) FROM flows)"), "InvalidRequestException", "line 1:"},
		ana("a column by its number", "SELECT srcaddr FROM flows ORDER BY 4", ""),
		ana("a column of a view that may be read", "SELECT token FROM by_token", "INVALID_VIEW"),
		ana("the other columns of a view over what is hidden", "SELECT srcaddr FROM by_token", "INVALID_VIEW"),
		ana("a count of a view over what is hidden", "SELECT count(*) FROM by_token", "INVALID_VIEW"),
		ana("the folder of the objects", `SELECT "$path" FROM flows`, noColumn),
		ana("a row as a whole", "SELECT flows FROM flows", noColumn),
		ana("a struct of a whole row", "SELECT f.* FROM (SELECT * FROM flows) f WHERE f.token IS NOT NULL", noColumn),
		ana("an error that would show a value", "SELECT cast(token AS integer) FROM flows", noColumn),
		{"a function that reads files", "ana", says("SELECT * FROM read_text('/etc/passwd')"), "InvalidRequestException", "line 1:"},
		{"a file's name as a table", "ana", says("SELECT * FROM '/etc/passwd'"), "InvalidRequestException", "line 1:"},
		ana("a function of the engine's settings", "SELECT current_setting('memory_limit')", "FUNCTION_NOT_FOUND"),
		{"the engine's own catalog", "ana", says("SELECT * FROM duckdb_tables()"), "InvalidRequestException", "line 1:"},
		{"two statements", "ana", says("SELECT 1; SELECT 2"), "InvalidRequestException", "line 1:"},
	}
}

// rowRefusals are of those to whom rows or whole tables are hidden: ben may read three columns of the rows of port 443.
func rowRefusals(w *world) []forbidden {
	as := func(who, claim, text, words string) forbidden {
		return forbidden{claim, who, says(text), statementFailed, words}
	}
	return []forbidden{
		as("ben", "the column by which rows are partitioned", "SELECT day FROM flows", noColumn),
		as("ben", "a row filter's column beside those granted", "SELECT token FROM flows WHERE dstport = 22", noColumn),
		as("ben", "a partition's predicate, whose absence would tell", "SELECT srcaddr FROM flows WHERE day = '2026-01-01'", noColumn),
		as("ben", "a view over a table of which rows are hidden", "SELECT * FROM plain", "TABLE_NOT_FOUND"),
		as("dan", "rows of a table that one may know of", "SELECT srcaddr FROM flows", "Insufficient Lake Formation permission(s): Required Select on flows"),
		as("dan", "the number of rows of a table that one may know of", "SELECT count(*) FROM flows", "Required Select on flows"),
		as("dan", "a table that one may not know of", "SELECT * FROM private", "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.net.private' does not exist"),
		as("dan", "a table that is not there, told in the same words", "SELECT * FROM privato", "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.net.privato' does not exist"),
		as("lena", "a database that one may not know of", "SELECT * FROM net.flows", "SCHEMA_NOT_FOUND: line 1:15: Schema 'net' does not exist"),
		as("lena", "a database that is not there, told in the same words", "SELECT * FROM nett.flows", "SCHEMA_NOT_FOUND: line 1:15: Schema 'nett' does not exist"),
		as("ana", "a table of another database", "SELECT * FROM other.theirs", "SCHEMA_NOT_FOUND"),
		as("ana", "a table that is not granted, in a join", "SELECT 1 AS one FROM open JOIN private ON true", "TABLE_NOT_FOUND"),
		as("ana", "a table that is not granted, in a subquery that never runs", "SELECT 1 WHERE false AND EXISTS (SELECT 1 FROM private)", "TABLE_NOT_FOUND"),
		as("ana", "a table that is not granted, in a CTE that nobody reads", "WITH c AS (SELECT * FROM private) SELECT 1 AS one", "TABLE_NOT_FOUND"),
		as("ana", "a table that is granted, at a place that its reader may not read", "SELECT * FROM vaulted", "s3://vault"),
		as("adam", "a table of the data lake, by one whom IAM lets do everything", "SELECT * FROM net.flows", "SCHEMA_NOT_FOUND"),
	}
}

// definitionRefusals are of statements that show or change definitions.
func definitionRefusals(w *world) []forbidden {
	as := func(who, claim, text, words string) forbidden {
		return forbidden{claim, who, says(text), statementFailed, words}
	}
	return []forbidden{
		as("ana", "DESCRIBE of a hidden column", "DESCRIBE flows token", "has none of that name"),
		as("ana", "DESCRIBE of a hidden table", "DESCRIBE private", "Table not found net.private"),
		as("eve", "DESCRIBE of a table that is not granted", "DESCRIBE flows", "Database does not exist: net"),
		as("ana", "SHOW CREATE TABLE of a hidden table", "SHOW CREATE TABLE private", "Table not found net.private"),
		as("ben", "SHOW CREATE VIEW of a hidden view", "SHOW CREATE VIEW by_token", "Table not found net.by_token"),
		as("ana", "SHOW TBLPROPERTIES, whose words may be about hidden columns", "SHOW TBLPROPERTIES flows ('note')", "does not have the property note"),
		as("ben", "SHOW PARTITIONS by one to whom the keys are hidden", "SHOW PARTITIONS flows", "is not partitioned"),
		as("ana", "SHOW COLUMNS of a hidden table", "SHOW COLUMNS IN private", "Table not found"),
		as("lena", "SHOW TABLES of a hidden database", "SHOW TABLES IN net", "Database does not exist: net"),
		as("eve", "DROP TABLE of a hidden table", "DROP TABLE private", "Database does not exist: net"),
		as("lena", "DROP TABLE of a hidden table, with IAM's leave", "DROP TABLE net.private", "does not exist"),
		as("lena", "DROP DATABASE of a hidden database", "DROP DATABASE net CASCADE", "Database does not exist: net"),
		as("lena", "CREATE DATABASE without the grant", "CREATE DATABASE mine", "Required Create Database on Catalog"),
		as("lena", "CREATE TABLE in a hidden database", "CREATE EXTERNAL TABLE net.t (a int) LOCATION 's3://lake/flows/'", "Database does not exist: net"),
		as("ana", "CREATE VIEW, which would outlive the grant", "CREATE VIEW mine AS SELECT srcaddr FROM flows", "glue:CreateTable"),
		as("ana", "ALTER TABLE ADD PARTITION", "ALTER TABLE flows ADD PARTITION (day='2026-01-03') LOCATION 's3://vault/'", "glue:"),
		as("ana", "MSCK REPAIR TABLE, which lists objects", "MSCK REPAIR TABLE flows", ""),
		{"CREATE TABLE AS of what is hidden", "ana", says("CREATE TABLE mine WITH (external_location = 's3://results/ana/x/') AS SELECT token FROM flows"), "InvalidRequestException", "is not supported"},
		{"UNLOAD of what is hidden", "ana", says("UNLOAD (SELECT token FROM flows) TO 's3://results/ana/x/' WITH (format = 'PARQUET')"), "InvalidRequestException", "is not supported"},
		{"INSERT INTO from what is hidden", "ana", says("INSERT INTO open SELECT 1, token FROM flows"), "InvalidRequestException", "is not supported"},
		{"EXPLAIN of what is hidden", "ana", says("EXPLAIN SELECT token FROM flows"), "InvalidRequestException", "is not supported"},
		{"EXPLAIN ANALYZE of what is hidden", "ana", says("EXPLAIN ANALYZE SELECT token FROM flows"), "InvalidRequestException", "is not supported"},
		{"PREPARE of what is hidden", "ana", says("PREPARE p FROM SELECT token FROM flows"), "InvalidRequestException", "is not supported"},
		{"EXECUTE of a statement that somebody prepared", "ana", says("EXECUTE p USING 1"), "InvalidRequestException", "is not supported"},
	}
}

// resultRefusals are of what others' statements answered. w.ids has what ana asked.
func resultRefusals(w *world) []forbidden {
	w.remember("ana's", w.people["ana"], "SELECT srcaddr AS hers FROM flows")
	w.remember("root's", w.root, "SELECT token FROM flows")
	w.remember("ben's", w.people["ben"], "SELECT srcaddr FROM flows")
	start := func(text, place string, change ...func(*athena.StartQueryExecutionInput)) ask {
		in := &athena.StartQueryExecutionInput{QueryString: &text, ResultConfiguration: &athenatypes.ResultConfiguration{OutputLocation: &place}}
		for _, c := range change {
			c(in)
		}
		return call(athenaOf, (*athena.Client).StartQueryExecution, in)
	}
	used := func(in *athena.StartQueryExecutionInput) {
		in.ClientRequestToken = new("a-token-that-ana-has-used-before-anybody")
	}
	ok(w.t, start("SELECT 2 AS two", "s3://results/ana/", used)(w.t.Context(), w.people["ana"]))
	results := func(of string) ask {
		return call(athenaOf, (*athena.Client).GetQueryResults, &athena.GetQueryResultsInput{QueryExecutionId: new(w.ids[of])})
	}
	elsewhere := func(place string) ask {
		return func(ctx context.Context, p *actor) error {
			in := &athena.StartQueryExecutionInput{QueryString: new("SELECT 1 AS one"), ResultConfiguration: &athenatypes.ResultConfiguration{OutputLocation: &place}}
			return finished(ctx, p, in)
		}
	}
	return []forbidden{
		{"GetQueryResults of another's statement", "ben", results("ana's"), "AccessDeniedException", "s3:GetObject on resource: arn:aws:s3:::results/ana/" + w.ids["ana's"] + ".csv"},
		{"GetQueryResults of root's statement", "ana", results("root's"), "AccessDeniedException", "s3:GetObject on resource: arn:aws:s3:::results/root/"},
		{"GetQueryResults without Athena's leave", "bob", results("ana's"), "AccessDeniedException", "athena:GetQueryResults"},
		{"GetQueryExecution without Athena's leave", "bob", call(athenaOf, (*athena.Client).GetQueryExecution, &athena.GetQueryExecutionInput{QueryExecutionId: new(w.ids["root's"])}), "AccessDeniedException", "athena:GetQueryExecution"},
		{"the result file of another's statement", "ben", gets("results/ana/" + w.ids["ana's"] + ".csv"), "AccessDenied", "s3:GetObject"},
		{"the metadata file of another's statement", "ben", gets("results/ana/" + w.ids["ana's"] + ".csv.metadata"), "AccessDenied", "s3:GetObject"},
		{"stopping another's statement without Athena's leave", "bob", call(athenaOf, (*athena.Client).StopQueryExecution, &athena.StopQueryExecutionInput{QueryExecutionId: new(w.ids["root's"])}), "AccessDeniedException", "athena:StopQueryExecution"},
		{"a statement without Athena's leave", "bob", start("SELECT 1", "s3://results/bob/"), "AccessDeniedException", "athena:StartQueryExecution"},
		{"a result into another's folder", "ben", elsewhere("s3://results/ana/"), statementFailed, "s3://results/ana/"},
		{"a result into another bucket", "ben", elsewhere("s3://home/eve/"), "InvalidRequestException", "Unable to verify/create output bucket home"},
		{"a result where the bucket's policy denies", "adam", elsewhere("s3://vault/"), statementFailed, "Access denied when writing output to url"},
		{"another's result instead of one's own", "ben", start("SELECT srcaddr AS hers FROM flows", "s3://results/ben/", func(in *athena.StartQueryExecutionInput) {
			in.ResultReuseConfiguration = &athenatypes.ResultReuseConfiguration{ResultReuseByAgeConfiguration: &athenatypes.ResultReuseByAgeConfiguration{Enabled: true, MaxAgeInMinutes: new(int32(60))}}
		}), "InvalidRequestException", "ResultReuse"},
		{"another's statement by its token, with other words", "ben", start("SELECT 3 AS three", "s3://results/ben/", used), "InvalidRequestException", "dempotent"},
		{"another's statement by its token, with its words", "ben", start("SELECT 2 AS two", "s3://results/ana/", used), "InvalidRequestException", "dempotent"},
		{"a statement in a workgroup that is not there", "ben", start("SELECT 1", "s3://results/ben/", func(in *athena.StartQueryExecutionInput) { in.WorkGroup = new("others") }), "InvalidRequestException", "WorkGroup"},
		{"values in a statement's place holders", "ana", start("SELECT ?", "s3://results/ana/", func(in *athena.StartQueryExecutionInput) {
			in.ExecutionParameters = []string{"(SELECT token FROM net.flows)"}
		}), "InvalidRequestException", ""},
		{"GetTableMetadata of a hidden table", "ana", call(athenaOf, (*athena.Client).GetTableMetadata, &athena.GetTableMetadataInput{CatalogName: new("AwsDataCatalog"), DatabaseName: new("net"), TableName: new("private")}), "MetadataException", "private"},
		{"GetDatabase of a hidden database", "lena", call(athenaOf, (*athena.Client).GetDatabase, &athena.GetDatabaseInput{CatalogName: new("AwsDataCatalog"), DatabaseName: new("net")}), "MetadataException", "net"},
		{"the metadata of another catalog", "ana", call(athenaOf, (*athena.Client).GetDatabase, &athena.GetDatabaseInput{CatalogName: new("999999999999"), DatabaseName: new("net")}), "InvalidRequestException", ""},
		{"a prepared statement", "ana", call(athenaOf, (*athena.Client).GetPreparedStatement, &athena.GetPreparedStatementInput{StatementName: new("p"), WorkGroup: new("primary")}), "UnknownOperationException", "GetPreparedStatement"},
	}
}

// finished runs a statement to its end.
func finished(ctx context.Context, p *actor, in *athena.StartQueryExecutionInput) error {
	started, err := athenaOf(p).StartQueryExecution(ctx, in)
	if err != nil {
		return err
	}
	request, _ := requestIDOf(started.ResultMetadata)
	_, err = ended(ctx, p, *started.QueryExecutionId, request)
	return err
}

// remember runs a statement of somebody's and keeps its id.
func (w *world) remember(name string, p *actor, text string) {
	e, err := execution(w.t.Context(), p, text)
	ok(w.t, err)
	w.ids[name] = *e.QueryExecutionId
}

// testAnswers asks for what may be asked, and looks at what the answer leaves out.
func (w *world) testAnswers(t *testing.T) {
	for _, row := range []struct{ claim, as, text, want string }{
		{"a star is the granted columns", "ana", "SELECT * FROM flows ORDER BY srcaddr", "10.0.0.1|100|2026-01-01\n10.0.0.2|0|2026-01-01\n10.0.0.3|30|2026-01-02"},
		{"a star of a subquery is the granted columns", "ana", "SELECT x.* FROM (SELECT * FROM flows) x WHERE bytes = 100", "10.0.0.1|100|2026-01-01"},
		{"a view over what is granted is read", "ana", "SELECT * FROM plain WHERE bytes = 0", "10.0.0.2|0"},
		{"information_schema has the granted columns", "ana", "SELECT column_name FROM information_schema.columns WHERE table_name = 'flows' ORDER BY ordinal_position", "srcaddr\nbytes\nday"},
		{"information_schema has the granted tables", "ana", "SELECT table_name FROM information_schema.tables WHERE table_schema = 'net' ORDER BY 1", "by_token\nflows\nmisled_account\nmisled_resource\nmisled_service\nopen\nplain\nvaulted"},
		{"information_schema has the granted databases", "ana", "SELECT schema_name FROM information_schema.schemata WHERE schema_name = 'other'", ""},
		{"information_schema has nothing for one who has nothing", "lena", "SELECT count(*) FROM information_schema.columns WHERE table_schema = 'net'", "0"},
		{"SHOW TABLES has the granted tables", "ben", "SHOW TABLES", "flows"},
		{"SHOW DATABASES has none for one who has nothing", "lena", "SHOW DATABASES", ""},
		{"a filter's rows are all there are", "ben", "SELECT * FROM flows", "10.0.0.1|443|100"},
		{"a predicate that contradicts the filter finds nothing", "ben", "SELECT count(*) FROM flows WHERE dstport <> 443", "0"},
		{"a predicate that is always true finds no hidden row", "ben", "SELECT count(*) FROM flows WHERE dstport = 443 OR true", "1"},
		{"a division by zero on a hidden row does not happen", "ben", "SELECT 100/bytes FROM flows", "1"},
		{"a division by zero on a hidden row does not happen in a predicate", "ben", "SELECT count(*) FROM flows WHERE 1/bytes >= 0", "1"},
		{"a cast that fails on a hidden row does not happen", "ben", "SELECT count(*) FROM flows WHERE cast(split_part(srcaddr, '.', 4) AS integer) = 1 AND 1/(bytes - 30) < 5", "1"},
		{"a join with itself finds no hidden row", "ben", "SELECT count(*) FROM flows a JOIN flows b ON a.dstport <> b.dstport", "0"},
		{"an aggregate has no hidden row", "ben", "SELECT min(bytes), max(srcaddr), count(DISTINCT dstport) FROM flows", "100|10.0.0.1|1"},
		{"a CTE has no hidden row", "ben", "WITH c AS (SELECT * FROM flows) SELECT count(*) FROM c", "1"},
		{"a UNION has no hidden row", "ben", "SELECT srcaddr FROM flows UNION SELECT srcaddr FROM net.flows", "10.0.0.1"},
		{"a comment does not end the filter", "ben", "SELECT count(*) FROM flows /* ) */ WHERE true -- ) OR true", "1"},
	} {
		t.Run(row.claim, func(t *testing.T) {
			p := w.person(t, row.as)
			e, err := execution(t.Context(), p, row.text)
			ok(t, err)
			page, err := athenaOf(p).GetQueryResults(t.Context(), &athena.GetQueryResultsInput{QueryExecutionId: e.QueryExecutionId})
			ok(t, err)
			var lines []string
			for i, r := range page.ResultSet.Rows {
				if i == 0 && e.StatementType == athenatypes.StatementTypeDml {
					continue
				}
				var cells []string
				for _, d := range r.Data {
					cells = append(cells, str(d.VarCharValue))
				}
				lines = append(lines, strings.TrimSpace(strings.Join(cells, "|")))
			}
			if got := strings.Join(lines, "\n"); got != row.want {
				t.Errorf("%s: %s\n got %q\nwant %q", row.as, row.text, got, row.want)
			}
			if row.as == "ben" && *e.Statistics.DataScannedInBytes != 0 {
				t.Errorf("the bytes that were read tell of hidden rows: %d", *e.Statistics.DataScannedInBytes)
			}
		})
	}
}
