//go:build duckdb_arrow

package duckdb

import (
	"database/sql/driver"
	"fmt"

	duck "github.com/duckdb/duckdb-go/v2"

	"flowlake/query/sql/translate"
)

// scalars registers the functions that the translator's SQL and its prelude call and that are written in Go.
func (w *worker) scalars() error {
	for _, s := range translate.Scalars {
		f := &scalar{call: s.Call}
		for _, p := range s.Parameters {
			info, err := typeInfo(p)
			if err != nil {
				return fmt.Errorf("function %s: %w", s.Name, err)
			}
			f.config.InputTypeInfos = append(f.config.InputTypeInfos, info)
		}
		var err error
		if f.config.ResultTypeInfo, err = typeInfo(s.Result); err != nil {
			return fmt.Errorf("function %s: %w", s.Name, err)
		}
		if err := duck.RegisterScalarUDF(w.conn, s.Name, f); err != nil {
			return fmt.Errorf("function %s: %w", s.Name, err)
		}
	}
	return nil
}

// scalar is one of those functions as DuckDB's driver wants it.
type scalar struct {
	config duck.ScalarFuncConfig
	call   func(args []driver.Value) (any, error)
}

func (s *scalar) Config() duck.ScalarFuncConfig { return s.config }

func (s *scalar) Executor() duck.ScalarFuncExecutor {
	return duck.ScalarFuncExecutor{RowExecutor: s.call}
}

// typeInfo is the driver's description of a type by its name in SQL.
func typeInfo(name string) (duck.TypeInfo, error) {
	types := map[string]duck.Type{"VARCHAR": duck.TYPE_VARCHAR, "BIGINT": duck.TYPE_BIGINT, "INTEGER": duck.TYPE_INTEGER,
		"DOUBLE": duck.TYPE_DOUBLE, "BLOB": duck.TYPE_BLOB, "BOOLEAN": duck.TYPE_BOOLEAN, "HUGEINT": duck.TYPE_HUGEINT,
		"TIMESTAMP": duck.TYPE_TIMESTAMP, "TIMESTAMPTZ": duck.TYPE_TIMESTAMP_TZ, "DATE": duck.TYPE_DATE}
	t, ok := types[name]
	if !ok {
		return nil, fmt.Errorf("type %s has no equal in the driver", name)
	}
	return duck.NewTypeInfo(t)
}
