package catalog

import "strings"

// exportTest is the object that a CloudWatch Logs export writes to see whether it may.
const exportTest = "aws-logs-write-test"

// IsData reports whether an object belongs to the data of a table or partition below whose location it
// lies; relative is its key without the location. Hive's readers skip names that begin with "_" or
// ".", also of folders; a key that ends with "/" marks a folder; aws-logs-write-test is what an export
// leaves beside its data, and holds no record.
//
// Differs from AWS: Athena reads aws-logs-write-test as a row when it lies in a table's folder.
func IsData(relative string) bool {
	if relative == "" || strings.HasSuffix(relative, "/") {
		return relative == "" // the location is the object itself
	}
	last := ""
	for last = range strings.SplitSeq(relative, "/") {
		if strings.HasPrefix(last, "_") || strings.HasPrefix(last, ".") {
			return false
		}
	}
	return last != exportTest && !strings.HasSuffix(last, "_$folder$")
}
