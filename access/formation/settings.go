package formation

import (
	"context"
	"slices"

	"flowlake/access"
	"flowlake/fault"
)

// Settings are a region's data lake settings.
//
// Source: Lake Formation API reference, "DataLakeSettings".
type Settings struct {
	Admins         []Principal `json:"admins,omitempty"`
	ReadOnlyAdmins []Principal `json:"readOnlyAdmins,omitempty"`

	// Whether IAM_ALLOWED_PRINCIPALS get ALL on what is new: such a thing is left to IAM.
	OpenDatabases bool `json:"openDatabases"`
	OpenTables    bool `json:"openTables"`

	// FullTableAccess: whoever has SELECT on a whole table may have credentials that read its objects.
	FullTableAccess bool `json:"fullTableAccess,omitempty"`

	// Kept and given back, without an effect in a house of one account.
	Parameters    map[string]string `json:"parameters,omitempty"`
	TrustedOwners []string          `json:"trustedOwners,omitempty"`
}

// Limits of settings. Source: Lake Formation developer guide, "Quotas".
const maxAdmins = 30

// Settings are the caller's region's.
func (v *View) Settings() (*Settings, error) {
	if v.settings != nil {
		return v.settings, nil
	}
	set := &Settings{}
	_, err := v.tx.Get(v.id(kindSettings, ""), set)
	if fault.Is(err, fault.NotFound) { // nobody has said anything: IAM alone decides
		set, err = &Settings{OpenDatabases: true, OpenTables: true, Parameters: map[string]string{"CROSS_ACCOUNT_VERSION": "4"}}, nil
	}
	if err != nil {
		return nil, err
	}
	v.settings = set
	return set, nil
}

// Settings are the caller's region's.
func (s *Store) Settings(ctx context.Context, c access.Caller) (set Settings, err error) {
	err = s.View(ctx, c, func(v *View) error {
		p, err := v.Settings()
		if err == nil {
			set = *p
		}
		return err
	})
	return set, err
}

// PutSettings replaces the caller's region's settings. Administrators are named by their ARNs, and must be there. What was
// made before keeps its permissions.
func (s *Store) PutSettings(ctx context.Context, c access.Caller, set Settings) error {
	for _, list := range []*[]Principal{&set.Admins, &set.ReadOnlyAdmins} {
		if len(*list) > maxAdmins {
			return fault.Newf(fault.Invalid, "data lake settings", "there are %d administrators; at most %d are allowed", len(*list), maxAdmins)
		}
		resolved := make([]Principal, 0, len(*list))
		for _, p := range *list {
			if p.ARN == IAMAllowed || p.ARN == c.Account+everyone {
				return fault.Newf(fault.Invalid, "Invalid principal, "+p.ARN, "an administrator is a user or a role")
			}
			found, err := s.administrator(ctx, c, p.ARN)
			if err != nil {
				return err
			}
			if !slices.Contains(resolved, found) {
				resolved = append(resolved, found)
			}
		}
		*list = resolved
	}
	return s.edit(ctx, c, func(v *View) error {
		v.settings = &set
		return v.tx.Put(v.id(kindSettings, ""), set)
	})
}

// administrator is principal, and root besides, which is one already.
func (s *Store) administrator(ctx context.Context, c access.Caller, arn string) (Principal, error) {
	if arn == access.Root(c.Account, "").Principal {
		return Principal{ARN: arn}, nil
	}
	return s.principal(ctx, c, arn)
}
