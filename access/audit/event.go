package audit

import (
	"time"

	"github.com/google/uuid"
)

// Event is one record. Members that CloudTrail always has and that are never known here are null, as it has them.
//
// Source: CloudTrail user guide, "CloudTrail record contents for management, data, and network activity events".
// Differs from AWS: requestParameters and responseElements are always null, so that no secret and no payload can be
// in them; what a request is about is in resources. additionalEventData holds the decisions.
type Event struct {
	EventVersion        string      `json:"eventVersion"`
	UserIdentity        Identity    `json:"userIdentity"`
	EventTime           time.Time   `json:"eventTime"`
	EventSource         string      `json:"eventSource"` // "s3.amazonaws.com"
	EventName           string      `json:"eventName"`   // "PutObject"
	AWSRegion           string      `json:"awsRegion"`
	SourceIPAddress     string      `json:"sourceIPAddress"` // or the service that asks
	UserAgent           string      `json:"userAgent,omitempty"`
	ErrorCode           string      `json:"errorCode,omitempty"`
	ErrorMessage        string      `json:"errorMessage,omitempty"` // of refusals alone: other messages may quote what a request carried
	RequestParameters   *struct{}   `json:"requestParameters"`
	ResponseElements    *struct{}   `json:"responseElements"`
	AdditionalEventData *Additional `json:"additionalEventData,omitempty"`
	RequestID           string      `json:"requestID,omitempty"`
	EventID             string      `json:"eventID"`
	ReadOnly            bool        `json:"readOnly"`
	Resources           []Resource  `json:"resources,omitempty"`
	EventType           string      `json:"eventType"` // "AwsApiCall", or "AwsServiceEvent" for background work
	ManagementEvent     bool        `json:"managementEvent"`
	RecipientAccountID  string      `json:"recipientAccountId"`
	EventCategory       string      `json:"eventCategory"` // "Management" or "Data"
}

// Identity is who asked.
//
// Source: CloudTrail user guide, "CloudTrail userIdentity element".
type Identity struct {
	Type           string          `json:"type"` // Root, IAMUser, AssumedRole, AWSService, Unknown
	PrincipalID    string          `json:"principalId,omitempty"`
	ARN            string          `json:"arn,omitempty"`
	AccountID      string          `json:"accountId,omitempty"`
	AccessKeyID    string          `json:"accessKeyId,omitempty"`
	UserName       string          `json:"userName,omitempty"`
	SessionContext *SessionContext `json:"sessionContext,omitempty"`
	InvokedBy      string          `json:"invokedBy,omitempty"`
}

// SessionContext is where a session comes from.
type SessionContext struct {
	SessionIssuer  *Issuer    `json:"sessionIssuer,omitempty"`
	SourceIdentity string     `json:"sourceIdentity,omitempty"`
	Attributes     Attributes `json:"attributes"`
}

// Issuer is the role of a session.
type Issuer struct {
	Type        string `json:"type"`
	PrincipalID string `json:"principalId,omitempty"`
	ARN         string `json:"arn"`
	AccountID   string `json:"accountId"`
	UserName    string `json:"userName"`
}

// Attributes are a session's.
type Attributes struct {
	CreationDate     string `json:"creationDate,omitempty"`
	MFAAuthenticated string `json:"mfaAuthenticated"`
}

// Resource is something that the request is about.
type Resource struct {
	ARN       string `json:"ARN"`
	AccountID string `json:"accountId,omitempty"`
	Type      string `json:"type,omitempty"`
}

// Additional is what flowlake knows besides.
type Additional struct {
	Decisions []Decision `json:"decisions,omitempty"` // those that refused; for background work the one that it is about
	Repeated  int        `json:"repeated,omitempty"`  // how often it came since the record of this kind before
	SourceARN string     `json:"sourceArn,omitempty"` // the resource that a service acts for
}

// Decision is one question with its answer and the reason, whole, whatever the client was told.
type Decision struct {
	Action   string `json:"action"`
	Resource string `json:"resource"`
	Allowed  bool   `json:"allowed"`
	Policy   string `json:"policy,omitempty"`
	Sid      string `json:"sid,omitempty"`
	Reason   string `json:"reason"`
	Hidden   bool   `json:"hidden,omitempty"` // the client was told less
}

// version is that of CloudTrail's records.
const version = "1.11"

func (e *Event) fill(now time.Time) {
	if e.EventVersion == "" {
		e.EventVersion = version
	}
	if e.EventID == "" {
		e.EventID = uuid.NewString()
	}
	if e.EventTime.IsZero() {
		e.EventTime = now
	}
	e.EventTime = e.EventTime.UTC().Truncate(time.Second) // CloudTrail's have no fraction
}
