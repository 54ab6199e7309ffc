package lakeformation

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"flowlake/fault"
)

// maxPage is the longest page, and that of a request which does not say. Source: Lake Formation API reference.
const maxPage = 1000

// page cuts a list: those of it that a token goes on at, and the token of what is left. question is what the list is of: a
// token goes on with its own question alone.
//
// A list may change between its pages: an entry that is new may be left out then, and none is shown twice but for one
// that moved behind a new one.
func page[T any](list []T, token *string, max *int32, question ...any) ([]T, *string, error) {
	limit := maxPage
	if max != nil {
		if *max < 1 || *max > maxPage {
			return nil, nil, fault.Newf(fault.Invalid, "member MaxResults", "%d is not between 1 and %d", *max, maxPage)
		}
		limit = int(*max)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", question))
	own := hex.EncodeToString(sum[:8])
	from := 0
	if text(token) != "" {
		data, err := base64.RawURLEncoding.DecodeString(*token)
		of, at, _ := strings.Cut(string(data), ":")
		n, failed := strconv.Atoi(at)
		if err != nil || failed != nil || of != own || n < 0 {
			return nil, nil, fault.Newf(fault.Invalid, "member NextToken", "is not a token of this listing")
		}
		from = min(n, len(list))
	}
	list = list[from:]
	if len(list) <= limit {
		return list, nil, nil
	}
	next := base64.RawURLEncoding.EncodeToString([]byte(own + ":" + strconv.Itoa(from+limit)))
	return list[:limit], &next, nil
}
