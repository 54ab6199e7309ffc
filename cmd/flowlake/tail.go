package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/spf13/cobra"

	doorflowlake "flowlake/aws/flowlake"
)

func tailCommand() *cobra.Command {
	var (
		t target
		o tailOptions
	)
	c := &cobra.Command{
		Use:   "tail GROUP",
		Short: "Print a log group's latest events, and what comes in",
		Long: `Prints the events of a log group: the time, the stream, the message. With --follow it goes on with every event
that comes in, whatever its own time is: one that is put late, or one of thousands in a second, is not left out. Ctrl-C ends it.

--filter takes a filter pattern of CloudWatch Logs: terms, ?optional, -excluded, "phrases", %regular expressions%,
{ $.json = conditions } and [space, delimited, fields = x*].`,
		Example: `  flowlake tail vpc-flow-logs
  flowlake tail vpc-flow-logs --follow --since 0
  flowlake tail vpc-flow-logs --since 2h --filter '[..., action = REJECT, status]'
  flowlake tail /aws/app --follow --filter '?ERROR ?WARN' --stream web- --output message`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.group = args[0]
			return tail(c.Context(), c.OutOrStdout(), c.ErrOrStderr(), &t, o)
		},
	}
	t.flags(c)
	c.Flags().StringVar(&o.filter, "filter", "", "print only events that match this filter pattern")
	c.Flags().StringVar(&o.since, "since", "10m", "begin so long ago (90s, 10m, 2h, 3d), or at a time (2026-08-22T10:00:00Z); 0 prints nothing old")
	c.Flags().StringVar(&o.stream, "stream", "", "only log streams whose names begin so")
	c.Flags().BoolVarP(&o.follow, "follow", "f", false, "go on with what comes in")
	c.Flags().StringVar(&o.output, "output", "text", "text (time, stream, message), message, or json: a line an event")
	return c
}

type tailOptions struct {
	group, filter, since, stream, output string
	follow                               bool
}

// followWait is how long the server waits for an event before it answers that there is none.
const followWait = 2 * time.Second

func tail(ctx context.Context, stdout, stderr io.Writer, t *target, o tailOptions) error {
	if o.group == "" {
		return usagef("tail takes the name of a log group")
	}
	print, err := tailPrinter(o.output)
	if err != nil {
		return err
	}
	begin, old, err := tailBegin(o.since, time.Now())
	if err != nil {
		return err
	}
	if !old && !o.follow {
		return usagef("--since %s prints nothing old: say --follow for what comes in", o.since)
	}
	cfg, err := t.config()
	if err != nil {
		return err
	}
	out := bufio.NewWriter(stdout)
	err = tailGroup(ctx, cfg, o, begin, old, tailOutput{out, stderr, print})
	if ctx.Err() != nil { // Ctrl-C is how a tail ends
		return errors.Join(out.Flush(), &exitError{exitInterrupt, errors.New("")})
	}
	return asNoServer(err)
}

// tailOutput is where events go.
type tailOutput struct {
	*bufio.Writer
	notes io.Writer
	print func(io.Writer, doorflowlake.FollowLine) error
}

// tailGroup prints what is there, oldest first, and then what comes in. Where the group ends is asked for before what is there is
// read: what comes in meanwhile is in one of the two or in both, and is printed once.
func tailGroup(ctx context.Context, cfg aws.Config, o tailOptions, begin time.Time, old bool, out tailOutput) error {
	asked := int64(0) // by the server's clock, generously
	from, err := followPage(ctx, cfg, o, "", func(e doorflowlake.FollowLine) error {
		asked = e.Time - time.Minute.Milliseconds()
		return nil
	})
	if err != nil {
		return err
	}
	seen := map[string]bool{} // of what may have come in after the question
	if old {
		if err := tailOld(ctx, cfg, o, begin, out, func(e doorflowlake.FollowLine) {
			if e.Ingested >= asked {
				seen[e.ID] = true
			}
		}); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil || !o.follow {
		return err
	}
	for {
		from, err = followPage(ctx, cfg, o, from, func(e doorflowlake.FollowLine) error {
			switch {
			case e.Next != "" && e.Missed > 0:
				note(out.notes, "%d events expired, or were deleted, before they could be read", e.Missed)
				return nil
			case e.Next != "":
				return nil
			case seen[e.ID]:
				delete(seen, e.ID)
				return nil
			}
			return out.print(out, e)
		})
		if err := errors.Join(err, out.Flush()); err != nil {
			return err
		}
	}
}

// tailOld prints the events from a time on.
func tailOld(ctx context.Context, cfg aws.Config, o tailOptions, begin time.Time, out tailOutput, printed func(doorflowlake.FollowLine)) error {
	in := &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &o.group, StartTime: aws.Int64(max(0, begin.UnixMilli()))}
	if o.filter != "" {
		in.FilterPattern = &o.filter
	}
	if o.stream != "" {
		in.LogStreamNamePrefix = &o.stream
	}
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(cloudwatchlogs.NewFromConfig(cfg), in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, e := range page.Events {
			line := doorflowlake.FollowLine{ID: *e.EventId, Time: *e.Timestamp, Ingested: *e.IngestionTime, Stream: *e.LogStreamName, Message: *e.Message}
			if err := out.print(out, line); err != nil {
				return err
			}
			printed(line)
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// followPage asks for what came in, gives each line to do, and returns where to go on.
func followPage(ctx context.Context, cfg aws.Config, o tailOptions, from string, do func(doorflowlake.FollowLine) error) (next string, err error) {
	query := url.Values{"log-group": {o.group}, "from": {from}, "pattern": {o.filter}, "prefix": {o.stream}, "wait": {strconv.FormatInt(followWait.Milliseconds(), 10)}}
	body, err := post(ctx, cfg, "flowlake", doorflowlake.FollowPath+"?"+strings.ReplaceAll(query.Encode(), "+", "%20"), nil, nil)
	if err != nil {
		return "", err
	}
	defer body.Close()
	for lines := json.NewDecoder(body); next == ""; {
		var e doorflowlake.FollowLine
		if err := lines.Decode(&e); err != nil {
			return "", fmt.Errorf("the server's answer ended early: %w", err)
		}
		if err := do(e); err != nil {
			return "", err
		}
		next = e.Next
	}
	return next, nil
}

// tailBegin reads --since; old is false where nothing old is wanted.
func tailBegin(since string, now time.Time) (begin time.Time, old bool, err error) {
	if at, err := time.Parse(time.RFC3339Nano, since); err == nil {
		return at, true, nil
	}
	d, err := time.ParseDuration(since)
	if days, found := strings.CutSuffix(since, "d"); found {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 16)
		d = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || d < 0 {
		return now, false, usagef("--since %q is neither a time ago (90s, 10m, 2h, 3d) nor a time (2026-08-22T10:00:00Z)", since)
	}
	return now.Add(-d), d > 0, nil
}

// tailPrinter is how an event is printed.
func tailPrinter(output string) (func(io.Writer, doorflowlake.FollowLine) error, error) {
	trim := func(message string) string { return strings.TrimRight(message, "\r\n") }
	at := func(millis int64) string { return time.UnixMilli(millis).UTC().Format("2006-01-02T15:04:05.000Z") }
	switch output {
	case "text":
		return func(w io.Writer, e doorflowlake.FollowLine) error {
			_, err := fmt.Fprintf(w, "%s %s %s\n", at(e.Time), e.Stream, trim(e.Message))
			return err
		}, nil
	case "message":
		return func(w io.Writer, e doorflowlake.FollowLine) error {
			_, err := fmt.Fprintln(w, trim(e.Message))
			return err
		}, nil
	case "json":
		return func(w io.Writer, e doorflowlake.FollowLine) error {
			lines := json.NewEncoder(w)
			lines.SetEscapeHTML(false)
			return lines.Encode(struct {
				Time     string `json:"time"`
				Ingested string `json:"ingested"`
				Stream   string `json:"stream"`
				Message  string `json:"message"`
			}{at(e.Time), at(e.Ingested), e.Stream, e.Message})
		}, nil
	}
	return nil, usagef("--output %s is none of text, message, json", output)
}
