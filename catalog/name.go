package catalog

import (
	"strings"
	"unicode/utf8"

	"flowlake/fault"
)

// maxName is Glue's limit for the names of databases, tables, columns and classifiers, in bytes.
const maxName = 255

// separator stands between the parts of a document's key. Names cannot contain it; values can, and
// escape it.
const separator = "\x1f"

// name checks a name and returns it in lower case. Glue takes any printable characters and tabs.
func name(noun, given string) (string, error) {
	if err := checkName(noun, given); err != nil {
		return "", err
	}
	return strings.ToLower(given), nil
}

func checkName(noun, given string) error {
	subject := strings.TrimSpace(noun + " " + given)
	switch {
	case given == "":
		return fault.Newf(fault.Invalid, noun, "the name is empty")
	case len(given) > maxName:
		return fault.Newf(fault.Invalid, noun+" "+given[:32]+"…", "the name has %d bytes; at most %d are allowed", len(given), maxName)
	case !utf8.ValidString(given):
		return fault.Newf(fault.Invalid, noun, "the name %q is not valid UTF-8", given)
	}
	for _, r := range given {
		if r < ' ' && r != '\t' || r == 0x7f || r == 0xfffe || r == 0xffff {
			return fault.Newf(fault.Invalid, subject, "the name contains the control character %U", r)
		}
	}
	return nil
}

// valueEscaper keeps a partition's values apart in its key, whatever they contain.
var valueEscaper = strings.NewReplacer("\x1e", "\x1e0", "\x1f", "\x1e1")

// valuesKey is the part of a partition's key that its values make. Values that begin alike have keys
// that begin alike.
func valuesKey(values []string) string {
	var b strings.Builder
	for _, v := range values {
		valueEscaper.WriteString(&b, v)
		b.WriteString(separator)
	}
	return b.String()
}
