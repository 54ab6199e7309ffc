package columnar

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestJSONStringsAreWrittenAndReadAsEncodingJSONDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) + rapid.String().Draw(t, "text")
		literal := AppendQuoted(nil, text)
		var got string
		if err := json.Unmarshal(literal, &got); err != nil {
			t.Fatalf("%q becomes %s: %v", text, literal, err)
		}
		if own := string(AppendUnescaped(nil, literal[1:len(literal)-1])); own != got || !utf8.ValidString(own) {
			t.Errorf("%s is %q, encoding/json reads %q", literal, own, got)
		}
		if replaced := string([]rune(text)); got != replaced {
			t.Errorf("%q becomes %s, which is %q, want %q", text, literal, got, replaced)
		}
	})
}

func TestEscapesOfEveryKindAreReadAsEncodingJSONDoes(t *testing.T) {
	for _, literal := range []string{`"\b\f\n\r\t\"\\\/"`, `"\u00e9"`, `"\uD83D\uDE00"`, `"\ud83d"`, `"\ud83dx"`, `"\ud83d\u0041"`, `"\ude00\ud83d"`, `"a\u0000b"`} {
		var want string
		if err := json.Unmarshal([]byte(literal), &want); err != nil {
			t.Fatal(err)
		}
		if got := string(AppendUnescaped(nil, []byte(literal[1:len(literal)-1]))); got != want {
			t.Errorf("%s is %q, want %q", literal, got, want)
		}
	}
}
