package query

import (
	"context"
	"time"
)

// Engine runs one translated query over local files. Its implementations are query/duckdb, and later
// query/trino.
type Engine interface {
	// Run executes the job and writes its rows to job.Output. When ctx ends, the work is killed at
	// once and ctx's error is returned. It returns a fault.Invalid error for what the data or the
	// query did (a division by zero, a cast that fails), in the engine's words made Athena's;
	// fault.Limit when the memory bound was reached; anything else is Internal.
	Run(ctx context.Context, job Job) (Result, error)
}

// Job is one query for an Engine.
type Job struct {
	SQL       string        `json:"sql"`       // in the engine's dialect; tables are named by Scan.Name, or their barriers' names
	Scans     []Scan        `json:"scans"`     // what those names stand for
	Output    string        `json:"output"`    // the file to create: Athena's CSV with its header line
	Started   time.Time     `json:"started"`   // what now() and current_timestamp answer
	MaxMemory int64         `json:"maxMemory"` // bytes beyond the engine's own baseline; 0 takes the default
	MaxTime   time.Duration `json:"maxTime"`   // 0 is no bound
	// Columns are the output's columns when the front end knows them: the header's labels and what Result
	// describes. Nil leaves both to the engine.
	Columns []ResultColumn `json:"columns,omitempty"`
}

// Format is how the files of a Scan are read.
type Format string

// The formats that an engine reads.
const (
	Parquet   Format = "parquet"
	Delimited Format = "delimited" // LazySimpleSerDe: one-byte delimiter, no quoting
	CSV       Format = "csv"       // OpenCSVSerde: quotes and escapes
	Grok      Format = "grok"
	Regex     Format = "regex"
	JSON      Format = "json" // OpenX and Hive JSON SerDes
)

// Scan is one table as a query reads it, its partitions already pruned.
type Scan struct {
	Name       string            `json:"name"`
	Format     Format            `json:"format"`
	Library    string            `json:"library"`    // the SerDe's class: OpenX and Hive differ in detail
	Parameters map[string]string `json:"parameters"` // the table's and its SerDe's, merged
	Columns    []ScanColumn      `json:"columns"`    // all data columns, in the table's order
	Keys       []ScanColumn      `json:"keys"`       // partition keys
	Inputs     []Input           `json:"inputs"`
	Barrier    *Barrier          `json:"barrier,omitempty"` // nil: the statement reads the scan itself
}

// Barrier hides a part of a scan from the job's statement. The engine runs SQL, which names the scan and nothing else,
// before it looks at that statement, keeps the rows as a table called Name, and forgets the scan. A failure of SQL is told
// without what it read.
type Barrier struct {
	Name string `json:"name"`
	SQL  string `json:"sql"`
}

// ScanColumn is a column of a Scan. Read is false when the query never names it: an engine need not
// decode it, and reads NULL there.
type ScanColumn struct {
	Name string `json:"name"`
	Type string `json:"type"` // Hive type
	Read bool   `json:"read"`
}

// Input is the files of one partition, or of an unpartitioned table.
type Input struct {
	Values []string    `json:"values"` // one for each key, as the catalogue spells it
	Files  []InputFile `json:"files"`
}

// InputFile is one object as a local file that does not change while the query runs.
type InputFile struct {
	Path string `json:"path"` // local
	URL  string `json:"url"`  // s3://bucket/key: what errors and "$path" say
	Size int64  `json:"size"`
}

// Result says what a finished job produced.
type Result struct {
	Columns []ResultColumn `json:"columns"`
	Rows    int64          `json:"rows"`
	// Unmatched counts the text lines that did not fit their table's SerDe and became rows of NULLs.
	Unmatched int64 `json:"unmatched"`
}

// ResultColumn describes a column as Athena's ResultSetMetadata does.
type ResultColumn struct {
	Name      string `json:"name"`
	Type      string `json:"type"` // Athena's name: varchar, bigint, timestamp, row …
	Precision int32  `json:"precision"`
	Scale     int32  `json:"scale"`
	Nullable  string `json:"nullable"` // UNKNOWN
}
