package formation

// Permission is one of Lake Formation's permissions, as its API spells it.
type Permission string

// The permissions.
//
// Source: Lake Formation developer guide, "Lake Formation permissions reference".
const (
	All                Permission = "ALL" // "Super": everything that the resource's kind knows
	Select             Permission = "SELECT"
	Alter              Permission = "ALTER"
	Drop               Permission = "DROP"
	Delete             Permission = "DELETE"
	Insert             Permission = "INSERT"
	Describe           Permission = "DESCRIBE"
	CreateDatabase     Permission = "CREATE_DATABASE"
	CreateTable        Permission = "CREATE_TABLE"
	DataLocationAccess Permission = "DATA_LOCATION_ACCESS"
	CreateTag          Permission = "CREATE_LF_TAG"
	Associate          Permission = "ASSOCIATE"
	GrantWithTags      Permission = "GRANT_WITH_LF_TAG_EXPRESSION"
	CreateExpression   Permission = "CREATE_LF_TAG_EXPRESSION"
)

// Kind is what a Resource is.
type Kind uint8

// The kinds of resources.
const (
	OfCatalog       Kind = iota + 1 // the data catalogue itself
	OfDatabase                      // Database
	OfTable                         // Database and Table
	OfAllTables                     // Database: every table in it, also later ones
	OfColumns                       // Database, Table, and Columns or (AllColumns but Excluded)
	OfCells                         // Database, Table and Filter
	OfLocation                      // Location
	OfTag                           // Tag
	OfTagPolicy                     // Policy
	OfTagExpression                 // Expression
)

// Resource is what a permission is on. Names are lower case.
type Resource struct {
	Kind       Kind
	Database   string
	Table      string
	Columns    []string
	AllColumns bool
	Excluded   []string   // of AllColumns
	Filter     string     // a data cells filter's name
	Location   string     // an ARN: "arn:aws:s3:::bucket/prefix"
	Tag        Tag        // the values that it speaks of; none: all
	Policy     *TagPolicy // what has these tags
	Expression string     // a saved expression's name
}

// Tag is an LF-tag's key with values: all that it may have, or those that are meant.
type Tag struct {
	Key    string   `json:"key"`
	Values []string `json:"values"`
}

// TagPolicy is every database, or every table and column, whose tags meet an expression.
type TagPolicy struct {
	Tables     bool   `json:"tables,omitempty"`     // tables and their columns; otherwise databases
	Expression []Tag  `json:"expression,omitempty"` // each key with one of its values
	Name       string `json:"name,omitempty"`       // of a saved expression, instead
}

// Catalog is the data catalogue itself.
func Catalog() Resource { return Resource{Kind: OfCatalog} }

// InDatabase is a database.
func InDatabase(name string) Resource { return Resource{Kind: OfDatabase, Database: name} }

// OnTable is a table or a view.
func OnTable(database, table string) Resource {
	return Resource{Kind: OfTable, Database: database, Table: table}
}

// AtLocation is a place in S3, by its ARN or as s3://bucket/prefix/.
func AtLocation(place string) Resource { return Resource{Kind: OfLocation, Location: place} }
