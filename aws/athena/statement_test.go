//go:build duckdb_arrow

package athena_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"flowlake/catalog"
	"flowlake/fault"
)

// TestStatements runs every kind of DDL and utility statement, and looks at what it answers.
func TestStatements(t *testing.T) {
	h := newHouse(t)
	h.bucket("data")
	h.do("default",
		`CREATE DATABASE IF NOT EXISTS Logs COMMENT 'the logs' LOCATION 's3://data/logs/' WITH DBPROPERTIES ('creator'='me')`,
		`CREATE SCHEMA IF NOT EXISTS logs`,
		"CREATE EXTERNAL TABLE logs.Events (`Date` string COMMENT 'the day', n int, d decimal(10,2), tags array<string>) COMMENT 'all of them' PARTITIONED BY (Year int, `hour` string COMMENT 'of the day') ROW FORMAT DELIMITED FIELDS TERMINATED BY '\\t' LOCATION 's3://data/events' TBLPROPERTIES ('owner'='me')",
		`CREATE EXTERNAL TABLE IF NOT EXISTS AwsDataCatalog.logs.events (a int) LOCATION 's3://data/events'`)
	h.want("default", "SHOW DATABASES", "default", "logs")
	h.want("default", "SHOW SCHEMAS LIKE 'l*|x'", "logs")
	h.want("LOGS", "SHOW TABLES", "events")
	h.want("default", "SHOW TABLES IN logs 'ev*'", "events")
	h.want("default", "SHOW TABLES IN logs 'x*'")
	h.want("default", "SHOW TABLES")
	h.want("logs", "SHOW COLUMNS IN events", "date                ", "n                   ", "d                   ", "tags                ", "year                ", "hour                ")
	h.want("default", "SHOW COLUMNS FROM events IN logs", "date                ", "n                   ", "d                   ", "tags                ", "year                ", "hour                ")
	pad := func(cells ...string) string {
		for i, c := range cells {
			cells[i] = fmt.Sprintf("%-20s", c)
		}
		return strings.Join(cells, "\t")
	}
	h.want("logs", "DESCRIBE events",
		pad("date", "string", "the day"), pad("n", "int", ""), pad("d", "decimal(10,2)", ""), pad("tags", "array<string>", ""), pad("year", "int", ""), pad("hour", "string", "of the day"),
		pad("", "", ""), pad("# Partition Information", "", ""), pad("# col_name", "data_type", "comment"), pad("", "", ""), pad("year", "int", ""), pad("hour", "string", "of the day"))
	h.want("logs", "DESCRIBE logs.events d", pad("d", "decimal(10,2)", ""))
	if got := flat(h.rows("logs", "DESCRIBE FORMATTED events")); !strings.Contains(got, "s3://data/events") || !strings.Contains(got, "LazySimpleSerDe") {
		t.Errorf("got %s", got)
	}
	h.want("logs", "SHOW TBLPROPERTIES events('owner')", "me")
	if got := flat(h.rows("logs", "SHOW TBLPROPERTIES events")); !strings.Contains(got, "EXTERNAL\tTRUE") || !strings.Contains(got, "comment\tall of them") {
		t.Errorf("got %s", got)
	}

	t.Run("SHOW CREATE TABLE makes the same table again", func(t *testing.T) {
		before, err := h.catalog.Table(t.Context(), h.root, "logs", "events")
		if err != nil {
			t.Fatal(err)
		}
		ddl := flat(h.rows("logs", "SHOW CREATE TABLE events"))
		h.do("logs", "DROP TABLE events", ddl)
		after, err := h.catalog.Table(t.Context(), h.root, "logs", "events")
		if err != nil {
			t.Fatal(err)
		}
		if a, b := shape(before), shape(after); a != b {
			t.Errorf("%s\nwas %s\nis  %s", ddl, a, b)
		}
	})
	t.Run("partitions", func(t *testing.T) {
		h.do("logs", "ALTER TABLE events ADD PARTITION (year=2022, `hour`='a:b') PARTITION (hour='01', year=2022) LOCATION 's3://elsewhere/x'",
			"ALTER TABLE events ADD IF NOT EXISTS PARTITION (year=2022, hour='01') PARTITION (year=2023, hour='01')")
		h.want("logs", "SHOW PARTITIONS events", "year=2022/hour=01", "year=2022/hour=a%3Ab", "year=2023/hour=01")
		h.want("logs", "SHOW PARTITIONS events PARTITION (hour='01')", "year=2022/hour=01", "year=2023/hour=01")
		h.want("logs", "SHOW PARTITIONS events PARTITION (year=2022)", "year=2022/hour=01", "year=2022/hour=a%3Ab")
		p, err := h.catalog.Partition(t.Context(), h.root, "logs", "events", []string{"2022", "a:b"})
		if err != nil || p.Storage.Location != "s3://data/events/year=2022/hour=a%3Ab" {
			t.Errorf("got %s, %v", p.Storage.Location, err)
		}
		s := h.fails("logs", "ALTER TABLE events ADD PARTITION (year=2024, hour='00') PARTITION (year=2022, hour='01')")
		if !strings.Contains(*s.StateChangeReason, "AlreadyExistsException(message:Partition already exists") {
			t.Errorf("got %s", *s.StateChangeReason)
		}
		if _, err := h.catalog.Partition(t.Context(), h.root, "logs", "events", []string{"2024", "00"}); !fault.Is(err, fault.NotFound) {
			t.Errorf("half of the statement was done: %v", err)
		}
		h.do("logs", "ALTER TABLE events DROP PARTITION (year=2022, hour='01'), PARTITION (year=2023)", "ALTER TABLE events DROP IF EXISTS PARTITION (year=1999)")
		h.want("logs", "SHOW PARTITIONS events", "year=2022/hour=a%3Ab")
	})
	t.Run("MSCK REPAIR takes k=v folders, and no others", func(t *testing.T) {
		for _, key := range []string{
			"year=2022/hour=a%3Ab/x", "year=2022/hour=02/x", "year=2022/hour=02/y", "year=2022/hour=한/x", "year=2022/hour=50%25/x", "YEAR=2025/hour=%zz/x",
			"year=2023/x", "year=2023/min=1/x", "year=2024/hour=/x", "_tmp/year=1/hour=1/x", "hour=1/year=2/x", "x", "year=2026/hour=1"} {
			h.put("data", "events/"+key, "1\n")
		}
		got := h.rows("logs", "MSCK REPAIR TABLE events")
		if len(got) != 5 || !strings.HasPrefix(got[0][0], "Partitions not in metastore:\tevents:") || !strings.HasPrefix(got[1][0], "Repair: Added partition to metastore events:") {
			t.Errorf("got %q", got)
		}
		h.want("logs", "SHOW PARTITIONS events", "year=2022/hour=02", "year=2022/hour=50%25", "year=2022/hour=a%3Ab", "year=2022/hour=한", "year=2025/hour=%25zz")
		h.want("logs", "MSCK REPAIR TABLE events")
	})
	t.Run("views", func(t *testing.T) {
		h.do("logs", "DROP TABLE events",
			"CREATE EXTERNAL TABLE nums (n int, s string) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION 's3://data/nums/'",
			"CREATE DATABASE other")
		h.put("data", "nums/a", "1,one\n2,two\n3,three\n")
		h.do("logs", "CREATE VIEW small AS SELECT n, upper(s) AS name FROM nums WHERE n < 3 -- the first two\n")
		h.do("other", "CREATE OR REPLACE VIEW renamed (a, b) COMMENT 'x' AS SELECT n, name FROM logs.small")
		h.want("default", "SELECT a, b FROM other.renamed ORDER BY a", "1|ONE", "2|TWO")
		h.do("logs", "CREATE OR REPLACE VIEW small AS SELECT n, s AS name FROM nums WHERE n > 1")
		h.want("default", "SELECT * FROM other.RENAMED ORDER BY 1 DESC", "3|three", "2|two")
		h.want("logs", "SHOW VIEWS", "small")
		h.want("logs", "SHOW TABLES", "nums", "small")
		h.want("logs", "SHOW VIEWS IN other LIKE 'r*'", "renamed")
		h.want("logs", "SHOW CREATE VIEW small", `CREATE VIEW "logs"."small" AS`, "SELECT n, s AS name FROM nums WHERE n > 1")
		view, err := h.catalog.Table(t.Context(), h.root, "other", "renamed")
		if err != nil || view.Kind != catalog.VirtualView || view.Parameters["presto_view"] != "true" || view.Storage.Columns[0].Name != "a" || view.Storage.Columns[0].Type != "int" || view.Storage.Columns[1].Type != "string" {
			t.Errorf("got %+v, %v", view, err)
		}
		for text, want := range map[string]string{
			"CREATE VIEW small AS SELECT 1 AS one":                        "exists already",
			"CREATE VIEW nums AS SELECT 1 AS one":                         "is a table",
			"CREATE OR REPLACE VIEW nums AS SELECT 1 AS one":              "is a table",
			"CREATE OR REPLACE VIEW small AS SELECT * FROM small":         "INVALID_VIEW",
			"CREATE OR REPLACE VIEW small AS SELECT * FROM other.renamed": "INVALID_VIEW",
			"CREATE VIEW v AS SELECT x FROM nums":                         "COLUMN_NOT_FOUND: line 1:25: Column 'x' cannot be resolved",
			"CREATE VIEW v (a) AS SELECT 1, 2":                            "names 1 columns, its query has 2",
			"CREATE VIEW v AS SELECT 1 AS a, 2 AS a":                      "the column a twice",
			"DROP VIEW nums":                                              "is a table: use DROP TABLE",
			"DROP TABLE small":                                            "is a view: use DROP VIEW",
			"SHOW CREATE TABLE small":                                     "is a view: use SHOW CREATE VIEW",
			"SHOW CREATE VIEW nums":                                       "is not a view",
			"CREATE VIEW nowhere.v AS SELECT 1 AS one":                    "Database does not exist: nowhere",
		} {
			if s := h.fails("logs", text); !strings.Contains(*s.StateChangeReason, want) {
				t.Errorf("%s\ngot  %s\nwant %s", text, *s.StateChangeReason, want)
			}
		}
		h.do("logs", "DROP VIEW other.renamed", "DROP VIEW IF EXISTS other.renamed", "DROP VIEW small")
	})
	t.Run("a database goes with what is in it", func(t *testing.T) {
		s := h.fails("default", "DROP DATABASE logs")
		if !strings.Contains(*s.StateChangeReason, "is not empty") {
			t.Errorf("got %s", *s.StateChangeReason)
		}
		h.do("default", "DROP DATABASE logs CASCADE", "DROP SCHEMA IF EXISTS logs", "DROP DATABASE other", "DROP TABLE IF EXISTS logs.nums")
		h.want("default", "SHOW DATABASES", "default")
	})
}

// shape is what a table's DDL says about it.
func shape(t catalog.Table) string {
	delete(t.Parameters, "transient_lastDdlTime")
	return fmt.Sprintf("%s.%s %s %+v %+v %+v", t.Database, t.Name, t.Kind, t.Storage, t.PartitionKeys, t.Parameters)
}

func TestFailures(t *testing.T) {
	h := newHouse(t)
	h.bucket("data")
	h.do("default", "CREATE DATABASE db",
		"CREATE EXTERNAL TABLE db.t (a int, b string) PARTITIONED BY (day date) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION 's3://data/t/'",
		"CREATE EXTERNAL TABLE db.u (a int, b string) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION 's3://data/u/'",
		"CREATE EXTERNAL TABLE db.p (a int) STORED AS PARQUET LOCATION 's3://data/p/'",
		"CREATE EXTERNAL TABLE db.projected (a int) PARTITIONED BY (day date) LOCATION 's3://data/u/' TBLPROPERTIES ('projection.enabled'='true')",
		"CREATE EXTERNAL TABLE db.gone (a int) LOCATION 's3://no-such-bucket/t/'")
	h.put("data", "u/a", "1,x\n0,y\n")
	h.put("data", "p/half.parquet", "PAR1 this is not Parquet")
	const task = "FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. "
	for _, tt := range []struct {
		name, text string
		kind       int32
		want       string
	}{
		{"a column that is not there", "SELECT c FROM db.u", 1006, "COLUMN_NOT_FOUND: line 1:8: Column 'c' cannot be resolved or requester is not authorized to access requested resources"},
		{"a table that is not there", "SELECT 1 FROM db.x", 1301, "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.db.x' does not exist"},
		{"a database that is not there", "SELECT 1 FROM nowhere.x", 1301, "SCHEMA_NOT_FOUND: line 1:15: Schema 'nowhere' does not exist"},
		{"a table of the default database", "SELECT 1 FROM x", 1301, "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.default.x' does not exist"},
		{"a catalog that is not there", "SELECT 1 FROM other.db.u", 1301, "CATALOG_NOT_FOUND: line 1:15: Catalog 'other' does not exist"},
		{"a function that is not there", "SELECT frob(a) FROM db.u", 1303, "FUNCTION_NOT_FOUND: line 1:8: Function 'frob' not registered"},
		{"types that do not fit", "SELECT 1 FROM db.u WHERE b = 1", 1002, ": Cannot apply operator: varchar = integer"},
		{"a division by zero", "SELECT 1/a FROM db.u", 1001, "DIVISION_BY_ZERO: Division by zero"},
		{"a cast that does not hold", "SELECT cast(b AS integer) FROM db.u", 1100, "INVALID_CAST_ARGUMENT: Cannot cast 'x' to INTEGER"},
		{"a file that is no Parquet", "SELECT a FROM db.p", 1001, "HIVE_CURSOR_ERROR: "},
		{"a bucket that is not there", "SELECT a FROM db.gone", 1306, "bucket no-such-bucket: does not exist"},
		{"a projection without its settings", "SELECT a FROM db.projected", 1000, "HIVE_METASTORE_ERROR: Table db.projected is configured for partition projection, but the following partition columns are missing projection configuration: [day]"},
		{"a database that is there", "CREATE DATABASE db", 1003, task + "Database db already exists"},
		{"a table that is there", "CREATE EXTERNAL TABLE db.u (a int) LOCATION 's3://data/u/'", 1003, task + "AlreadyExistsException(message:Table u already exists.)"},
		{"a table in no database", "CREATE EXTERNAL TABLE nowhere.u (a int) LOCATION 's3://data/u/'", 1301, "FAILED: SemanticException [Error 10072]: Database does not exist: nowhere"},
		{"a table to drop that is not there", "DROP TABLE db.x", 1301, "FAILED: SemanticException [Error 10001]: Table not found db.x"},
		{"a table to show that is not there", "SHOW CREATE TABLE x", 1301, "FAILED: SemanticException [Error 10001]: Table not found default.x"},
		{"a database to show that is not there", "SHOW TABLES IN nowhere", 1301, "FAILED: SemanticException [Error 10072]: Database does not exist: nowhere"},
		{"a database to drop that is not there", "DROP DATABASE nowhere", 1301, "FAILED: SemanticException [Error 10072]: Database does not exist: nowhere"},
		{"a location that is none", "CREATE EXTERNAL TABLE db.v (a int) LOCATION 'http://x'", 1003, "location http://x: is not of the form s3://bucket/key"},
		{"no location", "CREATE EXTERNAL TABLE db.v (a int)", 1003, "FAILED: no location was specified for table db.v: add LOCATION 's3://bucket/prefix/'"},
		{"a SerDe that is not there", "CREATE EXTERNAL TABLE db.v (a int) ROW FORMAT SERDE 'com.example.Mine' LOCATION 's3://data/v/'", 1200, "HIVE_UNSUPPORTED_FORMAT: table db.v is read by the SerDe com.example.Mine, which flowlake does not have"},
		{"a format that is not there", "CREATE EXTERNAL TABLE db.v (a int) STORED AS ORC LOCATION 's3://data/v/'", 1200, "flowlake does not read tables STORED AS ORC"},
		{"Parquet's format under a text SerDe", "CREATE EXTERNAL TABLE db.v (a int) STORED AS INPUTFORMAT 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat' OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat' LOCATION 's3://data/v/'", 1200, "HIVE_UNSUPPORTED_FORMAT: "},
		{"a partition key that is none", "ALTER TABLE db.t ADD PARTITION (dy='2022-08-29')", 1003, "FAILED: table db.t: has no partition key dy: its keys are day"},
		{"a partition value of another type", "ALTER TABLE db.t ADD PARTITION (day='2022/08/29')", 1001, "HIVE_INVALID_PARTITION_VALUE: Invalid partition value '2022/08/29' for DATE partition key day of table db.t: a date is written 2022-08-29"},
		{"a partition of a table without", "ALTER TABLE db.u ADD PARTITION (day='2022-08-29')", 1003, "FAILED: table db.u: is not partitioned"},
		{"a partition to drop that is not there", "ALTER TABLE db.t DROP PARTITION (day='2022-08-29')", 1301, "FAILED: SemanticException [Error 10006]: Partition not found (day='2022-08-29')"},
		{"partitions of a table without", "SHOW PARTITIONS db.u", 1003, "FAILED: table db.u: is not partitioned"},
		{"a repair of a table without", "MSCK REPAIR TABLE db.u", 1003, "is not partitioned"},
		{"a column to describe that is not there", "DESCRIBE db.u c", 1003, "FAILED: column c: table db.u has none of that name"},
		{"a property that is not there", "SHOW TBLPROPERTIES db.u('x')", 1003, "FAILED: table db.u: does not have the property x"},
		{"a pattern that is none", "SHOW TABLES IN db '('", 1003, "FAILED: pattern (: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := h.fails("default", tt.text)
			if got := *s.StateChangeReason; !strings.Contains(got, tt.want) || *s.AthenaError.ErrorType != tt.kind || *s.AthenaError.ErrorCategory != 2 || s.AthenaError.Retryable {
				t.Errorf("%s\ngot  %d/%d %s\nwant 2/%d %s", tt.text, *s.AthenaError.ErrorCategory, *s.AthenaError.ErrorType, got, tt.kind, tt.want)
			}
			if *s.AthenaError.ErrorMessage != aws.ToString(s.StateChangeReason) {
				t.Errorf("the two messages differ: %q", *s.AthenaError.ErrorMessage)
			}
		})
	}
	h.want("db", "SHOW TABLES", "gone", "p", "projected", "t", "u")
}
