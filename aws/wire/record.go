package wire

import (
	"context"
	"net"
	"strings"
	"time"

	"flowlake/access"
	"flowlake/access/audit"
)

// authenticated notes who asks, and returns the context in which decisions know their request.
func (x *exchange) authenticated(p *proof) context.Context {
	x.caller = p.caller
	x.cfg.Keys.Used(p.caller, x.service.Name)
	x.asked = &access.Request{ID: x.requestID, SourceIP: sourceIP(x.r.RemoteAddr), UserAgent: x.r.Header.Get("User-Agent"), Secure: x.r.TLS != nil}
	return access.WithRequest(x.r.Context(), x.asked)
}

// sourceIP is an address without its port and zone.
func sourceIP(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return ""
	}
	host, _, _ = strings.Cut(host, "%")
	return host
}

const (
	maxResources = 16          // that a record lists; DeleteObjects asks for a thousand
	strangersFor = time.Minute // requests that prove nothing are counted, a minute's of a kind in one record
	maxAgent     = 512         // bytes of a user agent
	maxKeyShown  = 128         // bytes of an access key's id
)

// record writes the request into the audit log. Nothing of its parameters, its body or its answer is in it.
func (x *exchange) record(code string) {
	var refusals []*access.Refusal
	if x.asked != nil {
		refusals = x.asked.End()
	}
	if x.cfg.Audit == nil {
		return
	}
	if x.asked == nil { // whoever it was, they did not prove it: a flood of these must not fill the log
		ip, claimed := sourceIP(x.r.RemoteAddr), x.claimed
		if len(claimed) > maxKeyShown || !all(claimed, isKeyByte) { // a secret in the wrong place is still a secret
			claimed = ""
		}
		of := claimed
		if !x.known { // ids can be made up without end
			of = ""
		}
		x.cfg.Audit.Repeat("stranger\x00"+ip+"\x00"+of+"\x00"+x.service.Name+"\x00"+code, strangersFor, func() audit.Event {
			e := x.event(code)
			e.UserIdentity = audit.Identity{Type: "Unknown", AccessKeyID: claimed}
			return e
		})
		return
	}
	e := x.event(code)
	e.UserIdentity = access.AuditIdentity(x.caller)
	e.AWSRegion, e.RecipientAccountID = x.caller.Region, x.caller.Account
	for _, d := range x.demands {
		if d.resource != "*" && len(e.Resources) < maxResources && !listed(e.Resources, d.resource) {
			e.Resources = append(e.Resources, audit.Resource{ARN: d.resource, AccountID: x.caller.Account})
		}
	}
	if len(refusals) > 0 {
		e.AdditionalEventData = &audit.Additional{}
		for _, r := range refusals {
			e.AdditionalEventData.Decisions = append(e.AdditionalEventData.Decisions, r.AuditDecision())
		}
		if e.ErrorCode != "" {
			e.ErrorMessage = refusals[len(refusals)-1].Error()
		}
	}
	x.cfg.Audit.Write(&e)
}

// event is what every request's record has.
func (x *exchange) event(code string) audit.Event {
	agent := x.r.Header.Get("User-Agent")
	if len(agent) > maxAgent {
		agent = agent[:maxAgent]
	}
	data := dataEvent(x.service.Name, x.operationName())
	e := audit.Event{
		EventTime: x.began, EventSource: x.service.Name + ".amazonaws.com", EventName: x.operationName(), SourceIPAddress: sourceIP(x.r.RemoteAddr),
		UserAgent: strings.ToValidUTF8(agent, "�"), RequestID: x.requestID, ReadOnly: readOnly(x.operationName()), EventType: "AwsApiCall",
		ManagementEvent: !data, EventCategory: "Management",
	}
	if data {
		e.EventCategory = "Data"
	}
	if code != "OK" {
		e.ErrorCode = code
	}
	return e
}

func listed(resources []audit.Resource, arn string) bool {
	for _, r := range resources {
		if r.ARN == arn {
			return true
		}
	}
	return false
}

// isKeyByte reports the bytes of an access key's id as AWS makes them.
func isKeyByte(c byte) bool { return 'A' <= c && c <= 'Z' || isDigit(c) }

// dataEvent reports whether an operation moves data, and does not manage what holds it.
//
// Source: CloudTrail user guide, "Logging data events".
func dataEvent(service, operation string) bool {
	switch service {
	case "s3":
		return strings.Contains(operation, "Object") && operation != "PutObjectLockConfiguration" || strings.Contains(operation, "Part") || strings.Contains(operation, "MultipartUpload")
	case "logs":
		return operation == "PutLogEvents" || operation == "GetLogEvents" || operation == "FilterLogEvents" || operation == "StartLiveTail"
	case "firehose":
		return operation == "PutRecord" || operation == "PutRecordBatch"
	}
	return false
}

// reads begin the names of operations that change nothing.
var reads = []string{"Get", "List", "Describe", "Head", "BatchGet", "Filter", "Search", "Simulate", "Lookup", "Test", "StartLiveTail", "Select"}

func readOnly(operation string) bool {
	for _, prefix := range reads {
		if strings.HasPrefix(operation, prefix) {
			return true
		}
	}
	return false
}
