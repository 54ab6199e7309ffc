package access

import (
	"context"
	"strings"
	"time"

	"flowlake/access/audit"
	"flowlake/access/policy"
)

// How often what background work does again and again is recorded. A refusal is news for a minute: whoever
// mends a permission looks for the next one.
const (
	recordAllowedEvery = time.Hour
	recordRefusedEvery = time.Minute
)

// record notes a decision: in its request, whose own audit record tells of it; or, for background work, in the audit log.
func (g *Guard) record(ctx context.Context, v *Verdict) {
	if r := RequestOf(ctx); r != nil {
		if v.Refusal != nil {
			r.note(v.Refusal)
		}
		return
	}
	if g.audit == nil {
		return
	}
	c, d := v.caller, &v.Decision
	key, every := c.Principal+"\x00"+c.SourceARN+"\x00"+v.Request.Action+"\x00"+d.Source+"\x00"+d.Sid, recordAllowedEvery
	if c.Role != "" { // each run has a session of its own
		key = c.Role + key[len(c.Principal):]
	}
	if !d.Allowed {
		key, every = key+"\x00"+v.Request.Resource, recordRefusedEvery
	}
	g.audit.Repeat(key, every, func() audit.Event { return background(v) })
}

// background is the record of a decision that no request asked for.
func background(v *Verdict) audit.Event {
	c := v.caller
	service, name, _ := strings.Cut(v.Request.Action, ":")
	e := audit.Event{
		UserIdentity: AuditIdentity(c), EventSource: service + ".amazonaws.com", EventName: name, AWSRegion: c.Region,
		SourceIPAddress: "flowlake", EventType: "AwsServiceEvent", ManagementEvent: true, EventCategory: "Management",
		RecipientAccountID: v.Request.Owner,
		Resources:          []audit.Resource{{ARN: v.Request.Resource, AccountID: v.Request.Owner}},
		AdditionalEventData: &audit.Additional{SourceARN: c.SourceARN, Decisions: []audit.Decision{{
			Action: v.Request.Action, Resource: v.Request.Resource, Allowed: v.Allowed, Policy: v.Source, Sid: v.Sid, Reason: reasonWords[v.Reason],
		}}},
	}
	if c.Service != "" {
		e.SourceIPAddress = c.Service
	}
	if v.Refusal != nil {
		e.ErrorCode, e.ErrorMessage = "AccessDenied", v.Refusal.Reason()
		e.AdditionalEventData.Decisions[0] = v.Refusal.AuditDecision()
	}
	return e
}

// reasonWords are why something was allowed.
var reasonWords = map[policy.Reason]string{
	policy.AllowedByIdentity: "an identity policy allows it",
	policy.AllowedByResource: "the resource's policy allows it",
	policy.AllowedAsRoot:     "the principal is the account's root",
}

// AuditDecision is the refusal as the audit log has it: with the whole reason, whatever the caller is told.
func (r *Refusal) AuditDecision() audit.Decision {
	return audit.Decision{Action: r.Action, Resource: r.Resource, Policy: r.Decision.Source, Sid: r.Decision.Sid, Reason: r.Reason(), Hidden: r.Hidden}
}

// AuditIdentity is a caller as CloudTrail's records name it.
//
// Source: CloudTrail user guide, "CloudTrail userIdentity element".
func AuditIdentity(c Caller) audit.Identity {
	id := audit.Identity{Type: "IAMUser", PrincipalID: c.ID, ARN: c.Principal, AccountID: c.Account, AccessKeyID: c.AccessKey}
	last := c.Principal[strings.LastIndexByte(c.Principal, '/')+1:]
	switch {
	case c.Principal == "":
		return audit.Identity{Type: "Unknown"}
	case c.IsService():
		return audit.Identity{Type: "AWSService", InvokedBy: c.Principal}
	case c.IsRoot():
		id.Type, id.PrincipalID = "Root", c.Account
	case c.Role != "":
		id.Type, id.PrincipalID = "AssumedRole", c.ID+":"+c.Session
	default:
		id.UserName = last
	}
	if c.Service != "" {
		id.InvokedBy = c.Service
	}
	if c.Issued != "" || c.Role != "" {
		id.SessionContext = &audit.SessionContext{SourceIdentity: c.SourceIdentity,
			Attributes: audit.Attributes{CreationDate: c.Issued, MFAAuthenticated: "false"}}
		if c.Role != "" {
			id.SessionContext.SessionIssuer = &audit.Issuer{Type: "Role", PrincipalID: c.ID, ARN: c.Role, AccountID: c.Account,
				UserName: c.Role[strings.LastIndexByte(c.Role, '/')+1:]}
		}
	}
	return id
}
