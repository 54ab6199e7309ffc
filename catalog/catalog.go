// Package catalog is the lake's table of contents: databases, tables, views, partitions and
// classifiers, in metadata only. It never reads an object and never decides how bytes become
// rows; crawler, below it, discovers, and query reads.
package catalog
