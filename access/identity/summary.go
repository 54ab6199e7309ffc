package identity

import (
	"context"
	"regexp"
	"strings"

	"flowlake/fault"
	"flowlake/state"
)

// aliasKind is the noun of account aliases.
const aliasKind = "account alias"

// aliasForm is what an alias may be: lower-case letters, digits and single hyphens inside.
//
// Source: IAM API reference, CreateAccountAlias.
var aliasForm = regexp.MustCompile(`^[a-z0-9](-?[a-z0-9]){2,62}$`)

// SetAlias gives the account another alias, in place of one that it has.
func (s *Store) SetAlias(ctx context.Context, alias string) error {
	if !aliasForm.MatchString(alias) {
		return fault.Newf(fault.Invalid, aliasKind+" "+alias, "is not 3 to 63 lower-case letters, digits and single hyphens between them")
	}
	return s.change(ctx, func(tx *state.Tx) error {
		return tx.Put(state.ID{Kind: aliasKind, Account: s.account, Key: "alias"}, alias)
	})
}

// Alias returns the account's alias, "" when it has none.
func (s *Store) Alias(ctx context.Context) (alias string, err error) {
	err = s.state.View(ctx, func(tx *state.Tx) error {
		_, err := tx.Get(state.ID{Kind: aliasKind, Account: s.account, Key: "alias"}, &alias)
		if fault.Is(err, fault.NotFound) {
			err = nil
		}
		return err
	})
	return alias, err
}

// DeleteAlias takes the account's alias away. It returns fault.NotFound when it is another, or none.
func (s *Store) DeleteAlias(ctx context.Context, alias string) error {
	return s.change(ctx, func(tx *state.Tx) error {
		id := state.ID{Kind: aliasKind, Account: s.account, Key: "alias"}
		var there string
		_, err := tx.Get(id, &there)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if err != nil || there != alias {
			return fault.Newf(fault.NotFound, aliasKind+" "+alias, "The Account Alias %s cannot be found.", alias)
		}
		return tx.Delete(id)
	})
}

// Summary returns how many of each there are, and the quotas, under the names that GetAccountSummary has.
func (s *Store) Summary(ctx context.Context) (map[string]int, error) {
	all := map[string]int{
		"UsersQuota": quotas[User], "GroupsQuota": quotas[Group], "RolesQuota": quotas[Role], "PoliciesQuota": quotas[Managed],
		"GroupsPerUserQuota": maxGroups, "AccessKeysPerUserQuota": maxKeys, "AttachedPoliciesPerUserQuota": maxAttached,
		"AttachedPoliciesPerGroupQuota": maxAttached, "AttachedPoliciesPerRoleQuota": maxAttached, "VersionsPerPolicyQuota": maxVersions,
		"PolicySizeQuota": maxManaged, "UserPolicySizeQuota": maxInline[User], "GroupPolicySizeQuota": maxInline[Group],
		"RolePolicySizeQuota": maxInline[Role], "AssumeRolePolicySizeQuota": maxTrust, "PolicyVersionsInUseQuota": 10_000,
		"AccountAccessKeysPresent": 1, "AccountMFAEnabled": 0, "MFADevices": 0, "MFADevicesInUse": 0,
	}
	err := s.state.View(ctx, func(tx *state.Tx) error {
		for name, kind := range map[string]Kind{"Users": User, "Groups": Group, "Roles": Role, "Policies": Managed} {
			n, err := s.count(tx, kind.String())
			if err != nil {
				return err
			}
			all[name] = n
		}
		uses, err := s.uses(tx)
		for arn := range uses {
			if strings.HasPrefix(arn, "arn:aws:iam::"+s.account+":") {
				all["PolicyVersionsInUse"]++
			}
		}
		return err
	})
	return all, err
}
