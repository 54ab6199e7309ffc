package pipeline

import (
	"encoding/json"
	"slices"
	"strings"

	"flowlake/access/formation"
	"flowlake/access/policy"
	"flowlake/catalog/crawler"
	"flowlake/delivery"
	"flowlake/delivery/destination"
	"flowlake/lake"
	"flowlake/logs"
	"flowlake/vpc"
)

// ownersACL is what services write with into buckets of others.
var ownersACL = policy.Entry{Key: "s3:x-amz-acl", Values: []string{"bucket-owner-full-control"}}

func (m *mapping) flowLogs() error {
	list, _, err := m.VPC.FlowLogs(m.ctx, m.caller, vpc.Query{})
	for _, f := range list {
		s := Step{Stage: "flow log " + f.ID + " of " + f.Resource}
		switch f.Type {
		case vpc.ToLogs:
			s.Service, s.Actor, s.Target, s.Why = vpc.RoleService, f.Role, "log group "+f.Group, "writes flow records as log events"
			as, trust := m.assume(m.service(vpc.RoleService, f.ARN()), f.Role)
			s.Needs = append(s.Needs, trust)
			for _, action := range []string{"logs:CreateLogStream", "logs:PutLogEvents"} {
				s.Needs = append(s.Needs, m.decide(as, action, logs.StreamARN(m.caller, f.Group, "*")))
			}
		case vpc.ToS3:
			bucket, folder := splitLocation(strings.TrimPrefix(f.Destination, "arn:aws:s3:::"))
			s.Actor, s.Target, s.Why = vpc.Service, "s3://"+bucket+"/"+folder, "writes flow records as files"
			as := m.service(vpc.Service, m.caller.ARN("logs", "*"))
			s.Needs = append(s.Needs, m.decide(as, "s3:GetBucketAcl", lake.ARN(bucket, "")),
				m.decide(as, "s3:PutObject", lake.ARN(bucket, folder+"AWSLogs/"+m.caller.Account+"/*"), ownersACL))
		default:
			continue
		}
		m.add(s)
	}
	return err
}

// exports shows each place that tasks wrote to, or tried to, once.
func (m *mapping) exports() error {
	seen := map[string]bool{}
	return pages(func(token string) (string, error) {
		page, err := m.Logs.Exports(m.ctx, m.caller, logs.ExportQuery{Token: token})
		for _, e := range page.Exports {
			place := "s3://" + e.Bucket + "/" + e.Prefix + "/"
			if seen[e.Group+" "+place] {
				continue
			}
			seen[e.Group+" "+place] = true
			as := logs.ExportCaller(m.caller, e.Group)
			m.add(Step{Stage: "export of log group " + e.Group, Actor: as.Service, Target: place, Why: "copies log events as files", Needs: []Need{
				m.decide(as, "s3:GetBucketAcl", lake.ARN(e.Bucket, "")),
				m.decide(as, "s3:PutObject", lake.ARN(e.Bucket, e.Prefix+"/*"), ownersACL),
			}})
		}
		return page.Next, err
	})
}

func (m *mapping) subscriptions() error {
	return pages(func(token string) (string, error) {
		groups, err := m.Logs.Groups(m.ctx, m.caller, logs.GroupQuery{Token: token})
		if err != nil {
			return "", err
		}
		for _, g := range groups.Groups {
			page, err := m.Logs.Subscriptions(m.ctx, m.caller, g.Name, logs.SubscriptionQuery{})
			if err != nil {
				return "", err
			}
			for _, sub := range page.Subscriptions {
				service, source := logs.Service, logs.GroupARN(m.caller, g.Name)+":*"
				as, trust := m.assume(m.service(service, source), sub.RoleARN)
				if !trust.Allowed { // older roles trust the region's principal
					regional := "logs." + m.caller.Region + ".amazonaws.com"
					if as2, second := m.assume(m.service(regional, source), sub.RoleARN); second.Allowed {
						service, as, trust = regional, as2, second
					}
				}
				m.add(Step{Stage: "subscription " + sub.Name + " of log group " + g.Name, Service: service, Actor: sub.RoleARN,
					Target: "delivery stream " + sub.DestinationARN[strings.LastIndexByte(sub.DestinationARN, '/')+1:], Why: "passes events on as they arrive",
					Needs: []Need{trust, m.decide(as, "firehose:PutRecordBatch", sub.DestinationARN)}})
			}
		}
		return groups.Next, nil
	})
}

func (m *mapping) streams() error {
	after := ""
	for {
		page, more, err := m.Delivery.Streams(m.ctx, m.caller, delivery.KindFirehose, after, 100)
		if err != nil {
			return err
		}
		for _, d := range page {
			after = d.Name
			account := policy.Entry{Key: "sts:ExternalId", Values: []string{d.Account}}
			service := d.Service().Service
			var s destination.Settings
			if err := json.Unmarshal(d.Settings, &s); err != nil {
				return err
			}
			bucket := strings.TrimPrefix(s.BucketARN, "arn:aws:s3:::")
			as, trust := m.assume(d.Service(), s.RoleARN, account)
			prefix, _, _ := strings.Cut(s.Prefix, "!{")
			m.add(Step{Stage: "delivery stream " + d.Name, Service: service, Actor: s.RoleARN, Target: "s3://" + bucket + "/" + prefix,
				Why: "writes batches as objects", Needs: []Need{trust, m.decide(as, "s3:PutObject", lake.ARN(bucket, prefix+"*"))}})
			if s.Conversion == nil || !s.Conversion.Enabled || s.Conversion.Schema == nil {
				continue
			}
			schema := s.Conversion.Schema
			as, trust = m.assume(d.Service(), schema.RoleARN, account)
			needs := []Need{trust}
			for _, r := range []string{"catalog", "database/" + schema.Database, "table/" + schema.Database + "/" + schema.Table} {
				needs = append(needs, m.decide(as, "glue:GetTableVersions", as.ARN("glue", r)))
			}
			needs = append(needs, m.has(as, formation.Describe, formation.OnTable(schema.Database, schema.Table)))
			m.add(Step{Stage: "delivery stream " + d.Name, Service: service, Actor: schema.RoleARN,
				Target: "table " + schema.Database + "." + schema.Table, Why: "takes the schema of what it writes", Needs: needs})
		}
		if !more {
			return nil
		}
	}
}

func (m *mapping) crawlers() error {
	return pages(func(token string) (string, error) {
		page, next, err := m.Crawlers.Crawlers(m.ctx, m.caller, token, 100)
		for _, cr := range page {
			role := crawler.RoleARN(m.caller.Account, cr.Role)
			as, trust := m.assume(m.service(crawler.Service, crawler.ARN(m.caller, cr.Name)), role)
			for _, t := range cr.Targets {
				bucket, prefix := splitLocation(strings.TrimPrefix(t.Path, "s3://"))
				m.add(Step{Stage: "crawler " + cr.Name, Service: crawler.Service, Actor: role, Target: t.Path, Why: "reads files to classify them", Needs: []Need{trust,
					m.decide(as, "s3:ListBucket", lake.ARN(bucket, ""), policy.Entry{Key: "s3:prefix", Values: []string{prefix}}),
					m.decide(as, "s3:GetObject", lake.ARN(bucket, prefix+"*")), m.has(as, formation.DataLocationAccess, formation.AtLocation(t.Path))}})
			}
			m.add(Step{Stage: "crawler " + cr.Name, Service: crawler.Service, Actor: role, Target: "database " + cr.Database, Why: "writes tables and partitions",
				Needs: slices.Concat([]Need{trust}, m.each(as, []string{"glue:GetDatabase"}, "catalog", "database/"+cr.Database),
					m.each(as, []string{"glue:CreateTable", "glue:BatchCreatePartition"}, "catalog", "database/"+cr.Database, "table/"+cr.Database+"/*"),
					[]Need{m.has(as, formation.CreateTable, formation.InDatabase(cr.Database))})})
		}
		return next, err
	})
}
