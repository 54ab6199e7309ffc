package catalog

import "time"

// Column is a column of a table, or a partition key. Type is a Hive type as DDL spells it, in lower
// case ("bigint", "array<struct<a:int>>").
type Column struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Comment string `json:"comment,omitempty"`

	Parameters map[string]string `json:"parameters,omitempty"`
}

// SerDe says how the bytes of a table's files become rows.
type SerDe struct {
	Name       string            `json:"name,omitempty"`
	Library    string            `json:"library"` // the Java class name that Hive knows it by
	Parameters map[string]string `json:"parameters,omitempty"`
}

// Storage describes the files of a table or of one partition.
type Storage struct {
	Columns         []Column          `json:"columns"`
	Location        string            `json:"location"` // s3://bucket/prefix/
	InputFormat     string            `json:"inputFormat,omitempty"`
	OutputFormat    string            `json:"outputFormat,omitempty"`
	Compressed      bool              `json:"compressed,omitempty"`
	NumberOfBuckets int32             `json:"numberOfBuckets,omitempty"`
	SerDe           SerDe             `json:"serde"`
	BucketColumns   []string          `json:"bucketColumns,omitempty"`
	Parameters      map[string]string `json:"parameters,omitempty"`
	StoredAsSubDirs bool              `json:"storedAsSubDirectories,omitempty"`

	// What clients of Hive tables send along; kept and given back, without an effect here.
	SortColumns         []SortColumn      `json:"sortColumns,omitempty"`
	SkewedColumns       []string          `json:"skewedColumns,omitempty"`
	SkewedValues        []string          `json:"skewedValues,omitempty"`
	SkewedLocations     map[string]string `json:"skewedLocations,omitempty"`
	AdditionalLocations []string          `json:"additionalLocations,omitempty"`
}

// SortColumn is a column that a bucketed table's files are sorted by.
type SortColumn struct {
	Column    string `json:"column"`
	Ascending bool   `json:"ascending,omitempty"`
}

// Database is a name for tables. Names of databases, tables and columns are lower case.
type Database struct {
	Name        string            `json:"name"`
	Description string            `json:"description,omitempty"`
	Location    string            `json:"location,omitempty"`
	Parameters  map[string]string `json:"parameters,omitempty"`
	Created     time.Time         `json:"created"`

	// TableGrants are what new tables grant by default, in Lake Formation's terms: everything to AllowedPrincipals, or
	// nothing. Nil, in a database that is made or changed, leaves it to the account's settings or as it is.
	TableGrants []Grant `json:"tableGrants,omitempty"`
	// Closed says that TableGrants are none: databases made before there was Lake Formation have none written down, and are open.
	Closed bool `json:"closed,omitempty"`
}

// AllowedPrincipals are, in Lake Formation's terms, all that IAM allows.
const AllowedPrincipals = "IAM_ALLOWED_PRINCIPALS"

// Grant is a principal and what it may do.
type Grant struct {
	Principal   string   `json:"principal"`
	Permissions []string `json:"permissions,omitempty"`
}

// Kinds of tables, as Glue spells them in TableType.
const (
	ExternalTable = "EXTERNAL_TABLE"
	VirtualView   = "VIRTUAL_VIEW"
)

// Table is a table or a view in the catalogue.
type Table struct {
	Database         string            `json:"database"`
	Name             string            `json:"name"`
	Description      string            `json:"description,omitempty"`
	Owner            string            `json:"owner,omitempty"`
	Created          time.Time         `json:"created"`
	Updated          time.Time         `json:"updated"`
	CreatedBy        string            `json:"createdBy,omitempty"` // the principal's ARN
	LastAccess       time.Time         `json:"lastAccess,omitzero"`
	LastAnalyzed     time.Time         `json:"lastAnalyzed,omitzero"`
	Retention        int32             `json:"retention,omitempty"`
	Storage          Storage           `json:"storage"`
	PartitionKeys    []Column          `json:"partitionKeys,omitempty"`
	ViewOriginalText string            `json:"viewOriginalText,omitempty"` // what CREATE VIEW said, as Athena encodes it
	ViewExpandedText string            `json:"viewExpandedText,omitempty"`
	Kind             string            `json:"tableType,omitempty"` // ExternalTable or VirtualView
	Parameters       map[string]string `json:"parameters,omitempty"`
	Version          int64             `json:"version"`

	// Registered says that the table's location is one of Lake Formation's. It is told, not kept.
	Registered bool `json:"-"`
}

// Partition is one registered partition: a value for each partition key, and where its files are.
type Partition struct {
	Values     []string          `json:"values"`
	Storage    Storage           `json:"storage"`
	Parameters map[string]string `json:"parameters,omitempty"`
	Created    time.Time         `json:"created"`
	LastAccess time.Time         `json:"lastAccess,omitzero"`

	LastAnalyzed time.Time `json:"lastAnalyzed,omitzero"`
}
