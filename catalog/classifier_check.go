package catalog

import (
	"strings"
	"unicode/utf8"

	"flowlake/catalog/grok"
	"flowlake/fault"
)

// check returns what is wrong with a classifier, and brings what it says to its usual spelling.
func (cl *Classifier) check() error {
	if err := checkName(kindClassifier, cl.Name); err != nil {
		return err
	}
	kinds := 0
	for _, set := range []bool{cl.Grok != nil, cl.JSON != nil, cl.CSV != nil} {
		if set {
			kinds++
		}
	}
	subject := "classifier " + cl.Name
	if kinds != 1 {
		return fault.Newf(fault.Invalid, subject, "it must be exactly one of Grok, JSON and CSV, not %d of them", kinds)
	}
	switch {
	case cl.Grok != nil:
		return cl.Grok.check(subject)
	case cl.JSON != nil:
		_, err := ParseJSONPath(cl.JSON.Path)
		if err != nil {
			return fault.Newf(fault.Invalid, subject, "%w", err)
		}
		return nil
	}
	return cl.CSV.check(subject)
}

func (g *GrokClassifier) check(subject string) error {
	if g.Classification == "" {
		return fault.Newf(fault.Invalid, subject, "the classification is empty")
	}
	if len(g.Pattern) == 0 || len(g.Pattern) > 2048 {
		return fault.Newf(fault.Invalid, subject, "the Grok pattern has %d characters; 1 to 2,048 are allowed", len(g.Pattern))
	}
	if len(g.CustomPatterns) > 16000 {
		return fault.Newf(fault.Invalid, subject, "the custom patterns have %d characters; at most 16,000 are allowed", len(g.CustomPatterns))
	}
	if _, err := grok.Compile(g.Pattern, g.CustomPatterns); err != nil {
		return fault.Newf(fault.Invalid, subject, "%w", err)
	}
	return nil
}

func (v *CSVClassifier) check(subject string) error {
	one := func(what, s string) error {
		if s != "" && utf8.RuneCountInString(s) != 1 {
			return fault.Newf(fault.Invalid, subject, "the %s %q is not one character", what, s)
		}
		return nil
	}
	if err := one("delimiter", v.Delimiter); err != nil {
		return err
	}
	if err := one("quote symbol", v.Quote); err != nil {
		return err
	}
	if v.Delimiter != "" && v.Delimiter == v.Quote {
		return fault.Newf(fault.Invalid, subject, "the quote symbol and the delimiter are both %q", v.Delimiter)
	}
	switch v.ContainsHeader {
	case "":
		v.ContainsHeader = HeaderUnknown
	case HeaderUnknown, HeaderPresent, HeaderAbsent:
	default:
		return fault.Newf(fault.Invalid, subject, "ContainsHeader is %q; it may be UNKNOWN, PRESENT or ABSENT", v.ContainsHeader)
	}
	seen := make(map[string]bool)
	for _, h := range v.Header {
		if err := checkName("column", h); err != nil {
			return fault.Newf(fault.Invalid, subject, "the header: %w", err)
		}
		if l := strings.ToLower(h); seen[l] {
			return fault.Newf(fault.Invalid, subject, "the header has the column %s twice", h)
		} else {
			seen[l] = true
		}
	}
	switch v.SerDe {
	case "", SerDeNone, SerDeOpenCSV, SerDeLazy:
	default:
		return fault.Newf(fault.Invalid, subject, "Serde is %q; it may be OpenCSVSerDe, LazySimpleSerDe or None", v.SerDe)
	}
	if len(v.CustomTypes) > 0 && !v.CustomTypesGiven {
		return fault.Newf(fault.Invalid, subject, "CustomDatatypes are given and CustomDatatypeConfigured is not true")
	}
	if v.CustomTypesGiven && len(v.CustomTypes) == 0 {
		return fault.Newf(fault.Invalid, subject, "CustomDatatypeConfigured is true and CustomDatatypes are missing")
	}
	for i, t := range v.CustomTypes {
		if _, ok := csvTypes[strings.ToUpper(strings.TrimSpace(t))]; !ok {
			return fault.Newf(fault.Invalid, subject,
				"CustomDatatypes has %q; it may be BINARY, BOOLEAN, DATE, DECIMAL, DOUBLE, FLOAT, INT, LONG, SHORT, STRING or TIMESTAMP", t)
		}
		v.CustomTypes[i] = strings.ToUpper(strings.TrimSpace(t))
	}
	if len(v.Header) > 0 && len(v.CustomTypes) > 0 && len(v.Header) != len(v.CustomTypes) {
		return fault.Newf(fault.Invalid, subject, "the header has %d columns and CustomDatatypes has %d", len(v.Header), len(v.CustomTypes))
	}
	return nil
}

// csvTypes are the names that CustomDatatypes takes, as Hive types.
var csvTypes = map[string]string{"BINARY": "binary", "BOOLEAN": "boolean", "DATE": "date", "DECIMAL": "decimal(38,18)", "DOUBLE": "double",
	"FLOAT": "float", "INT": "int", "LONG": "bigint", "SHORT": "smallint", "STRING": "string", "TIMESTAMP": "timestamp"}

// Types are the Hive types of the classifier's CustomTypes, in order.
func (v *CSVClassifier) Types() []string {
	out := make([]string, len(v.CustomTypes))
	for i, t := range v.CustomTypes {
		out[i] = csvTypes[t]
	}
	return out
}
