package pipeline

import (
	"encoding/json"
	"strings"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/access/policy"
	"flowlake/catalog/projection"
	"flowlake/delivery"
	"flowlake/delivery/destination"
	"flowlake/fault"
	"flowlake/lake"
	"flowlake/logs"
)

// What the sessions are called that the delivery room works in.
const (
	objectSession       = "AWSFirehoseToS3"
	schemaSession       = "AWSFirehoseToGlue"
	subscriptionSession = "CloudWatchLogsToFirehose"
)

// subscriptions shows what passes a log group's events on.
func (m *mapping) subscriptions() error {
	if err := m.allow("logs:DescribeLogGroups", logs.StreamARN(m.caller, "", "")); err != nil {
		return err
	}
	var hidden fewer
	err := pages(func(token string) (string, error) {
		groups, err := m.Logs.Groups(m.ctx, m.caller, logs.GroupQuery{Token: token})
		if err != nil {
			return "", err
		}
		for _, g := range groups.Groups {
			page, err := m.Logs.Subscriptions(m.ctx, m.caller, g.Name, logs.SubscriptionQuery{})
			if fault.Is(err, fault.NotFound) || err == nil && len(page.Subscriptions) == 0 {
				continue
			}
			if err == nil {
				err = m.allow("logs:DescribeSubscriptionFilters", logs.StreamARN(m.caller, g.Name, ""))
			}
			if fault.Is(err, fault.Denied) {
				hidden.add(err)
				continue
			}
			for _, sub := range page.Subscriptions {
				if err == nil {
					err = m.subscription(sub)
				}
			}
			if err != nil {
				return "", err
			}
		}
		return groups.Next, nil
	})
	m.fewer(hidden, "a log group's subscription filters", "log groups' subscription filters")
	return err
}

// subscription asks as delivery does: for the principal of all regions, or, as older roles have it, the region's; and for
// either of the two actions.
func (m *mapping) subscription(sub logs.Subscription) error {
	source := logs.GroupARN(m.caller, sub.Group) + ":*"
	service := logs.Service
	as, trust := m.assume(m.service(service, source), sub.RoleARN, subscriptionSession)
	if !trust.Allowed {
		regional := "logs." + m.caller.Region + ".amazonaws.com"
		if other, second := m.assume(m.service(regional, source), sub.RoleARN, subscriptionSession); second.Allowed {
			service, as, trust = regional, other, second
		}
	}
	put := m.decide(as, "firehose:PutRecord", sub.DestinationARN)
	if !put.Allowed {
		put = m.decide(as, "firehose:PutRecordBatch", sub.DestinationARN)
	}
	return m.add(Step{Stage: "subscription " + sub.Name + " of log group " + sub.Group, Service: service, Actor: sub.RoleARN,
		Target: "delivery stream " + lastOf(sub.DestinationARN), Why: "passes events on as they arrive", Needs: []Need{trust, put}}, "")
}

// streams shows what delivery streams write, and by which table.
func (m *mapping) streams() error {
	if err := m.allow("firehose:ListDeliveryStreams", "*"); err != nil {
		return err
	}
	var hidden fewer
	after := ""
	for {
		page, more, err := m.Delivery.Streams(m.ctx, m.caller, delivery.KindFirehose, after, 100)
		if err != nil {
			return err
		}
		for i := range page {
			after = page[i].Name
			err := m.allow("firehose:DescribeDeliveryStream", page[i].ARN)
			if fault.Is(err, fault.Denied) {
				hidden.add(err)
				continue
			}
			if err == nil {
				err = m.stream(&page[i])
			}
			if err != nil {
				return err
			}
		}
		if !more {
			m.fewer(hidden, "a delivery stream", "delivery streams")
			return nil
		}
	}
}

func (m *mapping) stream(d *delivery.Stream) error {
	var s destination.Settings
	if err := json.Unmarshal(d.Settings, &s); err != nil {
		return fault.Newf(fault.Internal, "delivery stream "+d.Name, "its settings cannot be read: %w", err)
	}
	stage, service := "delivery stream "+d.Name, d.Service()
	external := policy.Entry{Key: "sts:ExternalId", Values: []string{d.Account}}
	as, trust := m.assume(service, s.RoleARN, objectSession, external)
	writes := func(as access.Caller, trust Need, role, bucketARN, prefix, why string) error {
		bucket := strings.TrimPrefix(bucketARN, "arn:aws:s3:::")
		below, _, _ := strings.Cut(prefix, "!{")
		return m.add(Step{Stage: stage, Service: service.Service, Actor: role, Target: lake.URL(bucket, below), Why: why,
			Needs: []Need{trust, m.below(as, "s3:PutObject", bucket, below)}}, "")
	}
	if err := writes(as, trust, s.RoleARN, s.BucketARN, s.Prefix, "writes batches as objects"); err != nil {
		return err
	}
	if s.ErrorPrefix != "" { // without one they are below Prefix
		if err := writes(as, trust, s.RoleARN, s.BucketARN, s.ErrorPrefix, "writes records that failed"); err != nil {
			return err
		}
	}
	if s.BackupMode == destination.BackupEnabled && s.Backup != nil {
		as, trust := as, trust
		if s.Backup.RoleARN != s.RoleARN {
			as, trust = m.assume(service, s.Backup.RoleARN, objectSession, external)
		}
		if err := writes(as, trust, s.Backup.RoleARN, s.Backup.BucketARN, s.Backup.Prefix, "keeps records as they came"); err != nil {
			return err
		}
	}
	if s.Conversion == nil || !s.Conversion.Enabled || s.Conversion.Schema == nil {
		return nil
	}
	return m.schema(d, s.Conversion.Schema, external)
}

// schema shows who reads the table that a stream converts by, and registers its partitions.
func (m *mapping) schema(d *delivery.Stream, schema *destination.Schema, external policy.Entry) error {
	as, trust := m.assume(d.Service(), schema.RoleARN, schemaSession, external)
	if schema.Region != "" {
		as = as.In(schema.Region)
	}
	database, name := strings.ToLower(schema.Database), strings.ToLower(schema.Table)
	s := Step{Stage: "delivery stream " + d.Name, Service: d.Service().Service, Actor: schema.RoleARN, Target: "table " + database + "." + name,
		Why: "takes the schema of what it writes, and registers partitions"}
	t, there, err := m.table(as.Region, database, name)
	if err != nil {
		return err
	}
	s.Needs = append([]Need{trust}, m.glue(as, onTable(database, name), "GetTableVersions", "GetTable")...)
	if there {
		s.Needs = append(s.Needs, m.seesWhole(as, formation.OnTable(database, name)))
		if len(t.PartitionKeys) > 0 && !projection.Enabled(t) {
			s.Needs = append(s.Needs, m.glue(as, onTable(database, name), "GetPartition", "BatchCreatePartition")...)
			s.Needs = append(s.Needs, m.has(as, formation.OnTable(database, name), formation.Alter, formation.Insert))
		}
	} else {
		s.Needs = append(s.Needs, Need{Action: "lakeformation:Describe", Resource: as.ARN("glue", "table/"+database+"/"+name), Missing: "there is no such table: records wait for it"})
	}
	return m.add(s, "")
}
