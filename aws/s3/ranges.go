package s3

import (
	"strconv"
	"strings"
)

// span is a run of bytes: from first, n long.
type span struct{ first, n int64 }

// parseRange reads a Range header against an object's size. asked is false when there is none, and when it is not one that
// S3 heeds (several ranges, another unit, bad syntax): then the whole object is the answer. ok is false when no byte
// of the object lies in it.
func parseRange(header string, size int64) (s span, asked, ok bool) {
	spec, found := strings.CutPrefix(header, "bytes=")
	if !found {
		return span{0, size}, false, true
	}
	from, to, found := strings.Cut(strings.TrimSpace(spec), "-")
	first, ferr := position(from)
	last, lerr := position(to)
	switch {
	case !found, from == "" && to == "", from != "" && !ferr, to != "" && !lerr, from != "" && to != "" && first > last:
		return span{0, size}, false, true
	case from == "": // the last bytes
		n := min(last, size)
		return span{size - n, n}, true, n > 0
	case first >= size:
		return span{}, true, false
	case to == "" || last >= size:
		last = size - 1
	}
	return span{first, last - first + 1}, true, true
}

// position reads a number of digits alone. One that is too large for an int64 is the largest.
func position(s string) (n int64, ok bool) {
	if s == "" {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		n = 1<<63 - 1
	}
	return n, true
}

// contentRange is the Content-Range of a span of an object.
func (s span) contentRange(size int64) string {
	return "bytes " + strconv.FormatInt(s.first, 10) + "-" + strconv.FormatInt(s.first+s.n-1, 10) + "/" + strconv.FormatInt(size, 10)
}
