package delivery

import (
	"context"
	"strings"
	"time"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/logs"
)

var _ logs.Destinations = (*Store)(nil)

// Subscribe accepts a log subscription to a Firehose stream: the stream exists and is Active, and a new subscription's control
// message is put into it. It returns fault.NotFound or fault.Conflict otherwise, and fault.Denied where the subscription's role does
// not let CloudWatch Logs put it. It meets logs.Destinations.
//
// Source: CloudWatch Logs user guide, "Log group-level subscription filters": CONTROL_MESSAGE
func (s *Store) Subscribe(ctx context.Context, c access.Caller, sub logs.Subscription) error {
	_, name, _ := strings.Cut(sub.DestinationARN, ":deliverystream/")
	l, err := s.line(c, KindFirehose, name)
	if err != nil {
		return err
	}
	d := l.stream.Load()
	if d.ARN != sub.DestinationARN {
		return noStream(name)
	}
	if d.Status != Active {
		return fault.Newf(fault.Conflict, streamKind+" "+name, "is %s", d.Status)
	}
	if err := s.maySend(ctx, sub); err != nil {
		return err
	}
	if sub.Version != 0 {
		return nil
	}
	_, err = s.Put(ctx, c, KindFirehose, name, [][]byte{logs.ControlEnvelope(time.Now())})
	return err
}
