package crawler

import (
	"context"
	"strings"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/fault"
)

// Service is who assumes a crawler's role. Its trust policy may ask for the crawler's ARN as aws:SourceArn.
const Service = "glue.amazonaws.com"

// sessionName is what Glue calls the session that a crawl runs in.
const sessionName = "AWS-Crawler"

// RoleARN is the ARN of a crawler's role, which is given by its ARN or, with its path, by its name.
func RoleARN(account, role string) string {
	if strings.HasPrefix(role, "arn:") {
		return role
	}
	return "arn:aws:iam::" + account + ":role/" + strings.TrimPrefix(role, "/")
}

// assume begins a session of a crawler's role.
func (k *Crawlers) assume(ctx context.Context, c access.Caller, cr Crawler) (access.Caller, error) {
	return k.guard.Assume(ctx, access.ServicePrincipal(c.Account, c.Region, Service, ARN(c, cr.Name)), RoleARN(c.Account, cr.Role), sessionName)
}

// handOver asks whether the caller may hand a role to a crawler, and whether Glue may assume it. It returns fault.Invalid,
// in Glue's words, for a role that is not there or that does not trust Glue.
func (k *Crawlers) handOver(ctx context.Context, c access.Caller, cr Crawler) error {
	role := RoleARN(c.Account, cr.Role)
	if err := k.guard.MayPassRole(ctx, c, "Role", role, Service); err != nil {
		return err
	}
	_, err := k.assume(ctx, c, cr)
	if fault.Is(err, fault.Denied) {
		return fault.Newf(fault.Invalid, "crawler "+cr.Name, "Service is unable to assume role %s. Please verify role's TrustPolicy. %s", role, access.Explain(err))
	}
	return err
}

// hiddenFrom says of a database that is not there for a crawler's role how it would be, if it is there for others: a role that
// Lake Formation granted nothing cannot tell the one from the other, and nor can who reads its crawl's message.
func hiddenFrom(as access.Caller, cr Crawler, err error) error {
	if !fault.Is(err, fault.NotFound) || !fault.HasNoun(err, "database") || as.Role == "" {
		return err
	}
	grant := formation.Grant{Principal: as.Role, Resource: formation.InDatabase(cr.Database), Permissions: []formation.Permission{formation.CreateTable}}
	return fault.Newf(fault.NotFound, "database "+cr.Database, "not found; or the role %s was granted nothing on it, and this would allow it, in a shell of a data lake administrator:\n%s",
		as.Role, formation.Command(grant, as.Region))
}
