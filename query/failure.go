package query

import (
	"errors"
	"regexp"
	"strings"

	"flowlake/fault"
	"flowlake/query/sql"
)

// Failure says why an execution failed, in Athena's classes.
type Failure struct {
	Category  int32  `json:"category"` // SystemError, UserError or OtherError
	Type      int32  `json:"type"`     // Athena's ErrorType reference
	Message   string `json:"message"`
	Retryable bool   `json:"retryable"`
}

// Categories of failures: Athena user guide, "Athena error catalog".
const (
	SystemError = 1
	UserError   = 2
	OtherError  = 3
)

// The types of failures that flowlake tells apart: Athena user guide, "Athena error catalog".
const (
	typeExhausted     = 1
	typeService       = 100
	typeEngine        = 200
	typeTimedOut      = 206
	typeResultLost    = 401 // failed to write query results
	typeUser          = 1000
	typeDivision      = 1001 // a data error
	typeMismatch      = 1002
	typeDDL           = 1003
	typeSyntax        = 1006
	typeArgument      = 1100
	typeFunctionInput = 1106
	typeView          = 1107
	typeUnsupported   = 1200
	typeNoEntity      = 1301
	typeNoFile        = 1302
	typeNoFunction    = 1303
	typeNoBucket      = 1306
	typeThrottled     = 1400
	typeDenied        = 1500
)

// codeTypes gives the type of an error by the code that its message begins with. Which number Athena
// gives to TABLE_NOT_FOUND and the like is not documented; these are what others have measured.
var codeTypes = map[string]int32{
	"SYNTAX_ERROR": typeSyntax, "COLUMN_NOT_FOUND": typeSyntax, "TYPE_MISMATCH": typeMismatch,
	"TABLE_NOT_FOUND": typeNoEntity, "SCHEMA_NOT_FOUND": typeNoEntity, "CATALOG_NOT_FOUND": typeNoEntity,
	"FUNCTION_NOT_FOUND": typeNoFunction, "DIVISION_BY_ZERO": typeDivision, "INVALID_CAST_ARGUMENT": typeArgument,
	"INVALID_FUNCTION_ARGUMENT": typeFunctionInput, "INVALID_VIEW": typeView, "NOT_SUPPORTED": typeUnsupported,
	"HIVE_UNSUPPORTED_FORMAT": typeUnsupported, "HIVE_BAD_DATA": typeDivision, "HIVE_CURSOR_ERROR": typeDivision,
	"HIVE_INVALID_PARTITION_VALUE": typeDivision,
}

var leadingCode = regexp.MustCompile(`^([A-Z]+(?:_[A-Z]+)+)(?::|$)`)

// errTimedOut ends a query that ran for too long; errCutoff one that would scan more than its workgroup
// allows; errStopped one that its user stopped; errShutdown one that was running when the server ended.
var (
	errTimedOut = fault.Newf(fault.Limit, "query", "Query timeout")
	errCutoff   = errors.New("bytes scanned limit was exceeded")
	errStopped  = errors.New("stopped by its user")
	errShutdown = fault.Newf(fault.Unavailable, "query", "the server stopped while this query ran")
)

// failureOf puts an error into Athena's classes. What the user cannot help is told without detail: the
// server's log has it under the execution's id.
func failureOf(err error, kind sql.Kind, id string) *Failure {
	f := &Failure{Category: UserError, Type: typeUser, Message: message(err)}
	if words := refusalWords(err); words != "" {
		f.Type, f.Message = typeDenied, words
		return f
	}
	if m := leadingCode.FindStringSubmatch(f.Message); m != nil && codeTypes[m[1]] != 0 {
		f.Type = codeTypes[m[1]]
	}
	switch fault.KindOf(err) {
	case fault.Internal:
		return &Failure{Category: SystemError, Type: typeEngine, Retryable: true,
			Message: "Query engine had an internal error; the server's log has the detail under query execution " + id}
	case fault.Unavailable:
		f.Category, f.Type, f.Retryable = SystemError, typeService, true
	case fault.Throttled, fault.Conflict:
		f.Category, f.Type, f.Retryable = OtherError, typeThrottled, true
	case fault.Limit:
		f.Type = typeExhausted
		if errors.Is(err, errTimedOut) {
			f.Type = typeTimedOut
		}
	case fault.Denied:
		f.Type = typeDenied
	case fault.Unsupported:
		f.Type = typeUnsupported
	case fault.NotFound:
		switch {
		case fault.HasNoun(err, "bucket"):
			f.Type = typeNoBucket
		case fault.HasNoun(err, "object"):
			f.Type = typeNoFile
		default:
			f.Type = typeNoEntity
		}
	}
	if errors.Is(err, errShutdown) {
		if f.Message = "The server stopped while this query ran, and nothing of it was kept: run it again"; kind == sql.DDL {
			f.Message = "The server stopped while this statement ran: see whether its change was made, and run it again if not"
		}
		return f
	}
	if fault.HasNoun(err, "output location") && f.Type != typeNoBucket && f.Type != typeDenied {
		f.Type = typeResultLost
	}
	if kind != sql.DML && f.Category == UserError {
		if f.Type == typeUser {
			f.Type = typeDDL
		}
		f.Message = hiveWords(err, f.Message)
	}
	return f
}

// message is the error's text without the subject "query" that says nothing here.
func message(err error) string { return strings.TrimPrefix(err.Error(), "query: ") }

// ddlTask begins what Hive says when a change of its metastore is refused.
const ddlTask = "FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. "

// hiveWords words the refusals that scripts look for as Hive does, which runs DDL in Athena; others are
// marked as failures and keep our words.
func hiveWords(err error, words string) string {
	var f *fault.Error
	if !errors.As(err, &f) || leadingCode.MatchString(words) {
		return words
	}
	noun, name, _ := strings.Cut(f.Subject, " ")
	_, table, dotted := strings.Cut(name, ".")
	if !dotted {
		table = name
	}
	switch {
	case noun == "database" && f.Kind == fault.Exists:
		return ddlTask + "Database " + name + " already exists"
	case noun == "database" && f.Kind == fault.NotFound:
		return "FAILED: SemanticException [Error 10072]: Database does not exist: " + name
	case noun == "table" && f.Kind == fault.Exists && f.Detail == "already exists":
		return ddlTask + "AlreadyExistsException(message:Table " + table + " already exists.)"
	case noun == "table" && f.Kind == fault.NotFound:
		return "FAILED: SemanticException [Error 10001]: Table not found " + name
	case noun == "partition" && f.Kind == fault.Exists:
		return ddlTask + "AlreadyExistsException(message:Partition already exists: " + name + ")"
	case noun == "partition" && f.Kind == fault.NotFound:
		return "FAILED: SemanticException [Error 10006]: Partition not found " + name
	}
	return "FAILED: " + words
}
