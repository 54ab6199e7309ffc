// Package fault names the kinds of failure that rooms return and doors translate.
//
// A room says what went wrong in its own words and gives the failure a kind and a noun;
// each service's door has one table from kind and noun to the AWS code and status.
// It never knows of HTTP, of AWS codes, or of how a failure is shown.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Kind is the class of a failure: what the caller can do about it.
type Kind uint8

// The kinds. The zero value is Internal, so that a failure nobody classified is ours.
const (
	Internal     Kind = iota // a defect or an environment that let us down; no detail goes to clients
	Invalid                  // the request can never succeed as it is written
	NotFound                 // the named thing does not exist
	Exists                   // the named thing exists already
	Conflict                 // another change came first, or the thing's state does not allow this now
	Denied                   // the caller may not do this
	Limit                    // a documented quota is reached
	Throttled                // too much at once; the same call may succeed later
	TooLarge                 // the input is larger than what is accepted
	Precondition             // a condition that the caller set does not hold
	NotModified              // a conditional read found what the caller has already
	Unavailable              // a disk, a remote or a peer cannot serve now; nothing was acknowledged
	Unsupported              // flowlake does not do this, and says so by name
)

var kindNames = [...]string{"internal", "invalid", "not found", "exists", "conflict", "denied", "limit",
	"throttled", "too large", "precondition", "not modified", "unavailable", "unsupported"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Error is a failure with its kind. Subject is the thing that it is about, its noun first:
// "log group web", "bucket logs", "column start". Doors match on the noun.
type Error struct {
	Kind    Kind
	Subject string
	Detail  string // the obstacle, lower case, reading on from the subject
	Err     error  // the cause, if there is one; its text is part of the message
}

// Error reads "subject: detail: cause", without the parts that are empty.
func (e *Error) Error() string {
	parts := make([]string, 0, 3)
	for _, p := range []string{e.Subject, e.Detail} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	return strings.Join(parts, ": ")
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Newf returns a failure about subject. The detail is formatted; a %w verb makes its operand the cause
// that errors.Is and errors.As find.
func Newf(kind Kind, subject, format string, args ...any) error {
	wrapped := fmt.Errorf(format, args...)
	e := &Error{Kind: kind, Subject: subject, Detail: wrapped.Error()}
	if errors.Unwrap(wrapped) != nil {
		e.Detail, e.Err = "", wrapped
	}
	return e
}

// KindOf returns the kind of the outermost classified failure in err's chain, Internal if there is none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// Is reports whether err is classified as kind. A nil error is of no kind.
func Is(err error, kind Kind) bool {
	return err != nil && KindOf(err) == kind
}

// HasNoun reports whether the outermost classified failure in err is about a thing of that noun
// ("log group", "bucket").
func HasNoun(err error, noun string) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Subject == noun || strings.HasPrefix(e.Subject, noun+" "))
}
