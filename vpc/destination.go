package vpc

import (
	"context"
	"regexp"
	"strings"

	"flowlake/access"
	"flowlake/delivery"
	"flowlake/fault"
)

// destination is where a flow log's records go.
type destination struct {
	kind   string
	arn    string // normal: a log group's without ":*"
	group  string
	bucket string
	folder string // "" or "a/b/"
	stream string
}

var (
	groupName  = regexp.MustCompile(`^[.\-_/#A-Za-z0-9]{1,512}$`)
	streamName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,64}$`)
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
)

// parseDestination reads a request's destination. Its type must be set.
func parseDestination(c access.Caller, in *FlowLogInput) (destination, error) {
	d := destination{kind: in.Type}
	invalid := func(format string, args ...any) (destination, error) {
		return destination{}, fault.Newf(fault.Invalid, "log destination", format, args...)
	}
	if in.Group != "" {
		switch {
		case in.Destination != "":
			return invalid("Please only provide LogGroupName or only provide LogDestination.")
		case in.Type != ToLogs:
			return invalid("LogDestination type must be cloud-watch-logs if LogGroupName is provided.")
		case !groupName.MatchString(in.Group):
			return invalid("%q is not a log group's name", in.Group)
		}
		d.group, d.arn = in.Group, c.ARN("logs", "log-group:"+in.Group)
		return d, nil
	}
	if in.Destination == "" {
		return invalid("LogDestination can't be empty if LogGroupName is not provided.")
	}
	parts := strings.SplitN(in.Destination, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || !strings.HasPrefix(parts[1], "aws") {
		return invalid("LogDestination: %s is not an ARN", in.Destination)
	}
	service, region, account, resource := parts[2], parts[3], parts[4], parts[5]
	if in.Type != ToS3 {
		if region != c.Region {
			return invalid("LogDestination must be in the same region as the API caller.")
		}
		if account != c.Account {
			return destination{}, fault.Newf(fault.Unsupported, "log destination", "%s is another account's: delivery over accounts is not built", in.Destination)
		}
	}
	switch in.Type {
	case ToLogs:
		name, ok := strings.CutPrefix(strings.TrimSuffix(resource, ":*"), "log-group:")
		if service != "logs" || !ok || !groupName.MatchString(name) {
			return invalid("LogDestination: %s is not the ARN of a log group", in.Destination)
		}
		d.group, d.arn = name, strings.TrimSuffix(in.Destination, ":*")
	case ToS3:
		d.bucket, d.folder = splitBucket(in.Destination)
		if service != "s3" || region != "" || account != "" || !bucketName.MatchString(d.bucket) || len(d.folder) > 512 {
			return invalid("LogDestination: %s is not the ARN of a bucket, or of a folder in one", in.Destination)
		}
		for part := range strings.SplitSeq(d.folder, "/") {
			if part == "AWSLogs" {
				return invalid("LogDestination: the folder AWSLogs is made by the service, it cannot be part of %s", in.Destination)
			}
		}
		d.arn = in.Destination
	case ToFirehose:
		name, ok := strings.CutPrefix(resource, "deliverystream/")
		if service != "firehose" || !ok || !streamName.MatchString(name) {
			return invalid("LogDestination: %s is not the ARN of a delivery stream", in.Destination)
		}
		d.stream, d.arn = name, in.Destination
	default:
		return invalid("%q is no destination type", in.Type)
	}
	return d, nil
}

// splitBucket takes the ARN of a bucket, or of a folder in one, apart. The folder ends in a slash.
func splitBucket(arn string) (bucket, folder string) {
	resource := arn[strings.LastIndexByte(arn, ':')+1:]
	bucket, folder, _ = strings.Cut(resource, "/")
	if folder = strings.TrimSuffix(folder, "/"); folder != "" {
		folder += "/"
	}
	return bucket, folder
}

// reach asks whether a destination that must exist does. It returns fault.NotFound about "log destination".
func (s *Store) reach(ctx context.Context, c access.Caller, d destination) error {
	var err error
	switch d.kind {
	case ToS3:
		var owner string
		if owner, _, err = s.lake.ResourcePolicy(ctx, "arn:aws:s3:::"+d.bucket); err == nil && owner == "" {
			return fault.Newf(fault.NotFound, "log destination", "LogDestination: %s does not exist.", d.bucket)
		}
	case ToFirehose:
		if _, err = s.delivery.Stream(ctx, c, delivery.KindFirehose, d.stream); fault.Is(err, fault.NotFound) {
			return fault.Newf(fault.NotFound, "log destination", "LogDestination: %s does not exist.", d.stream)
		}
	}
	return err
}
