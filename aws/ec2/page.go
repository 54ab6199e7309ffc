package ec2

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"flowlake/fault"
	"flowlake/vpc"
)

// cursor is what a NextToken carries: the place to go on after, and what it was made for.
type cursor struct {
	For   string `json:"f"`
	After string `json:"a"`
}

// listing is the question of a page.
type listing struct {
	vpc.Query
	name string // a hash of the operation and its filters: a token is good for it alone
}

// maxPage is the most that a page holds, and what it holds without MaxResults.
const maxPage = 1000

// page reads what the Describe operations have in common. least is the least MaxResults.
func page(operation string, ids []string, filters []types.Filter, most *int32, next *string, least int32) (listing, error) {
	l := listing{Query: vpc.Query{IDs: ids, Filters: make([]vpc.Filter, len(filters)), Max: maxPage}}
	for i, f := range filters {
		if text(f.Name) == "" {
			return l, missing("Filter.Name")
		}
		l.Filters[i] = vpc.Filter{Name: text(f.Name), Values: f.Values}
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %q %q", operation, ids, l.Filters))
	l.name = hex.EncodeToString(sum[:8])
	if most != nil {
		if len(ids) > 0 && least > 1 {
			return l, fault.Newf(fault.Invalid, "combination", "The parameter maxResults cannot be used with ids in %s", operation)
		}
		if *most < least || *most > maxPage {
			return l, fault.Newf(fault.Invalid, "member MaxResults", "Value ( %d ) for parameter maxResults is invalid. %d to %d are allowed.", *most, least, maxPage)
		}
		l.Max = int(*most)
	}
	if text(next) == "" {
		return l, nil
	}
	var c cursor
	data, err := base64.RawURLEncoding.DecodeString(*next)
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err != nil || c.For != l.name || c.After == "" {
		return l, fault.Newf(fault.Invalid, "member NextToken", "is not a token of this listing")
	}
	l.After = c.After
	return l, nil
}

// token is the next page's; nil at the end.
func (l listing) token(after string) *string {
	if after == "" {
		return nil
	}
	data, _ := json.Marshal(cursor{l.name, after})
	return to(base64.RawURLEncoding.EncodeToString(data))
}

// toTags writes tags in the order of their keys; never nil, as EC2 always has the element.
func toTags(tags vpc.Tags) []types.Tag {
	list := make([]types.Tag, 0, len(tags))
	for _, key := range slices.SortedFunc(maps.Keys(tags), cmp.Compare) {
		list = append(list, types.Tag{Key: to(key), Value: to(tags[key])})
	}
	return list
}
