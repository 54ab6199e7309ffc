package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"flowlake/flow"
)

// What one PutLogEvents takes, and how old an event may be: CloudWatch Logs quotas.
const (
	maxBatchBytes  = 1 << 20
	maxBatchEvents = 10_000
	eventOverhead  = 26
	maxBatchSpan   = 24 * time.Hour
	maxEventAge    = 14 * 24 * time.Hour
	maxEventAhead  = 2 * time.Hour
	ageMargin      = time.Hour // an import takes a while: a record near a limit counts as beyond it
)

// groupImport puts lines of files into a log group.
type groupImport struct {
	client *cloudwatchlogs.Client
	group  string
	log    io.Writer

	events, retimed, rejected int64
}

func (g *groupImport) run(ctx context.Context, files []string, stream string, read io.Writer) error {
	var err error
	for _, f := range files {
		name := stream
		if name == "" {
			name = streamName(f)
		}
		if err = g.makeStream(ctx, name); err == nil {
			err = g.file(ctx, f, name, read)
		}
		if err != nil {
			break
		}
	}
	if err == nil || g.events > 0 { // what came in before an error stays
		note(g.log, "imported %s into log group %s", count(g.events, "event"), g.group)
	}
	if g.retimed > 0 {
		note(g.log, "%d of them entered with the time of import as event time: older than 14 days, too far ahead, or without a time of their own", g.retimed)
	}
	if err == nil && g.rejected > 0 {
		return fmt.Errorf("%s rejected: older than the log group's retention", count(g.rejected, "event"))
	}
	return err
}

// makeStream makes the stream, and its group where there is none: who may write into a group need not be allowed to make it.
func (g *groupImport) makeStream(ctx context.Context, name string) error {
	stream := &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &g.group, LogStreamName: &name}
	_, err := g.client.CreateLogStream(ctx, stream)
	if _, missing := errors.AsType[*types.ResourceNotFoundException](err); !missing {
		return unlessExists(err)
	}
	_, err = g.client.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &g.group})
	if err := unlessExists(err); err != nil {
		return err
	}
	if err == nil {
		note(g.log, "created log group %s", g.group)
	}
	_, err = g.client.CreateLogStream(ctx, stream)
	return unlessExists(err)
}

func unlessExists(err error) error {
	var exists *types.ResourceAlreadyExistsException
	if errors.As(err, &exists) {
		return nil
	}
	return err
}

// streamName names a file's stream: its base name without what a stream may not hold.
func streamName(file string) string {
	if file == "-" {
		return "stdin"
	}
	base := strings.TrimSuffix(filepath.Base(file), ".gz")
	return strings.NewReplacer(":", "_", "*", "_").Replace(base)
}

// file puts one file's lines. Those with a time of their own and those without go in batches of their
// own: a batch spans 24 hours at most.
func (g *groupImport) file(ctx context.Context, name, stream string, read io.Writer) error {
	lines, err := openLines(name, read)
	if err != nil {
		return err
	}
	defer lines.close()
	timed, untimed := &eventBatch{}, &eventBatch{retimed: true}
	var clock recordClock
	for {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if len(line) == 0 || clock.header(line) {
			continue
		}
		if !utf8.Valid(line) { // JSON would change it
			return fmt.Errorf("%s: line %d is not UTF-8 text", name, lines.number)
		}
		if _, record, ok := flow.CutExportTimestamp(line); ok {
			line = record // the event gets its timestamp anew
		}
		now := time.Now()
		at, ok := clock.read(line)
		b := timed
		if !ok || now.Sub(at) > maxEventAge-ageMargin || at.Sub(now) > maxEventAhead-ageMargin {
			b, at = untimed, now
		}
		if !b.fits(line, at) {
			if err := g.put(ctx, stream, b); err != nil {
				return fmt.Errorf("%s: line %d: %w", name, lines.number, err)
			}
		}
		b.add(line, at)
	}
	for _, b := range []*eventBatch{timed, untimed} {
		if err := g.put(ctx, stream, b); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (g *groupImport) put(ctx context.Context, stream string, b *eventBatch) error {
	if len(b.events) == 0 {
		return nil
	}
	slices.SortStableFunc(b.events, func(x, y types.InputLogEvent) int { return int(*x.Timestamp - *y.Timestamp) })
	out, err := g.client.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: &g.group, LogStreamName: &stream, LogEvents: b.events})
	if err != nil {
		return err
	}
	lost := int64(0)
	if r := out.RejectedLogEventsInfo; r != nil {
		lost = int64(max(aws.ToInt32(r.TooOldLogEventEndIndex), aws.ToInt32(r.ExpiredLogEventEndIndex)))
		if r.TooNewLogEventStartIndex != nil {
			lost += int64(len(b.events)) - int64(*r.TooNewLogEventStartIndex)
		}
	}
	g.rejected += lost
	g.events += int64(len(b.events)) - lost
	if b.retimed {
		g.retimed += int64(len(b.events)) - lost
	}
	*b = eventBatch{events: b.events[:0], retimed: b.retimed}
	return nil
}

// eventBatch is what one PutLogEvents will hold.
type eventBatch struct {
	events   []types.InputLogEvent
	bytes    int
	from, to time.Time
	retimed  bool // the events have the time of import
}

func (b *eventBatch) fits(line []byte, at time.Time) bool {
	if len(b.events) == 0 {
		return true
	}
	from, to := b.from, b.to
	if at.Before(from) {
		from = at
	}
	if at.After(to) {
		to = at
	}
	return len(b.events) < maxBatchEvents && b.bytes+len(line)+eventOverhead <= maxBatchBytes && to.Sub(from) < maxBatchSpan
}

func (b *eventBatch) add(line []byte, at time.Time) {
	if len(b.events) == 0 || at.Before(b.from) {
		b.from = at
	}
	if len(b.events) == 0 || at.After(b.to) {
		b.to = at
	}
	b.events = append(b.events, types.InputLogEvent{Message: aws.String(string(line)), Timestamp: aws.Int64(at.UnixMilli())})
	b.bytes += len(line) + eventOverhead
}

// recordClock finds the start of flow-log records in lines: by the header line of their file, or by the
// default format's columns.
type recordClock struct {
	start  int // the start field's place, -1 where it has none
	headed bool
}

// header reports whether line is a flow-log header, and remembers where it puts the start field.
func (c *recordClock) header(line []byte) bool {
	fields, ok := flow.ParseHeader(line)
	if ok {
		c.headed = true
		c.start = slices.IndexFunc(fields, func(f flow.Field) bool { return f.Name == "start" })
	}
	return ok
}

func (c *recordClock) read(line []byte) (time.Time, bool) {
	place := c.start
	if !c.headed {
		fields, ok := flow.Recognise(line)
		if !ok {
			return time.Time{}, false
		}
		place = slices.IndexFunc(fields, func(f flow.Field) bool { return f.Name == "start" })
	}
	if place < 0 {
		return time.Time{}, false
	}
	for range place {
		i := bytes.IndexByte(line, ' ')
		if i < 0 {
			return time.Time{}, false
		}
		line = line[i+1:]
	}
	text, _, _ := bytes.Cut(line, []byte{' '})
	seconds, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || seconds <= 0 {
		return time.Time{}, false
	}
	return time.Unix(seconds, 0), true
}
