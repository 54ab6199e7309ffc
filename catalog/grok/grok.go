// Package grok compiles Grok patterns as Glue's custom classifiers have them, matches them against lines,
// and explains, as the classifier doctor, why lines do not match and which pattern would.
//
// A pattern is searched for anywhere in the line unless it begins with ^ or ends with $. Matching takes
// time linear in the line for every pattern. The package never decides what a table looks like and
// never converts a value to its type: it says which bytes belong to which field.
package grok

// Field is a column that a pattern yields.
type Field struct {
	Name string `json:"name"` // in lower case, as columns are
	Type string `json:"type"` // a Hive type: "string", "int", "bigint"
}
