package glue

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"flowlake/fault"
)

// cursor is what a NextToken carries: the place to go on after, and what it was made for. Nothing in it
// is secret; a token that was made for another question is refused.
type cursor struct {
	For   string   `json:"f"`
	After []string `json:"a"`
}

// question names a listing with all that decides what it lists.
func question(operation string, parts ...any) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %q", operation, parts))
	return hex.EncodeToString(sum[:8])
}

// openToken returns the place that a token carries, nil for none.
func openToken(token *string, question string) ([]string, error) {
	if token == nil || *token == "" {
		return nil, nil
	}
	var c cursor
	data, err := base64.RawURLEncoding.DecodeString(*token)
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err != nil || c.For != question || len(c.After) == 0 {
		return nil, fault.Newf(fault.Invalid, "member NextToken", "is not a token of this listing")
	}
	return c.After, nil
}

func makeToken(question string, after []string) *string {
	if len(after) == 0 {
		return nil
	}
	data, _ := json.Marshal(cursor{question, after})
	token := base64.RawURLEncoding.EncodeToString(data)
	return &token
}

// openName is openToken for listings in the order of names.
func openName(token *string, question string) (string, error) {
	after, err := openToken(token, question)
	if err != nil || after == nil {
		return "", err
	}
	return after[0], nil
}

func nameToken(question, next string) *string {
	if next == "" {
		return nil
	}
	return makeToken(question, []string{next})
}

// pageSize checks MaxResults; absent it is the most that a page holds.
func pageSize(given *int32, most int) (int, error) {
	if given == nil {
		return most, nil
	}
	if *given < 1 || int(*given) > most {
		return 0, fault.Newf(fault.Invalid, "member MaxResults", "is %d; 1 to %d are allowed", *given, most)
	}
	return int(*given), nil
}
