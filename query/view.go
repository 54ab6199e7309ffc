package query

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"flowlake/catalog"
	"flowlake/fault"
)

// view is what CREATE VIEW keeps, in the form that Athena, Trino and Hive clients expect of each other:
// base64 of this JSON between the marks, in the table's ViewOriginalText.
type view struct {
	SQL      string       `json:"originalSql"`
	Catalog  string       `json:"catalog"`
	Database string       `json:"schema"`
	Columns  []viewColumn `json:"columns"`
}

type viewColumn struct {
	Name string `json:"name"`
	Type string `json:"type"` // Trino's spelling
}

const viewBegin, viewEnd = "/* Presto View: ", " */"

func encodeView(v view) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fault.Newf(fault.Internal, "view", "%w", err)
	}
	return viewBegin + base64.StdEncoding.EncodeToString(b) + viewEnd, nil
}

func decodeView(t catalog.Table) (v view, err error) {
	text, ok := strings.CutPrefix(t.ViewOriginalText, viewBegin)
	if ok {
		text, ok = strings.CutSuffix(text, viewEnd)
	}
	if !ok {
		return v, fault.Newf(fault.Unsupported, "view "+t.Database+"."+t.Name, "was not made by Athena or Trino: its text cannot be read")
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(b, &v)
	}
	if err != nil || v.SQL == "" {
		return v, fault.Newf(fault.Invalid, "view "+t.Database+"."+t.Name, "its stored text is damaged")
	}
	return v, nil
}
