package main

import (
	"bufio"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/spf13/cobra"

	"flowlake/flow"
	"flowlake/flow/synthetic"
)

func generateCommand() *cobra.Command {
	var (
		rows                int
		seed                uint64
		format, start, into string
		header              bool
		rate, interfaces    int
		t                   target
	)
	c := &cobra.Command{
		Use:   "generate --rows N --seed S",
		Short: "Write synthetic flow-log records",
		Long: `Writes flow-log records as a small VPC would: a few busy peers and many rare ones, services on their
ports, scanners that are rejected, intervals without data (NODATA, SKIPDATA). The same flags write the
same bytes on every machine, unless --start follows the clock (now, -2h).

With --into the records go through a flow log's delivery on a server instead: to its log group, delivery
stream or bucket, in its format, as those of its resource's interfaces. Without --start they are of the interval that
ends when they are sent. Each run sends anew: one that was interrupted is not taken up by the next. A request
that a dying server did not answer may have delivered its records or not.`,
		Example: `  flowlake generate --rows 1000 --seed 1
  flowlake generate --rows 10000000 --seed 7 --start 2026-11-01T00:00:00Z | gzip > flows.log.gz
  flowlake generate --into fl-0123456789abcdef0 --interfaces 4 --rows 100000 --rate 1000
  flowlake generate --rows 5 --seed 1 --header --format '${version} ${srcaddr} ${dstaddr} ${tcp-flags} ${flow-direction}'`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg := synthetic.Config{Seed: seed, Rows: rows, Fields: flow.DefaultFormat()}
			var err error
			if rows < 0 {
				return usagef("--rows %d is negative", rows)
			}
			if cfg.Start, err = parseStart(start); err != nil {
				return err
			}
			if format != "" {
				if cfg.Fields, err = flow.ParseFormat(format); err != nil {
					return usagef("--format: %w", err)
				}
			}
			if into == "" {
				if rate != 0 || interfaces != 0 {
					return usagef("--rate and --interfaces go with --into")
				}
				return writeRecords(c, cfg, header)
			}
			if header || format != "" {
				return usagef("--into takes the flow log's own format: leave out --header and --format")
			}
			if rate < 0 || interfaces < 0 {
				return usagef("--rate and --interfaces are not negative")
			}
			server, err := t.config()
			if err != nil {
				return err
			}
			p := &player{cfg: server, ec2: ec2.NewFromConfig(server), flowLog: into, rate: rate, live: !c.Flags().Changed("start"), want: interfaces, log: c.ErrOrStderr()}
			return asNoServer(p.run(c.Context(), cfg))
		},
	}
	f := c.Flags()
	f.IntVar(&rows, "rows", 1000, "how many records")
	f.Uint64Var(&seed, "seed", 1, "what the randomness begins with")
	f.StringVar(&format, "format", "", "the fields, as ${field} ${field} … (default: version 2's)")
	f.StringVar(&start, "start", defaultStart, "when the first interval begins: RFC 3339, a date, Unix seconds, now, or -2h for two hours ago")
	f.StringVar(&into, "into", "", "a flow log's id, fl-…: its server delivers the records")
	f.IntVar(&rate, "rate", 0, "with --into: records a second (0: as fast as the server takes them)")
	f.IntVar(&interfaces, "interfaces", 0, "with --into: make network interfaces until what is logged has so many")
	t.flags(c)
	f.BoolVar(&header, "header", false, "begin with the line of field names that files in S3 have")
	return c
}

// defaultStart is fixed: without flags, too, the same command writes the same bytes.
const defaultStart = "2026-01-01T00:00:00Z"

// parseStart reads an instant as people write it, to the second.
func parseStart(text string) (time.Time, error) {
	if text == "now" {
		return time.Now().UTC().Truncate(time.Minute), nil
	}
	if ago, err := time.ParseDuration(text); err == nil && strings.HasPrefix(text, "-") {
		return time.Now().UTC().Add(ago).Truncate(time.Minute), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	if text != "" && strings.Trim(text, "0123456789") == "" && len(text) <= 10 {
		var seconds int64
		for _, d := range text {
			seconds = seconds*10 + int64(d-'0')
		}
		return time.Unix(seconds, 0).UTC(), nil
	}
	return time.Time{}, usagef("--start %q is not an instant such as 2026-11-01T00:00:00Z, a date, Unix seconds, now, or -2h", text)
}

func writeRecords(c *cobra.Command, cfg synthetic.Config, header bool) error {
	w := bufio.NewWriterSize(c.OutOrStdout(), 1<<20)
	if header {
		w.WriteString(flow.Header(cfg.Fields) + "\n")
	}
	g, err := synthetic.New(cfg)
	if err != nil {
		return err
	}
	var line []byte
	for i := 0; i < cfg.Rows; i++ { // 0 rows are none here, and no end to a Generator
		if i%4096 == 0 && c.Context().Err() != nil {
			return c.Context().Err()
		}
		var ok bool
		if line, ok = g.Next(line[:0]); !ok {
			break
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return w.Flush()
}
