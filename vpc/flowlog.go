package vpc

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"flowlake/access"
	"flowlake/delivery"
	"flowlake/fault"
	"flowlake/flow"
	"flowlake/state"
)

// The destination types, as EC2 spells them.
const (
	ToLogs     = "cloud-watch-logs"
	ToS3       = "s3"
	ToFirehose = "kinesis-data-firehose"
)

// Service acts for a flow log when it delivers.
const Service = "delivery.logs.amazonaws.com"

// FlowLog is a flow log. It never changes but for its tags.
type FlowLog struct {
	ID           string
	Resource     string // what is logged
	ResourceType string // "VPC", "Subnet", "NetworkInterface"
	Traffic      string // "ACCEPT", "REJECT", "ALL"
	Type         string // of the destination
	Destination  string // its ARN; a log group's without ":*"
	Group        string // the log group's name
	Role         string // that delivers to a log group
	Format       string // as it was given
	Interval     int    // of aggregation, in seconds
	Options      Options
	Created      time.Time
	Tags         Tags
	Token        Token
	Creator      access.Caller
}

// Options say how files in S3 are made.
type Options struct {
	Given   bool // the request had them; they are echoed then
	Parquet bool
	Hive    bool // folders named key=value
	Hourly  bool
}

func (f FlowLog) id() string          { return f.ID }
func (f FlowLog) tags() Tags          { return f.Tags }
func (f FlowLog) withTags(t Tags) any { f.Tags = t; return f }
func (f FlowLog) field(name string) ([]string, bool) {
	switch name {
	case "flow-log-id":
		return one(f.ID)
	case "resource-id":
		return one(f.Resource)
	case "traffic-type":
		return one(f.Traffic)
	case "log-destination-type":
		return one(f.Type)
	case "log-group-name":
		return one(f.Group)
	case "deliver-log-status": // FlowLogs asks it again of each flow log's destination
		return one("SUCCESS")
	}
	return nil, false
}

// ARN is the flow log's own.
func (f FlowLog) ARN() string { return f.Creator.ARN("ec2", "vpc-flow-log/"+f.ID) }

// Fields are the format's. A flow log's format was checked when it was made.
func (f FlowLog) Fields() []flow.Field {
	fields, err := flow.ParseFormat(f.Format)
	if err != nil {
		return flow.DefaultFormat()
	}
	return fields
}

// FlowLogInput is a request for flow logs, one for each of Resources.
type FlowLogInput struct {
	Resources    []string
	ResourceType string
	Traffic      string
	Type         string // "": ToLogs
	Destination  string // an ARN; or Group
	Group        string
	Role         string
	Format       string // "": version 2's
	Interval     int    // 0: 600
	Options      Options
	Tags         Tags
	Token        Token
}

// maxResources bounds a request. Source: EC2 API reference, CreateFlowLogs.
const maxResources = 1000

// Failed is a resource that got no flow log.
type Failed struct {
	Resource string
	Err      error
}

// CreateFlowLogs makes a flow log for each resource, and says of which resources it could not and why: a resource that
// there is not, a bucket or a delivery stream that there is not. Everything else that is wrong is an error, and nothing was made:
// fault.Invalid, fault.Unsupported for resource types that are not logged here, fault.Exists for a flow log that there
// is already, fault.Conflict for a token of another request. The log group need not exist: it is made at the first
// delivery, as on AWS. The caller hands a role to the service that assumes it, which must be able to.
//
// Differs from AWS: a resource may have more than two flow logs.
//
// Source: EC2 API reference, CreateFlowLogs; VPC user guide, "Flow logs".
func (s *Store) CreateFlowLogs(ctx context.Context, c access.Caller, in FlowLogInput) (made []FlowLog, failed []Failed, err error) {
	to, err := check(c, &in)
	if err != nil {
		return nil, nil, err
	}
	if in.Type == ToLogs {
		if err := s.handOver(ctx, c, in.Role); err != nil {
			return nil, nil, err
		}
	}
	reach := s.reach(ctx, c, to)
	if reach == nil && to.kind == ToS3 {
		reach = s.letIn(ctx, c, to, in.Options)
	}
	if reach != nil && !fault.Is(reach, fault.NotFound) && !fault.Is(reach, fault.Denied) {
		return nil, nil, reach
	}
	now := time.Now().UTC()
	err = s.state.Update(ctx, func(tx *state.Tx) error {
		var there []FlowLog
		if err := each(tx, c, kindFlowLog, func(f FlowLog) error { there = append(there, f); return nil }); err != nil {
			return err
		}
		if in.Token.Value != "" {
			for _, f := range there {
				if f.Token.Value == in.Token.Value {
					if made = append(made, f); f.Token.Sum != in.Token.Sum {
						return mismatch(in.Token)
					}
				}
			}
			if made != nil {
				return nil
			}
		}
		for _, id := range in.Resources {
			err := exists(tx, c, in.ResourceType, id)
			if err == nil {
				err = reach
			}
			if err != nil {
				failed = append(failed, Failed{id, err})
				continue
			}
			f := FlowLog{ID: newID("fl"), Resource: id, ResourceType: in.ResourceType, Traffic: in.Traffic, Type: in.Type, Destination: to.arn,
				Group: to.group, Role: in.Role, Format: in.Format, Interval: in.Interval, Options: in.Options, Created: now, Tags: in.Tags,
				Token: in.Token, Creator: c}
			if slices.ContainsFunc(there, func(o FlowLog) bool { return o.same(f) }) {
				return fault.Newf(fault.Exists, "flow log", "Error. There is an existing Flow Log with the same configuration and log destination.")
			}
			if err := tx.Create(s.doc(c, kindFlowLog, f.ID), f); err != nil {
				return err
			}
			made, there = append(made, f), append(there, f)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	all := made
	made = nil
	for _, f := range all { // the rows are there: a stream that a crash kept from being made is made by the next Run
		var err error
		if f.Type == ToS3 {
			err = s.openStream(ctx, c, f)
		}
		if err == nil {
			made = append(made, f)
			continue
		}
		if err := s.dropFlowLogs(ctx, c, f); err != nil {
			return nil, nil, err
		}
		failed = append(failed, Failed{f.Resource, err})
	}
	return made, failed, nil
}

// same reports whether two flow logs would deliver the same.
func (f FlowLog) same(o FlowLog) bool {
	f.Options.Given, o.Options.Given = false, false
	return f.Resource == o.Resource && f.Traffic == o.Traffic && f.Destination == o.Destination && f.Format == o.Format &&
		f.Interval == o.Interval && f.Options == o.Options
}

// exists looks for a resource to be logged.
func exists(tx *state.Tx, c access.Caller, resourceType, id string) (err error) {
	switch resourceType {
	case "VPC":
		_, err = get[VPC](tx, c, kindVPC, id)
	case "Subnet":
		_, err = get[Subnet](tx, c, kindSubnet, id)
	default:
		_, err = get[Interface](tx, c, kindInterface, id)
	}
	return err
}

// resourcePrefixes are how the ids of what can be logged begin.
var resourcePrefixes = map[string]string{"VPC": "vpc-", "Subnet": "subnet-", "NetworkInterface": "eni-"}

// check refuses a request that cannot be meant, and fills in what it leaves to EC2.
func check(c access.Caller, in *FlowLogInput) (destination, error) {
	invalid := func(subject, format string, args ...any) (destination, error) {
		return destination{}, fault.Newf(fault.Invalid, subject, format, args...)
	}
	prefix, ok := resourcePrefixes[in.ResourceType]
	if !ok {
		return destination{}, fault.Newf(fault.Unsupported, "resource type "+in.ResourceType, "flowlake logs VPC, Subnet and NetworkInterface")
	}
	if len(in.Resources) == 0 || len(in.Resources) > maxResources {
		return invalid("resource ids", "there are %d; 1 to %d are allowed", len(in.Resources), maxResources)
	}
	seen := map[string]bool{}
	for _, id := range in.Resources {
		if !strings.HasPrefix(id, prefix) {
			return invalid("resource id "+id, "Invalid Resource id %s for resource-type %s", id, in.ResourceType)
		}
		if seen[id] {
			return invalid("resource id "+id, "it is given twice")
		}
		seen[id] = true
	}
	if in.Traffic != "ACCEPT" && in.Traffic != "REJECT" && in.Traffic != "ALL" {
		return invalid("traffic type "+in.Traffic, "ACCEPT, REJECT or ALL is expected")
	}
	switch in.Interval {
	case 0:
		in.Interval = 600
	case 60, 600:
	default:
		return invalid("aggregation interval", "Invalid Flow Log Max Aggregation Interval")
	}
	if in.Format == "" {
		in.Format = flow.FormatString(flow.DefaultFormat())
	}
	fields, err := flow.ParseFormat(in.Format)
	if err != nil {
		return destination{}, err
	}
	for _, f := range fields {
		if f.Version == 6 {
			return invalid("log format", "field %s is of transit gateway flow logs", f.Name)
		}
	}
	if err := checkTags(in.Tags); err != nil {
		return destination{}, err
	}
	if in.Type == "" {
		in.Type = ToLogs
	}
	if in.Options.Given && in.Type != ToS3 && (in.Options.Parquet || in.Options.Hive || in.Options.Hourly) {
		return invalid("destination options", "they are for the destination type s3, not %s", in.Type)
	}
	if in.Type == ToLogs {
		if in.Role == "" {
			return invalid("role", "DeliverLogsPermissionArn can't be empty if LogDestinationType is cloud-watch-logs.")
		}
		if err := access.CheckRole("role", in.Role); err != nil {
			return destination{}, err
		}
	} else if in.Role != "" {
		return invalid("role", "DeliverLogsPermissionArn is not applicable for %s delivery", in.Type)
	}
	return parseDestination(c, in)
}

// Status is how a flow log's deliveries fare.
type Status struct {
	Failed  bool
	Message string // "Access error", "Rate limited" or "Unknown error"; behind the first, what is missing where that is known
}

// FlowLogs lists flow logs. Ids that there are not are left out, as EC2 does.
func (s *Store) FlowLogs(ctx context.Context, c access.Caller, q Query) (page []FlowLog, next string, err error) {
	ids := q.IDs
	q.IDs = nil
	var fares []Filter
	q.Filters = slices.DeleteFunc(slices.Clone(q.Filters), func(f Filter) bool {
		if f.Name == "deliver-log-status" {
			fares = append(fares, f)
			return true
		}
		return false
	})
	if err := checkFilters[FlowLog](fares); err != nil {
		return nil, "", err
	}
	most := q.Max
	q.Max = 0
	all, _, err := find[FlowLog](ctx, s, c, kindFlowLog, q)
	if err != nil {
		return nil, "", err
	}
	for _, f := range all {
		if len(ids) > 0 && !slices.Contains(ids, f.ID) {
			continue
		}
		if len(fares) > 0 {
			status, err := s.Status(ctx, c, f)
			if err != nil {
				return nil, "", err
			}
			word := map[bool]string{true: "FAILED", false: "SUCCESS"}[status.Failed]
			if slices.ContainsFunc(fares, func(f Filter) bool {
				return !slices.ContainsFunc(f.Values, func(v string) bool { return like(v, word) })
			}) {
				continue
			}
		}
		if most > 0 && len(page) == most {
			return page, page[most-1].ID, nil
		}
		page = append(page, f)
	}
	return page, "", nil
}

// FlowLog returns a flow log, or fault.NotFound.
func (s *Store) FlowLog(ctx context.Context, c access.Caller, id string) (f FlowLog, err error) {
	err = s.state.View(ctx, func(tx *state.Tx) error { f, err = get[FlowLog](tx, c, kindFlowLog, id); return err })
	return f, err
}

// Status asks a flow log's destination.
func (s *Store) Status(ctx context.Context, c access.Caller, f FlowLog) (Status, error) {
	s.mu.Lock()
	message := s.failed[f.ID]
	s.mu.Unlock()
	var writer access.Caller // of files
	switch f.Type {
	case ToS3:
		stream, err := s.delivery.Stream(ctx, c, delivery.KindFlowLog, f.ID)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return Status{}, err
		}
		writer = stream.Caller
		if f := stream.Failure; message == "" && f.Message != "" {
			if message = "Access error"; f.Remedy != "" {
				message += ": " + f.Message + "\n" + f.Remedy
			}
		}
		fallthrough
	case ToFirehose:
		to, err := parseDestination(c, &FlowLogInput{Type: f.Type, Destination: f.Destination})
		if err == nil {
			err = s.reach(ctx, c, to)
		}
		if err == nil && writer.Principal != "" {
			err = s.mayDeliver(ctx, writer, to, f.Options)
		}
		if fault.Is(err, fault.NotFound) {
			message = "Access error"
		} else if fault.Is(err, fault.Denied) {
			message = "Access error: " + access.Explain(err)
		}
	}
	return Status{message != "", message}, nil
}

// DeleteFlowLogs removes flow logs, all of them or none. What they were given before is still delivered. It returns
// fault.NotFound for ids that there are not.
func (s *Store) DeleteFlowLogs(ctx context.Context, c access.Caller, ids []string) error {
	all, _, err := s.FlowLogs(ctx, c, Query{})
	if err != nil {
		return err
	}
	var doomed []FlowLog
	var missing []string
	for _, id := range ids {
		i := slices.IndexFunc(all, func(f FlowLog) bool { return f.ID == id })
		if i < 0 {
			missing = append(missing, id)
		} else {
			doomed = append(doomed, all[i])
		}
	}
	if len(missing) > 0 {
		return fault.Newf(fault.NotFound, "flow log "+missing[0], "These flow log ids in the input list are not found: [TotalCount: %d] %s",
			len(missing), strings.Join(missing, " "))
	}
	return s.dropFlowLogs(ctx, c, doomed...)
}

// dropFlowLogs removes flow logs that may be gone already.
func (s *Store) dropFlowLogs(ctx context.Context, c access.Caller, doomed ...FlowLog) error {
	err := s.state.Update(ctx, func(tx *state.Tx) error { return s.drop(tx, c, doomed) })
	if err == nil {
		s.dropped(doomed)
	}
	return err
}

// drop removes flow logs within a change of more; dropped is called behind it. Their streams go once they are dry.
func (s *Store) drop(tx *state.Tx, c access.Caller, doomed []FlowLog) error {
	for _, f := range doomed {
		err := tx.Delete(s.doc(c, kindFlowLog, f.ID))
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err == nil && f.Type == ToS3 {
			err = tx.Put(s.doc(c, kindDrain, f.ID), drainDoc{Since: time.Now().UTC(), Caller: c})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) dropped(doomed []FlowLog) {
	for _, f := range doomed {
		s.note(f.ID, nil)
	}
	s.nudge()
}

// openStream makes the delivery stream of a flow log to S3, if it is not there. A flow log that was deleted meanwhile is
// fault.NotFound, and its stream goes.
func (s *Store) openStream(ctx context.Context, c access.Caller, f FlowLog) error {
	bucket, folder := splitBucket(f.Destination)
	settings, err := json.Marshal(fileSettings{FlowLog: f.ID, Account: f.Creator.Account, Region: f.Creator.Region, Bucket: bucket, Folder: folder,
		Format: f.Format, Options: f.Options})
	if err != nil {
		return fault.Newf(fault.Internal, "flow log "+f.ID, "%w", err)
	}
	service := deliverer(f.Creator.Account, f.Creator.Region, f.ID)
	_, err = s.delivery.Create(ctx, service, delivery.NewStream{Kind: delivery.KindFlowLog, Name: f.ID, ARN: service.SourceARN, Settings: settings, Service: Service,
		Buffer: delivery.Buffer{Bytes: maxFile, Age: s.cfg.PublishEvery}})
	if err != nil && !fault.Is(err, fault.Exists) {
		return err
	}
	_, gone := s.FlowLog(ctx, c, f.ID)
	if !fault.Is(gone, fault.NotFound) {
		return gone
	}
	err = s.state.Update(ctx, func(tx *state.Tx) error {
		return tx.Put(s.doc(c, kindDrain, f.ID), drainDoc{Since: time.Now().UTC(), Caller: c})
	})
	s.nudge()
	return errors.Join(gone, err)
}

// maxFile bounds the text in a file; gzip makes a quarter of it. Source: VPC user guide: a file has at most 75 MB.
const maxFile = 128 << 20
