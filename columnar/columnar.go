// Package columnar turns the bytes of table files into Arrow record batches, and tells what is in a
// Parquet file without reading its data: Hive types, text decoders (delimited, CSV, JSON, lines
// taken apart by a matcher), and Parquet footers.
//
// It decodes only the columns that a caller reads. It never decides which files belong to a table,
// never runs a query, and knows of no database; compiled Grok and regular expressions come to it as a
// function.
package columnar
