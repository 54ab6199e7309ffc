package iam

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"flowlake/fault"
)

// defaultPage is what a page holds where the request does not say; maxPage the most that it may say.
//
// Source: IAM API reference, "MaxItems" of each List operation.
const (
	defaultPage = 100
	maxPage     = 1000
)

// cursor is what a Marker carries: the name to go on after, and the listing that it was made for.
type cursor struct {
	For   string `json:"f"`
	After string `json:"a"`
}

// page cuts one page out of a whole listing: what comes after marker in the order of name, at most most elements.
// listing tells one question from another, so that a marker is good for its own alone; as it is a name and no number,
// what is made or deleted between two pages moves nothing else. The page is never nil: AWS writes empty lists.
func page[T any](listing string, all []T, name func(T) string, marker *string, most *int32) ([]T, bool, *string, error) {
	size := defaultPage
	if most != nil {
		if *most < 1 || *most > maxPage {
			return nil, false, nil, fault.Newf(fault.Invalid, "member maxItems", "Value '%d' at 'maxItems' failed to satisfy constraint: Member must be between 1 and %d", *most, maxPage)
		}
		size = int(*most)
	}
	sum := sha256.Sum256([]byte(listing))
	c := cursor{For: hex.EncodeToString(sum[:8])}
	after := ""
	if marker != nil {
		var given cursor
		data, err := base64.RawURLEncoding.DecodeString(*marker)
		if err == nil {
			err = json.Unmarshal(data, &given)
		}
		if err != nil || given.For != c.For || given.After == "" {
			return nil, false, nil, fault.Newf(fault.Invalid, "member marker", "Invalid Marker: it is not one of this listing")
		}
		after = given.After
	}
	all = slices.SortedFunc(slices.Values(all), func(a, b T) int { return cmp.Compare(name(a), name(b)) })
	if after != "" {
		start, found := slices.BinarySearchFunc(all, after, func(t T, after string) int { return cmp.Compare(name(t), after) })
		if found {
			start++
		}
		all = all[start:]
	}
	if len(all) <= size {
		return append(make([]T, 0, len(all)), all...), false, nil, nil
	}
	all = all[:size]
	c.After = name(all[size-1])
	data, err := json.Marshal(c)
	if err != nil {
		return nil, false, nil, fmt.Errorf("marker: %w", err)
	}
	next := base64.RawURLEncoding.EncodeToString(data)
	return all, true, &next, nil
}
