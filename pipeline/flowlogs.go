package pipeline

import (
	"cmp"
	"slices"
	"strings"

	"flowlake/fault"
	"flowlake/lake"
	"flowlake/logs"
	"flowlake/vpc"
)

// flowLogs shows what writes the records of flow logs.
func (m *mapping) flowLogs() error {
	if err := m.allow("ec2:DescribeFlowLogs", "*"); err != nil {
		return err
	}
	list, _, err := m.VPC.FlowLogs(m.ctx, m.caller, vpc.Query{})
	slices.SortStableFunc(list, func(a, b vpc.FlowLog) int { // their ids are random
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Destination, b.Destination))
	})
	for _, f := range list {
		s, bucket := Step{Stage: "flow log " + f.ID + " of " + f.Resource}, ""
		switch f.Type {
		case vpc.ToLogs:
			s.Service, s.Actor, s.Target, s.Why = vpc.RoleService, f.Role, "log group "+f.Group, "writes flow records as log events"
			as, trust := m.assume(m.service(vpc.RoleService, f.ARN()), f.Role, f.ID)
			group, streams := logs.StreamARN(as, f.Group, ""), logs.StreamARN(as, f.Group, "*")
			s.Needs = []Need{trust, m.decide(as, "logs:DescribeLogGroups", group), m.decide(as, "logs:DescribeLogStreams", group)}
			if _, err := m.Logs.Group(m.ctx, m.caller, f.Group); fault.Is(err, fault.NotFound) {
				s.Needs = append(s.Needs, m.decide(as, "logs:CreateLogGroup", group))
			}
			s.Needs = append(s.Needs, m.decide(as, "logs:CreateLogStream", streams), m.decide(as, "logs:PutLogEvents", streams))
		case vpc.ToS3:
			var folder string
			bucket, folder = splitLocation(strings.TrimPrefix(f.Destination, "arn:aws:s3:::"))
			s.Actor, s.Target, s.Why = vpc.Service, lake.URL(bucket, folder), "writes flow records as files"
			as := f.Deliverer()
			s.Needs = []Need{m.decide(as, "s3:GetBucketAcl", lake.ARN(bucket, "")),
				m.below(as, "s3:PutObject", bucket, f.Options.Prefix(folder, m.caller.Account, m.caller.Region), ownersACL)}
		case vpc.ToFirehose: // its service-linked role may: nothing is asked
			s.Actor, s.Target, s.Why = vpc.Service, "delivery stream "+lastOf(f.Destination), "puts flow records"
		}
		if err := m.add(s, bucket); err != nil {
			return err
		}
	}
	return err
}

// exports shows each place that tasks wrote to, or tried to, once.
func (m *mapping) exports() error {
	if err := m.allow("logs:DescribeExportTasks", "*"); err != nil {
		return err
	}
	seen := map[[2]string]bool{}
	return pages(func(token string) (string, error) {
		page, err := m.Logs.Exports(m.ctx, m.caller, logs.ExportQuery{Token: token})
		for _, e := range page.Exports {
			place := lake.URL(e.Bucket, e.Prefix+"/")
			if seen[[2]string{e.Group, place}] {
				continue
			}
			seen[[2]string{e.Group, place}] = true
			as := logs.ExportCaller(m.caller, e.Group)
			if err := m.add(Step{Stage: "export of log group " + e.Group, Actor: as.Service, Target: place, Why: "copies log events as files", Needs: []Need{
				m.decide(as, "s3:GetBucketAcl", lake.ARN(e.Bucket, "")),
				m.below(as, "s3:PutObject", e.Bucket, e.Prefix+"/", ownersACL),
			}}, e.Bucket); err != nil {
				return "", err
			}
		}
		return page.Next, err
	})
}

// audit shows what brings the audit log to its bucket.
func (m *mapping) audit() error {
	if m.AuditBucket == "" {
		return nil
	}
	as := AuditCaller(m.caller.Account, m.caller.Region)
	key := "AWSLogs/" + m.caller.Account + "/CloudTrail/" + m.caller.Region + "/"
	return m.add(Step{Stage: "audit log", Actor: as.Service, Target: lake.URL(m.AuditBucket, key), Why: "brings finished files",
		Needs: []Need{m.below(as, "s3:PutObject", m.AuditBucket, key, ownersACL)}}, m.AuditBucket)
}

// splitLocation takes bucket/prefix apart. The prefix ends in a slash, or is empty.
func splitLocation(path string) (bucket, prefix string) {
	bucket, prefix, _ = strings.Cut(path, "/")
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	return bucket, prefix
}

// lastOf is what follows an ARN's last slash.
func lastOf(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }
