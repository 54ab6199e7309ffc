package sts

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"flowlake/access"
	"flowlake/access/identity"
	"flowlake/access/policy"
	"flowlake/aws/wire"
	"flowlake/fault"

	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
)

// How long sessions may be.
//
// Source: STS API reference, AssumeRole and GetSessionToken.
const (
	minSession     = 15 * time.Minute
	maxRole        = 12 * time.Hour
	maxChained     = time.Hour
	defaultRole    = time.Hour
	maxUser        = 36 * time.Hour
	defaultUser    = 12 * time.Hour
	maxRoot        = time.Hour
	maxPolicy      = 2048 // characters of a session policy
	maxPolicyARNs  = 10
	maxTransitives = 50
	maxExternalID  = 1224 // characters
)

var (
	sessionName = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{2,64}$`)
	externalID  = regexp.MustCompile(`^[A-Za-z0-9_+=,.@:/-]{2,}$`) // and at most maxExternalID: a regexp counts to 1,000
)

// invalid is a member whose value does not do, in AWS's words.
func invalid(value, member, constraint string) error {
	return fault.Newf(fault.Invalid, "member "+member, "1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: %s", value, member, constraint)
}

func number(n int32) string { return strconv.Itoa(int(n)) }

// denied is a refusal that no policy can mend.
func denied(message string) error {
	return &wire.Error{Code: "AccessDenied", Status: 403, Message: message}
}

// seconds reads how long a session is to be.
func seconds(given *int32, otherwise, most time.Duration) (time.Duration, error) {
	if given == nil {
		return min(otherwise, most), nil
	}
	d := time.Duration(*given) * time.Second
	if d < minSession || d > most {
		return 0, invalid(number(*given), "durationSeconds", fmt.Sprintf("Member must have value between %d and %d", int(minSession.Seconds()), int(most.Seconds())))
	}
	return d, nil
}

// checkAssume checks the request's members by themselves.
func checkAssume(in *sts.AssumeRoleInput) error {
	if err := access.CheckRole("RoleArn", *in.RoleArn); err != nil {
		return err
	}
	switch {
	case !sessionName.MatchString(*in.RoleSessionName):
		return invalid(*in.RoleSessionName, "roleSessionName", `Member must satisfy regular expression pattern: [\w+=,.@-]*, and have 2 to 64 characters`)
	case in.ExternalId != nil && (len(*in.ExternalId) > maxExternalID || !externalID.MatchString(*in.ExternalId)):
		return invalid(*in.ExternalId, "externalId", `Member must satisfy regular expression pattern: [\w+=,.@:\/-]*, and have 2 to 1224 characters`)
	case in.SourceIdentity != nil && !sessionName.MatchString(*in.SourceIdentity):
		return invalid(*in.SourceIdentity, "sourceIdentity", `Member must satisfy regular expression pattern: [\w+=,.@-]*, and have 2 to 64 characters`)
	case in.Policy != nil && (len(*in.Policy) == 0 || len(*in.Policy) > maxPolicy):
		return invalid(strconv.Itoa(len(*in.Policy))+" characters", "policy", "Member must have length between 1 and 2048")
	case len(in.PolicyArns) > maxPolicyARNs:
		return invalid(strconv.Itoa(len(in.PolicyArns))+" ARNs", "policyArns", "Member must have at most 10 elements")
	case len(in.TransitiveTagKeys) > maxTransitives:
		return invalid(strconv.Itoa(len(in.TransitiveTagKeys))+" keys", "transitiveTagKeys", "Member must have at most 50 elements")
	}
	return nil
}

// assumeRole gives the caller a session of a role. That its own policies and the role's trust policy let it is decided by
// now.
//
// Source: STS API reference, "AssumeRole".
func (d *door) assumeRole(ctx context.Context, c access.Caller, in *sts.AssumeRoleInput) (*sts.AssumeRoleOutput, error) {
	if err := checkAssume(in); err != nil {
		return nil, err
	}
	if c.IsRoot() {
		return nil, denied("Roles may not be assumed by root accounts.")
	}
	role, err := d.ids.Principal(ctx, *in.RoleArn)
	if fault.Is(err, fault.NotFound) { // its absence looks as a trust that does not name the caller
		return nil, d.guard.Refuse(ctx, &access.Refusal{Caller: c, Action: "sts:AssumeRole", Resource: *in.RoleArn, Decision: policy.Decision{Reason: policy.NoTrust}})
	}
	if err != nil {
		return nil, err
	}
	duration, err := roleSeconds(c, role, in.DurationSeconds)
	if err != nil {
		return nil, err
	}
	tags, transitive, err := d.tags(ctx, c, in)
	if err != nil {
		return nil, err
	}
	source, err := d.source(ctx, c, in)
	if err != nil {
		return nil, err
	}
	policies, err := d.policies(ctx, in)
	if err != nil {
		return nil, err
	}
	session := "arn:aws:sts::" + role.Account + ":assumed-role/" + role.Name + "/" + *in.RoleSessionName
	creds, err := d.ids.Issue(identity.SessionSpec{
		Principal: session, PrincipalID: role.ID, Role: role.ARN, Session: *in.RoleSessionName,
		Policies: policies, Tags: tags, Transitive: transitive, SourceIdentity: source, Duration: duration,
	})
	if err != nil {
		return nil, err
	}
	id := role.ID + ":" + *in.RoleSessionName
	out := &sts.AssumeRoleOutput{Credentials: credentials(creds), AssumedRoleUser: &types.AssumedRoleUser{Arn: &session, AssumedRoleId: &id}}
	out.SessionTokenSize, out.SessionTokenUtilization = sizes(creds)
	if len(policies)+len(tags) > 0 {
		//lint:ignore SA1019 it is what clients know that are older than the other two
		out.PackedPolicySize = out.SessionTokenUtilization
	}
	if source != "" {
		out.SourceIdentity = &source
	}
	return out, nil
}

// roleSeconds is how long a role's session is: at most as the role says, and an hour when one session gives another.
func roleSeconds(c access.Caller, role *identity.Principal, given *int32) (time.Duration, error) {
	d, err := seconds(given, defaultRole, maxRole)
	switch {
	case err != nil:
		return 0, err
	case c.Issued != "" && d > maxChained:
		return 0, fault.Newf(fault.Invalid, "member durationSeconds", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	case d > role.MaxSession:
		return 0, fault.Newf(fault.Invalid, "member durationSeconds", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	return d, nil
}

// tags are the session's: those of the request, and those that the caller's session hands on.
//
// Source: IAM user guide, "Pass session tags in AWS STS", on chaining.
func (d *door) tags(ctx context.Context, c access.Caller, in *sts.AssumeRoleInput) (tags []identity.Tag, transitive []string, err error) {
	for _, t := range in.Tags {
		tags = append(tags, identity.Tag{Key: text(t.Key), Value: text(t.Value)})
	}
	if err := identity.CheckTags(tags); err != nil {
		return nil, nil, err
	}
	has := func(key string) bool {
		return slices.ContainsFunc(tags, func(t identity.Tag) bool { return strings.EqualFold(t.Key, key) })
	}
	for _, key := range in.TransitiveTagKeys {
		if !has(key) {
			return nil, nil, fault.Newf(fault.Invalid, "member transitiveTagKeys", "The specified transitive tag key %s must be included in the requested tags.", key)
		}
		transitive = append(transitive, key)
	}
	if c.TransitiveTags == "" {
		return tags, transitive, nil
	}
	var keys []string
	values := map[string]string{}
	if err := json.Unmarshal([]byte(c.TransitiveTags), &keys); err != nil {
		return nil, nil, fmt.Errorf("transitive tags of %s: %w", c.Principal, err)
	}
	if err := json.Unmarshal([]byte(c.SessionTags), &values); err != nil {
		return nil, nil, fmt.Errorf("session tags of %s: %w", c.Principal, err)
	}
	var inherited []identity.Tag
	for name, value := range values {
		switch {
		case !slices.ContainsFunc(keys, func(k string) bool { return strings.EqualFold(k, name) }):
		case has(name):
			return nil, nil, fault.Newf(fault.Invalid, "member tags", "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
		default:
			inherited = append(inherited, identity.Tag{Key: name, Value: value})
		}
	}
	if len(in.Tags) == 0 { // otherwise the row has asked
		if err := d.guard.Allow(ctx, c, "sts:TagSession", *in.RoleArn, assumeKeys(in)...); err != nil {
			return nil, nil, err
		}
	}
	for _, t := range inherited {
		transitive = append(transitive, t.Key)
	}
	slices.Sort(transitive)
	tags = append(tags, inherited...)
	return tags, transitive, identity.CheckTags(tags)
}

// source is the session's source identity: what the first of a chain said stays.
func (d *door) source(ctx context.Context, c access.Caller, in *sts.AssumeRoleInput) (string, error) {
	given := text(in.SourceIdentity)
	if c.SourceIdentity == "" || given == c.SourceIdentity {
		return given, nil
	}
	if given != "" {
		return "", denied("The source identity of a session cannot be changed: it is " + c.SourceIdentity)
	}
	entries := append(assumeKeys(in), policy.Entry{Key: "sts:SourceIdentity", Values: []string{c.SourceIdentity}})
	return c.SourceIdentity, d.guard.Allow(ctx, c, "sts:SetSourceIdentity", *in.RoleArn, entries...)
}

// policies are the documents that limit the session: the managed ones as they are now.
func (d *door) policies(ctx context.Context, in *sts.AssumeRoleInput) (documents []string, err error) {
	if in.Policy != nil {
		if _, err := policy.Parse(policy.Identity, *in.Policy); err != nil {
			return nil, err
		}
		documents = append(documents, *in.Policy)
	}
	for _, p := range in.PolicyArns {
		managed, err := d.ids.Policy(ctx, text(p.Arn))
		if fault.Is(err, fault.NotFound) {
			return nil, fault.Newf(fault.Invalid, "member policyArns", "Policy %s does not exist", text(p.Arn))
		}
		if err != nil {
			return nil, err
		}
		documents = append(documents, managed.Document())
	}
	return documents, nil
}

// getSessionToken gives a user, or root, a session of its own. It needs no permission; a session gets no other.
//
// Differs from AWS: there such a session cannot ask IAM anything without multi-factor authentication.
//
// Source: STS API reference, "GetSessionToken".
func (d *door) getSessionToken(_ context.Context, c access.Caller, in *sts.GetSessionTokenInput) (*sts.GetSessionTokenOutput, error) {
	if c.Issued != "" || c.Role != "" {
		return nil, denied("Cannot call GetSessionToken with session credentials")
	}
	most, id := maxUser, c.ID
	if c.IsRoot() {
		most, id = maxRoot, c.Account
	}
	duration, err := seconds(in.DurationSeconds, defaultUser, maxUser)
	if err != nil {
		return nil, err
	}
	creds, err := d.ids.Issue(identity.SessionSpec{Principal: c.Principal, PrincipalID: id, Duration: min(duration, most)})
	if err != nil {
		return nil, err
	}
	out := &sts.GetSessionTokenOutput{Credentials: credentials(creds)}
	out.SessionTokenSize, out.SessionTokenUtilization = sizes(creds)
	return out, nil
}

func credentials(c identity.Credentials) *types.Credentials {
	return &types.Credentials{AccessKeyId: &c.ID, SecretAccessKey: &c.Secret, SessionToken: &c.Token, Expiration: &c.Expires}
}

// sizes are the token's, in bytes and as a percentage of the most that it may be.
func sizes(c identity.Credentials) (bytes, percent *int32) {
	size, full := int32(len(c.Token)), int32(c.Full)
	return &size, &full
}
