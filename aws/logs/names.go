package logs

import (
	"strings"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/logs"
)

// text is a string member, "" when it is absent.
func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// number is a number member, 0 when it is absent.
func number[N int32 | int64](p *N) N {
	if p == nil {
		return 0
	}
	return *p
}

// pageLimit is a page's limit for the room, where 0 is none given: a client's own 0 is outside of every range.
func pageLimit(p *int32) int {
	if p == nil {
		return 0
	}
	if *p == 0 {
		return -1
	}
	return int(*p)
}

func either(name, identifier *string) *string {
	if name != nil {
		return name
	}
	return identifier
}

// groupName is the group that is named by its name or its identifier, of which there must be one.
func groupName(c access.Caller, name, identifier *string) (string, error) {
	switch {
	case name != nil && identifier != nil:
		return "", fault.Newf(fault.Invalid, "log group", "logGroupName and logGroupIdentifier cannot be used together")
	case name != nil && *name != "":
		return *name, nil
	case identifier != nil && *identifier != "":
		return identified(c, *identifier)
	}
	return "", fault.Newf(fault.Invalid, "log group", "logGroupName or logGroupIdentifier must be given")
}

// identified reads a log group identifier: a name or an ARN.
func identified(c access.Caller, identifier string) (string, error) {
	if !strings.HasPrefix(identifier, "arn:") {
		return identifier, nil
	}
	if name, ok := groupOfARN(c, identifier); ok {
		return name, nil
	}
	return "", fault.Newf(fault.Invalid, "log group identifier "+identifier, "is not the ARN of a log group of account %s in region %s", c.Account, c.Region)
}

// tagged reads the ARN of a group whose tags are meant. A name is none.
func tagged(c access.Caller, arn string) (string, error) {
	if !strings.HasPrefix(arn, "arn:") {
		return "", fault.Newf(fault.Invalid, "resource "+arn, "is not an ARN")
	}
	return identified(c, arn)
}

// groupOfARN returns the name in the ARN of a group in the caller's account and region, with or without ":*".
func groupOfARN(c access.Caller, arn string) (string, bool) {
	name, ok := strings.CutPrefix(arn, logs.GroupARN(c, ""))
	name = strings.TrimSuffix(name, ":*")
	return name, ok && name != "" && !strings.Contains(name, ":")
}
