//go:build duckdb_arrow

package duckdb

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
	_ "github.com/duckdb/duckdb-go/v2"

	"flowlake/columnar"
	"flowlake/columnar/parquet"
)

// TestParquetPages has DuckDB read chunks of several pages of each encoding, some of which have nothing but NULLs.
func TestParquetPages(t *testing.T) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var columns []columnar.Column
	for i, of := range []string{"string", "string", "bigint", "double"} { // a dictionary, plain text, deltas, plain words
		of, err := columnar.ParseType(of)
		if err != nil {
			t.Fatal(err)
		}
		columns = append(columns, columnar.Column{Name: fmt.Sprintf("c%d", i), Type: of})
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "pages.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const rows, values = 3_000_000, 900_000
	w, err := parquet.NewWriter(f, columns, parquet.Options{RowGroupRows: rows, RowGroupBytes: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	for i := range int64(rows) {
		if i < values {
			w.Column(0).Text(fmt.Appendf(nil, "10.0.%d.%d", i%40, i%251))
			w.Column(1).Text(fmt.Appendf(nil, "unique value %d", i))
			w.Column(2).Int(i*1_000_000 + i%997*1000)
			w.Column(3).Float(float64(i) / 3)
		}
		w.EndRow()
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var all, wrong int
	if err := db.QueryRow(fmt.Sprintf(`SELECT count(*), count(*) FILTER (WHERE CASE WHEN i < %d THEN c0 = '10.0.' || (i %% 40) || '.' || (i %% 251)
		AND c1 = 'unique value ' || i AND c2 = i * 1000000 + i %% 997 * 1000 AND c3 = i / 3.0::DOUBLE ELSE coalesce(c0, c1, c2::VARCHAR, c3::VARCHAR) IS NULL END IS NOT TRUE)
		FROM (SELECT file_row_number AS i, * FROM read_parquet('%s', file_row_number = true))`, values, f.Name())).Scan(&all, &wrong); err != nil {
		t.Fatal(err)
	}
	if all != rows || wrong != 0 {
		t.Errorf("%d of %d rows are read differently", wrong, all)
	}
	var encodings string
	if err := db.QueryRow("SELECT string_agg(encodings, '; ' ORDER BY column_id) FROM parquet_metadata('" + f.Name() + "')").Scan(&encodings); err != nil ||
		encodings != "PLAIN, RLE, RLE_DICTIONARY; PLAIN, RLE; RLE, DELTA_BINARY_PACKED; PLAIN, RLE" {
		t.Errorf("the encodings are %s, %v", encodings, err)
	}
}

// TestParquetWriter has DuckDB judge the files that columnar/parquet writes.
func TestParquetWriter(t *testing.T) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var columns []columnar.Column
	for _, c := range []struct{ name, of string }{{"n", "bigint"}, {"flag", "boolean"}, {"tiny", "tinyint"}, {"small", "smallint"}, {"port", "int"}, {"f", "float"}, {"d", "double"},
		{"addr", "string"}, {"uniq", "string"}, {"raw", "binary"}, {"day", "date"}, {"seen", "timestamp"}, {"d9", "decimal(9,2)"}, {"d18", "decimal(18,2)"}, {"d38", "decimal(38,2)"},
		{"random", "bigint"}, {"none", "string"}} {
		of, err := columnar.ParseType(c.of)
		if err != nil {
			t.Fatal(err)
		}
		columns = append(columns, columnar.Column{Name: c.name, Type: of})
	}
	const rows = 300_000
	for codec := parquet.Snappy; codec <= parquet.Uncompressed; codec++ {
		t.Run(codec.String(), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "judged.parquet")
			f, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			w, err := parquet.NewWriter(f, columns, parquet.Options{Compression: codec, RowGroupRows: 200_000, Bloom: []string{"n", "addr", "uniq", "d38"}, SortedBy: []string{"n"}, Metadata: map[string]string{"k": "v"}})
			if err != nil {
				t.Fatal(err)
			}
			for i := range int64(rows) {
				if i%7 != 0 { // the others are NULL in all columns but n
					w.Column(1).Bool(i%2 == 0)
					w.Column(2).Int(i%200 - 100)
					w.Column(3).Int(i % 30000)
					w.Column(4).Int(i % 65536)
					w.Column(5).Float(float64(i % 1000))
					w.Column(6).Float(float64(i) / 2)
					w.Column(7).Text(fmt.Appendf(nil, "10.0.%d.%d", i%40, i%251))
					w.Column(8).Text(fmt.Appendf(nil, "unique value number %d", i))
					w.Column(9).Text([]byte{byte(i), 0, 255})
					w.Column(10).Int(i % 5000)
					w.Column(11).Timestamp(i * 1_000_001)
					for c := 12; c <= 14; c++ {
						if !w.Column(c).Decimal(decimal128.FromI64(100_000 - i)) {
							t.Fatal("refused")
						}
					}
					w.Column(15).Int(int64(uint64(i) * 0x9E3779B97F4A7C15))
				}
				w.Column(0).Int(i)
				w.EndRow()
			}
			if _, err := w.Close(); err != nil {
				t.Fatal(err)
			}
			var wrong, all int
			from := "FROM read_parquet('" + path + "')"
			if err := db.QueryRow(`SELECT count(*), count(*) FILTER (WHERE CASE WHEN n % 7 = 0 THEN
				coalesce(flag::VARCHAR, tiny::VARCHAR, small::VARCHAR, port::VARCHAR, f::VARCHAR, d::VARCHAR, addr, uniq, raw::VARCHAR, day::VARCHAR, seen::VARCHAR, d9::VARCHAR, d18::VARCHAR, d38::VARCHAR, random::VARCHAR, none) IS NULL
				ELSE flag = (n % 2 = 0) AND tiny = n % 200 - 100 AND small = n % 30000 AND port = n % 65536 AND f = n % 1000 AND d = n / 2.0
				AND addr = '10.0.' || (n % 40) || '.' || (n % 251) AND uniq = 'unique value number ' || n AND octet_length(raw) = 3 AND day = DATE '1970-01-01' + (n % 5000)::INTEGER
				AND epoch_us(seen) = n * 1000001 AND d9 = (100000 - n) / 100.0 AND d18 = d9 AND d38 = d9 AND random IS NOT NULL AND none IS NULL END IS NOT TRUE) `+from).Scan(&all, &wrong); err != nil {
				t.Fatal(err)
			}
			if all != rows || wrong != 0 {
				t.Errorf("%d of %d rows are read differently", wrong, all)
			}
			// Questions that statistics and bloom filters answer for whole row groups.
			for _, row := range []struct {
				where string
				want  int
			}{
				{"n = 250001", 1}, {"n < 10", 10}, {"addr = '10.0.1.1'", 0}, {"uniq = 'unique value number 299998'", 1}, {"uniq = 'unique value number x'", 0}, {"d38 = -1999.98", 1},
				{"seen >= TIMESTAMP '1970-01-04 11:20:00' AND n > 299990", 0}, {"day = DATE '1970-01-02'", 0}, {"random = 0", 0}, {"none IS NOT NULL", 0},
			} {
				var got, scanned int
				if err := db.QueryRow("SELECT count(*) " + from + " WHERE " + row.where).Scan(&got); err != nil {
					t.Fatal(err)
				}
				// The same without statistics: the columns go through a table first.
				if err := db.QueryRow("WITH m AS MATERIALIZED (SELECT * " + from + ") SELECT count(*) FROM m WHERE " + row.where).Scan(&scanned); err != nil {
					t.Fatal(err)
				}
				if got != scanned || row.want > 0 && got != row.want {
					t.Errorf("%s: %d rows by statistics, %d by scanning", row.where, got, scanned)
				}
			}
			for query, want := range map[string]string{
				"SELECT DISTINCT typeof(seen) " + from: "TIMESTAMP",
				"SELECT stats_min_value || ' ' || stats_max_value || ' ' || stats_null_count FROM parquet_metadata('" + path + "') WHERE path_in_schema = 'port' AND row_group_id = 1": "0 65534 14286",
				"SELECT decode(value) FROM parquet_kv_metadata('" + path + "') WHERE decode(key) = 'k'":                                                                                "v",
				"SELECT count(DISTINCT row_group_id) FROM parquet_bloom_probe('" + path + "', 'uniq', 'unique value number 299998') WHERE NOT bloom_filter_excludes":                   "1",
			} {
				var got string
				if err := db.QueryRow(query).Scan(&got); err != nil || want != "" && got != want {
					t.Errorf("%s: %q, %v, want %q", query, got, err, want)
				}
			}
		})
	}
}
