//go:build duckdb_arrow

package duckdb

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"

	"flowlake/columnar"
	"flowlake/fault"
)

// parquet is the view's body over Parquet files. Files whose schemas call for the same expressions are read
// together; DuckDB pushes projections and filters into its reader through the casts.
func (t *table) parquet(p *places) (string, error) {
	type reading struct {
		link, columns string
		text          bool
	}
	var files []placed
	for _, u := range t.units {
		files = append(files, u.files...)
	}
	read := make([]reading, len(files))
	var group errgroup.Group
	group.SetLimit(2 * runtime.NumCPU()) // footers are waited for as much as they are worked on
	for i, f := range files {
		group.Go(func() error {
			footer, err := readFooter(f)
			if err != nil {
				return err
			}
			columns, text, err := t.expressions(footer)
			read[i] = reading{link: f.link, columns: columns, text: text}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return "", err
	}
	type kind struct {
		columns string
		text    bool
	}
	var order []kind
	links := map[kind][]string{}
	for _, r := range read {
		k := kind{r.columns, r.text}
		if links[k] == nil {
			order = append(order, k)
		}
		links[k] = append(links[k], literal(r.link))
	}
	parts := make([]string, len(order))
	for i, k := range order {
		options := ", hive_partitioning = false"
		if len(t.units) > 1 {
			options += ", filename = " + literal(fileColumn)
		}
		if k.text {
			options += ", binary_as_string = true"
		}
		parts[i] = fmt.Sprintf("SELECT %s FROM read_parquet([%s]%s)", k.columns, strings.Join(links[k], ", "), options)
	}
	return strings.Join(parts, " UNION ALL "), nil
}

func readFooter(f placed) (*columnar.Parquet, error) {
	file, err := os.Open(f.link)
	if err != nil {
		return nil, fault.Newf(fault.Unavailable, "file "+f.URL, "cannot be opened")
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fault.Newf(fault.Unavailable, "file "+f.URL, "cannot be opened")
	}
	return columnar.ReadParquet(f.URL, file, info.Size())
}

// expressions is the select list that reads the table's columns from a file. text says that bytes without
// annotation are to be read as text.
func (t *table) expressions(p *columnar.Parquet) (list string, text bool, err error) {
	found := make([]columnar.ParquetColumn, len(t.Columns))
	for j, c := range t.Columns {
		if !c.Read {
			continue
		}
		column, ok := p.Column(c.Name)
		if !ok {
			continue
		}
		if !readable(column, t.types[j]) {
			return "", false, fault.Newf(fault.Invalid, "HIVE_BAD_DATA", "Field %s's type %s in parquet file %s is incompatible with type %s defined in table schema",
				column.Name, column.Physical, p.Name, t.types[j])
		}
		found[j] = column
		text = text || t.types[j].Text() && !column.Text
	}
	list = t.list(func(j int) string {
		c := found[j]
		if c.Name == "" {
			return "CAST(NULL AS " + duckType(t.types[j]) + ")"
		}
		return convert(c, t.types[j], text)
	}, unitOfFile)
	return list, text, nil
}

// readable reports whether Athena reads a file's column as that type.
func readable(c columnar.ParquetColumn, want columnar.Type) bool {
	have := c.Type.Kind
	integer := have >= columnar.TinyInt && have <= columnar.BigInt
	switch want.Kind {
	case columnar.TinyInt, columnar.SmallInt, columnar.Int, columnar.BigInt:
		return integer || have == columnar.Decimal && c.Type.Scale == 0
	case columnar.Float:
		return have == columnar.Float
	case columnar.Double:
		return have == columnar.Float || have == columnar.Double
	case columnar.Decimal:
		return have == columnar.Decimal || integer
	case columnar.String, columnar.Varchar, columnar.Char:
		return have == columnar.String || have == columnar.Binary
	case columnar.Binary:
		return have == columnar.Binary || have == columnar.String
	case columnar.Array:
		return have == columnar.Array && nestedReadable(*c.Type.Elem, *want.Elem)
	case columnar.Map:
		return have == columnar.Map && nestedReadable(*c.Type.Key, *want.Key) && nestedReadable(*c.Type.Elem, *want.Elem)
	case columnar.Struct:
		return nestedReadable(c.Type, want)
	}
	return have == want.Kind
}

// nestedReadable is readable below the top. Fields of structs go by name; those that a file lacks are NULL.
func nestedReadable(have, want columnar.Type) bool {
	if want.Kind != columnar.Struct {
		return readable(columnar.ParquetColumn{Type: have}, want)
	}
	if have.Kind != columnar.Struct {
		return false
	}
	for _, w := range want.Fields {
		for _, h := range have.Fields {
			if strings.EqualFold(w.Name, h.Name) && !nestedReadable(h.Type, w.Type) {
				return false
			}
		}
	}
	return true
}

// convert is the expression that reads a file's column as the table's type: the column itself when
// nothing is to be done, so that filters reach the reader.
func convert(c columnar.ParquetColumn, want columnar.Type, text bool) string {
	column := name(c.Name)
	plain := c.Type.String() == want.String()
	switch want.Kind {
	case columnar.String:
		if c.Text || text {
			return column
		}
		return "decode(" + column + ")"
	case columnar.Varchar, columnar.Char:
		return fmt.Sprintf("left(%s, %d)", column, want.Length)
	case columnar.Binary:
		if c.Text || text {
			return "encode(" + column + ")"
		}
		return column
	case columnar.Timestamp: // nanoseconds and instants are types of their own
		return "CAST(" + column + " AS TIMESTAMP)"
	}
	if plain && !c.Unsigned {
		return column
	}
	return "CAST(" + column + " AS " + duckType(want) + ")"
}
