package athena

import (
	"cmp"
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	"github.com/aws/aws-sdk-go-v2/service/athena/types"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/query"
)

// engineVersion shows what a workgroup selected; the engine is the same.
func engineVersion(w query.Workgroup) *types.EngineVersion {
	selected := cmp.Or(w.EngineVersion, "AUTO")
	return &types.EngineVersion{SelectedEngineVersion: &selected, EffectiveEngineVersion: aws.String(query.EngineVersion)}
}

// noRequesterPays refuses what there is no bucket for.
func noRequesterPays(enabled *bool) error {
	if aws.ToBool(enabled) {
		return fault.Newf(fault.Unsupported, "RequesterPaysEnabled", "flowlake has no requester-pays buckets")
	}
	return nil
}

// cutoff reads the bound of a workgroup's queries: 0, which is no bound inside, is one that Athena does not take.
func cutoff(bytes int64) (int64, error) {
	if bytes < query.MinBytesCutoff {
		return 0, fault.Newf(fault.Invalid, "BytesScannedCutoffPerQuery", "%d is less than %d bytes", bytes, query.MinBytesCutoff)
	}
	return bytes, nil
}

func (d *door) createWorkGroup(ctx context.Context, c access.Caller, in *athena.CreateWorkGroupInput) (*athena.CreateWorkGroupOutput, error) {
	w := query.Workgroup{Name: *in.Name, Description: aws.ToString(in.Description)}
	// Enforcement and metrics are on unless the client says otherwise: Athena, "WorkGroupConfiguration".
	w.Enforce, w.PublishMetrics = true, true
	if cfg := in.Configuration; cfg != nil {
		if cfg.EngineVersion != nil {
			w.EngineVersion = aws.ToString(cfg.EngineVersion.SelectedEngineVersion)
		}
		w.Output = resultConfig(cfg.ResultConfiguration)
		w.Enforce = or(cfg.EnforceWorkGroupConfiguration, true)
		w.PublishMetrics = or(cfg.PublishCloudWatchMetricsEnabled, true)
		if err := noRequesterPays(cfg.RequesterPaysEnabled); err != nil {
			return nil, err
		}
		if cfg.BytesScannedCutoffPerQuery != nil {
			var err error
			if w.BytesCutoff, err = cutoff(*cfg.BytesScannedCutoffPerQuery); err != nil {
				return nil, err
			}
		}
	}
	w.Tags = tagMap(in.Tags)
	return nil, d.q.CreateWorkgroup(ctx, c, w)
}

func or(b *bool, otherwise bool) bool {
	if b == nil {
		return otherwise
	}
	return *b
}

// resultConfig reads a client's; an encryption option that flowlake does not record is the room's to refuse.
func resultConfig(r *types.ResultConfiguration) (out query.ResultConfig) {
	if r == nil {
		return out
	}
	out.Location, out.ExpectedBucketOwner = aws.ToString(r.OutputLocation), aws.ToString(r.ExpectedBucketOwner)
	if r.EncryptionConfiguration != nil {
		out.Encryption = string(r.EncryptionConfiguration.EncryptionOption)
	}
	if r.AclConfiguration != nil {
		out.ACL = string(r.AclConfiguration.S3AclOption)
	}
	return out
}

func showResultConfig(r query.ResultConfig) *types.ResultConfiguration {
	out := &types.ResultConfiguration{}
	if r.Location != "" {
		out.OutputLocation = &r.Location
	}
	if r.Encryption != "" {
		out.EncryptionConfiguration = &types.EncryptionConfiguration{EncryptionOption: types.EncryptionOption(r.Encryption)}
	}
	if r.ExpectedBucketOwner != "" {
		out.ExpectedBucketOwner = &r.ExpectedBucketOwner
	}
	if r.ACL != "" {
		out.AclConfiguration = &types.AclConfiguration{S3AclOption: types.S3AclOption(r.ACL)}
	}
	return out
}

func (d *door) getWorkGroup(ctx context.Context, c access.Caller, in *athena.GetWorkGroupInput) (*athena.GetWorkGroupOutput, error) {
	w, err := d.q.Workgroup(ctx, c, *in.WorkGroup)
	if err != nil {
		return nil, err
	}
	cfg := &types.WorkGroupConfiguration{
		ResultConfiguration: showResultConfig(w.Output), EnforceWorkGroupConfiguration: &w.Enforce,
		PublishCloudWatchMetricsEnabled: &w.PublishMetrics, RequesterPaysEnabled: aws.Bool(false), EngineVersion: engineVersion(w),
	}
	if w.BytesCutoff > 0 {
		cfg.BytesScannedCutoffPerQuery = &w.BytesCutoff
	}
	out := &types.WorkGroup{Name: &w.Name, Description: &w.Description, State: types.WorkGroupState(w.State), Configuration: cfg}
	if !w.Created.IsZero() {
		out.CreationTime = &w.Created
	}
	return &athena.GetWorkGroupOutput{WorkGroup: out}, nil
}

func (d *door) listWorkGroups(ctx context.Context, c access.Caller, in *athena.ListWorkGroupsInput) (*athena.ListWorkGroupsOutput, error) {
	max, err := pageSize(in.MaxResults, 50)
	if err != nil {
		return nil, err
	}
	page, more, err := d.q.Workgroups(ctx, c, aws.ToString(in.NextToken), max)
	if err != nil {
		return nil, err
	}
	out := &athena.ListWorkGroupsOutput{WorkGroups: []types.WorkGroupSummary{}}
	for _, w := range page {
		s := types.WorkGroupSummary{Name: &w.Name, Description: &w.Description, State: types.WorkGroupState(w.State), EngineVersion: engineVersion(w)}
		if !w.Created.IsZero() {
			s.CreationTime = &w.Created
		}
		out.WorkGroups = append(out.WorkGroups, s)
	}
	if more {
		out.NextToken = &page[len(page)-1].Name
	}
	return out, nil
}

// pageSize is the size that a client asks for, most when it does not ask.
func pageSize(asked *int32, most int) (int, error) {
	if asked == nil {
		return most, nil
	}
	if n := int(*asked); n >= 1 && n <= most {
		return n, nil
	}
	return 0, fault.Newf(fault.Invalid, "MaxResults", "%d is not between 1 and %d", *asked, most)
}

func (d *door) updateWorkGroup(ctx context.Context, c access.Caller, in *athena.UpdateWorkGroupInput) (*athena.UpdateWorkGroupOutput, error) {
	return nil, d.q.UpdateWorkgroup(ctx, c, *in.WorkGroup, func(w *query.Workgroup) error {
		if in.Description != nil {
			w.Description = *in.Description
		}
		if in.State != "" {
			w.State = string(in.State)
		}
		u := in.ConfigurationUpdates
		if u == nil {
			return nil
		}
		if u.EngineVersion != nil {
			w.EngineVersion = aws.ToString(u.EngineVersion.SelectedEngineVersion)
		}
		w.Enforce = or(u.EnforceWorkGroupConfiguration, w.Enforce)
		w.PublishMetrics = or(u.PublishCloudWatchMetricsEnabled, w.PublishMetrics)
		if err := noRequesterPays(u.RequesterPaysEnabled); err != nil {
			return err
		}
		switch remove := aws.ToBool(u.RemoveBytesScannedCutoffPerQuery); {
		case remove && u.BytesScannedCutoffPerQuery != nil:
			return both("BytesScannedCutoffPerQuery")
		case remove:
			w.BytesCutoff = 0
		case u.BytesScannedCutoffPerQuery != nil:
			var err error
			if w.BytesCutoff, err = cutoff(*u.BytesScannedCutoffPerQuery); err != nil {
				return err
			}
		}
		if u.ResultConfigurationUpdates != nil {
			return updateResultConfig(&w.Output, u.ResultConfigurationUpdates)
		}
		return nil
	})
}

func both(member string) error {
	return fault.Newf(fault.Invalid, member, "cannot be set and removed at once")
}

func updateResultConfig(r *query.ResultConfig, u *types.ResultConfigurationUpdates) error {
	var encryption, acl *string
	if u.EncryptionConfiguration != nil {
		encryption = aws.String(string(u.EncryptionConfiguration.EncryptionOption))
	}
	if u.AclConfiguration != nil {
		acl = aws.String(string(u.AclConfiguration.S3AclOption))
	}
	for _, m := range []struct {
		name   string
		to     *string
		remove *bool
		value  *string
	}{
		{"OutputLocation", &r.Location, u.RemoveOutputLocation, u.OutputLocation},
		{"ExpectedBucketOwner", &r.ExpectedBucketOwner, u.RemoveExpectedBucketOwner, u.ExpectedBucketOwner},
		{"EncryptionConfiguration", &r.Encryption, u.RemoveEncryptionConfiguration, encryption},
		{"AclConfiguration", &r.ACL, u.RemoveAclConfiguration, acl},
	} {
		switch remove := aws.ToBool(m.remove); {
		case remove && m.value != nil:
			return both(m.name)
		case remove:
			*m.to = ""
		case m.value != nil:
			*m.to = *m.value
		}
	}
	return nil
}

func (d *door) deleteWorkGroup(ctx context.Context, c access.Caller, in *athena.DeleteWorkGroupInput) (*athena.DeleteWorkGroupOutput, error) {
	return nil, d.q.DeleteWorkgroup(ctx, c, *in.WorkGroup, aws.ToBool(in.RecursiveDeleteOption))
}
