// Package sts is the door of AWS Security Token Service. It says who a caller is; it keeps nothing and hands out
// no credentials yet.
package sts

import (
	"context"

	"flowlake/access"
	"flowlake/aws/wire"

	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Service returns the table of the service's operations.
func Service() wire.Service {
	return wire.Service{
		Name:      "sts",
		Title:     "Security Token Service",
		Protocol:  wire.Query,
		Target:    "2011-06-15",
		Namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
		Operations: []wire.Operation{
			wire.Op("GetCallerIdentity", wire.Row[sts.GetCallerIdentityInput]{Public: true}, getCallerIdentity),
		},
	}
}

// getCallerIdentity needs no permission on AWS either: what it says stands in every refusal too.
func getCallerIdentity(_ context.Context, c access.Caller, _ *sts.GetCallerIdentityInput) (*sts.GetCallerIdentityOutput, error) {
	// The unique id of root is its account; principals that are not root have ids of their own once they exist.
	return &sts.GetCallerIdentityOutput{Account: &c.Account, Arn: &c.Principal, UserId: &c.Account}, nil
}
