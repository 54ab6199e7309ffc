// Package access knows who asks and decides whether they may: principals, their keys and
// sessions, and one question, Allow, that every room puts before it acts.
// It never sees a request's bytes, and it stores no secret inside the data folder.
package access

// Caller is who a call is made for, and the namespace it is made in. It is handed to every room
// call, and stored with background work, so that each step is authorised as a request would be.
type Caller struct {
	Account   string `json:"account"`             // the principal's account id
	Region    string `json:"region"`              // the namespace of everything regional
	Principal string `json:"principal"`           // the principal's ARN
	AccessKey string `json:"accessKey,omitempty"` // the id of the key that signed; never a secret
	Session   string `json:"session,omitempty"`   // the session's name, when the key belongs to one
	Service   string `json:"service,omitempty"`   // the service that acts for the principal: "logs.us-east-1.amazonaws.com"
	SourceARN string `json:"sourceArn,omitempty"` // the resource that the service acts for: an export task, a crawler

	ID              string `json:"id,omitempty"`              // the principal's unique id (AIDA…, AROA…): another of the same name is another principal
	Role            string `json:"role,omitempty"`            // the role's ARN, for a session of one
	SessionPolicies string `json:"sessionPolicies,omitempty"` // a JSON array of the documents that the session began with
	SessionTags     string `json:"sessionTags,omitempty"`     // a JSON object of the session's tags
	TransitiveTags  string `json:"transitiveTags,omitempty"`  // a JSON array of the keys of those tags that go on to the next session
	SourceIdentity  string `json:"sourceIdentity,omitempty"`  // who began the first of a chain of sessions, as they said
	Issued          string `json:"issued,omitempty"`          // when the session's credentials were issued, in RFC 3339; "" for a long-term key
}

// Root returns the account's root principal, calling in region.
func Root(account, region string) Caller {
	return Caller{Account: account, Region: region, Principal: "arn:aws:iam::" + account + ":root"}
}

// IsRoot reports whether the caller is its account's root.
func (c Caller) IsRoot() bool {
	return c.Account != "" && c.Principal == "arn:aws:iam::"+c.Account+":root"
}

// ServicePrincipal returns a service that asks as itself, in account and region, for the resource with that ARN: only
// resource policies allow it anything.
func ServicePrincipal(account, region, service, sourceARN string) Caller {
	return Caller{Account: account, Region: region, Principal: service, Service: service, SourceARN: sourceARN}
}

// IsService reports whether the caller is a service that asks as itself.
func (c Caller) IsService() bool { return c.Service != "" && c.Principal == c.Service }

// Via returns the caller as a service acts for it, on behalf of the resource with that ARN.
func (c Caller) Via(service, sourceARN string) Caller {
	c.Service, c.SourceARN = service, sourceARN
	return c
}

// In returns the caller in another region.
func (c Caller) In(region string) Caller {
	c.Region = region
	return c
}

// ARN builds the ARN of a regional resource of the caller's account: ARN("logs", "log-group:web").
func (c Caller) ARN(service, resource string) string {
	return "arn:aws:" + service + ":" + c.Region + ":" + c.Account + ":" + resource
}
