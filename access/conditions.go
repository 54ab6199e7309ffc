package access

import (
	"strconv"
	"strings"
	"time"
)

// globals finds the condition keys that every action has, as far as they are known here, when a policy asks for them.
//
// aws:SourceIp and aws:UserAgent belong to a client: a service that acts for one (Caller.Via), or as a role that it assumed,
// has neither, so that a policy that asks for an address needs aws:ViaAWSService beside it, as on AWS. Nothing here knows of
// aws:SourceVpc, aws:SourceVpce, aws:VpcSourceIp, aws:PrincipalOrgID, aws:PrincipalOrgPaths, aws:SourceOrgID, aws:ResourceOrgID,
// aws:FederatedProvider and aws:MultiFactorAuthAge: they are absent.
//
// Source: IAM user guide, "AWS global condition context keys".
type globals struct {
	caller  Caller
	request *Request // nil for background work
	owner   string   // the account of the resource
	now     time.Time
	tags    map[string]string // the principal's and its session's
}

// find returns a key's values, nil for a key that is absent. It is given in lower case.
func (k *globals) find(key string) []string {
	c := &k.caller
	direct, service := c.Service == "", c.IsService()
	client := direct && k.request != nil && (c.Role == "" || c.AccessKey != "") // a service's session has no key
	switch key {
	case "aws:currenttime":
		return one(k.now.UTC().Format(time.RFC3339))
	case "aws:epochtime":
		return one(strconv.FormatInt(k.now.Unix(), 10))
	case "aws:resourceaccount", "s3:resourceaccount":
		return one(k.owner)
	case "aws:requestedregion":
		return known(c.Region)
	case "aws:securetransport": // what services do among themselves crosses no network
		return one(strconv.FormatBool(!client || k.request.Secure))
	case "aws:sourceip":
		if client {
			return known(k.request.SourceIP)
		}
	case "aws:useragent":
		if client {
			return known(k.request.UserAgent)
		}
	case "aws:principalisawsservice":
		return one(strconv.FormatBool(service))
	}
	if service {
		return k.ofService(key)
	}
	return k.ofPrincipal(key, direct)
}

// ofService finds the keys of a service that asks as itself.
func (k *globals) ofService(key string) []string {
	c := &k.caller
	switch key {
	case "aws:principalservicename":
		return one(c.Principal)
	case "aws:principalservicenameslist":
		names := one(c.Principal)
		if c.Region != "" && strings.Contains(c.Principal, "."+c.Region+".") {
			names = append(names, strings.Replace(c.Principal, "."+c.Region+".", ".", 1))
		}
		return names
	case "aws:sourcearn":
		return known(c.SourceARN)
	case "aws:sourceaccount":
		return known(c.Account)
	}
	return nil
}

// ofPrincipal finds the keys of root, a user or a role's session.
func (k *globals) ofPrincipal(key string, direct bool) []string {
	c := &k.caller
	switch key {
	case "aws:principalarn":
		if c.Role != "" {
			return one(c.Role)
		}
		return one(c.Principal)
	case "aws:principalaccount":
		return one(c.Account)
	case "aws:principaltype":
		switch {
		case c.IsRoot():
			return one("Account")
		case c.Role != "":
			return one("AssumedRole")
		}
		return one("User")
	case "aws:userid":
		switch {
		case c.IsRoot():
			return one(c.Account)
		case c.Role != "":
			return one(c.ID + ":" + c.Session)
		}
		return known(c.ID)
	case "aws:username":
		if !c.IsRoot() && c.Role == "" {
			return one(c.Principal[strings.LastIndexByte(c.Principal, '/')+1:])
		}
	case "aws:viaawsservice":
		return one(strconv.FormatBool(!direct))
	case "aws:calledvia", "aws:calledviafirst", "aws:calledvialast":
		return known(c.Service)
	case "aws:tokenissuetime":
		return known(c.Issued)
	case "aws:multifactorauthpresent":
		if c.Issued != "" {
			return one("false")
		}
	case "aws:sourceidentity":
		return known(c.SourceIdentity)
	default:
		if name, ok := strings.CutPrefix(key, "aws:principaltag/"); ok {
			for tag, value := range k.tags {
				if strings.EqualFold(tag, name) {
					return one(value)
				}
			}
		}
	}
	return nil
}

func one(value string) []string { return []string{value} }

// known is a value that may be absent, which is not the same as empty.
func known(value string) []string {
	if value == "" {
		return nil
	}
	return one(value)
}
