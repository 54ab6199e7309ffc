package policy

import (
	"fmt"
	"strings"
)

// Nearest says which statement came nearest to allowing a question that was refused for want of one, and what it lacked:
// "statement 2 (Put) of bucket policy b allows it where StringEquals s3:x-amz-acl is bucket-owner-full-control; the request
// has private". It returns "" where no statement is about the action. It quotes policies: it is for those who may
// read them, and what only those know who were told (sts:ExternalId) it leaves out.
func Nearest(r *Request, p *Policies, d Decision) string {
	var sources []Source
	switch d.Reason {
	case NoIdentityAllow:
		sources = p.Identity
	case NoBoundaryAllow:
		sources = []Source{*p.Boundary}
	case NoSessionAllow:
		sources = p.Session
	case NoResourceAllow, NoTrust:
		if p.Resource != nil {
			sources = []Source{*p.Resource}
		}
	}
	s := scope{request: r, resource: cutARN(r.Resource)}
	elsewhere := ""
	for i := range sources {
		if sources[i].Document == nil {
			continue
		}
		for _, about := range sources[i].Document.isAbout(r.Action) {
			st := about.statement
			if !st.allow || s.grants(st, sources[i].Document.kind) == nobody {
				continue
			}
			if s.covers(st) {
				if c := s.unmet(st); c != nil {
					return st.of(sources[i].Name) + " allows it where " + s.lacks(c)
				}
			} else if elsewhere == "" {
				on := "on "
				if st.notResource {
					on = "on all but "
				}
				elsewhere = st.of(sources[i].Name) + " allows it " + on + few(st.resources)
			}
		}
	}
	return elsewhere
}

func (st *statement) of(policy string) string {
	name := fmt.Sprintf("statement %d", st.number)
	if st.sid != "" {
		name += " (" + short(st.sid) + ")"
	}
	return name + " of " + policy
}

// unmet returns the first condition of a statement that does not hold.
func (s *scope) unmet(st *statement) *condition {
	for i := range st.conditions {
		if !st.conditions[i].holds(s) {
			return &st.conditions[i]
		}
	}
	return nil
}

// unquoted are the keys whose values serve as passwords: whoever is refused for one must not be told it.
var unquoted = map[string]bool{"sts:externalid": true, "aws:referer": true, "aws:useragent": true}

// lacks says what a condition asks for, and what the request has.
func (s *scope) lacks(c *condition) string {
	wanted := few(c.written)
	if unquoted[c.lower] {
		wanted = "what the policy says"
	}
	text := c.name + " " + c.key + " is " + wanted
	if values, ok := s.values(c.lower); ok {
		return text + "; the request has " + few(values)
	}
	return text + "; the request has no " + c.key
}

// few lists the first three of several values.
func few(values []string) string {
	var shown []string
	for _, v := range values[:min(3, len(values))] {
		if v == "" {
			v = `""`
		}
		shown = append(shown, short(v))
	}
	text := strings.Join(shown, " or ")
	if more := len(values) - len(shown); more > 0 {
		text += fmt.Sprintf(" or %d more", more)
	}
	return text
}
