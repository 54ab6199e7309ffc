package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	doorflowlake "flowlake/aws/flowlake"
	"flowlake/catalog/compact"
)

// compactReached is called at the points of a compaction's steps; nil but in tests, which end the process there.
var compactReached func(point string)

func compactCommand() *cobra.Command {
	var (
		t          target
		partitions []string
		size       string
		r          compact.Request
	)
	c := &cobra.Command{
		Use:   "compact DATABASE.TABLE",
		Short: "Rewrite a table's small Parquet objects as few sorted ones",
		Long: `Has the server rewrite a table's small Parquet objects as well-sized ones, sorted, with statistics and bloom
filters, so that queries read less. Objects of one folder become one object, and are swapped at once: queries that run
finish on the old objects, and none sees both. Objects that come meanwhile stay. What is well-sized and sorted
already is left alone, so that a second run does nothing. Ctrl-C stops waiting; the server goes on.

A table is compacted by itself with the table property flowlake.compact=true, and beside it, where the defaults
do not fit: flowlake.compact.sort (columns, with commas), .interval (1h), .min-age (15m: a folder must have been
quiet for so long), .target (256MB), .min-files (8).`,
		Example: `  flowlake compact vpc_flow_logs_db.flows
  flowlake compact vpc_flow_logs_db.flows --partition year=2026 --partition month=01
  flowlake compact vpc_flow_logs_db.flows --sort-by dstaddr,start --target-size 512MB
  flowlake compact vpc_flow_logs_db.flows --dry-run
  flowlake query "ALTER TABLE vpc_flow_logs_db.flows SET TBLPROPERTIES ('flowlake.compact'='true')"`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) (err error) {
			database, table, ok := strings.Cut(args[0], ".")
			if !ok || database == "" || table == "" {
				return usagef("%q is not of the form DATABASE.TABLE", args[0])
			}
			r.Database, r.Table = database, table
			for _, p := range partitions {
				key, value, ok := strings.Cut(p, "=")
				if !ok || key == "" {
					return usagef("--partition is of the form KEY=VALUE, not %q", p)
				}
				if r.Partitions == nil {
					r.Partitions = map[string]string{}
				}
				r.Partitions[strings.ToLower(key)] = value
			}
			if size != "" {
				if r.Target, err = compact.ParseSize(size); err != nil {
					return usagef("--target-size: %w", err)
				}
			}
			cfg, err := t.config()
			if err != nil {
				return err
			}
			return asNoServer(compactTable(c.Context(), cfg, r, c.OutOrStdout(), c.ErrOrStderr()))
		},
	}
	t.flags(c)
	f := c.Flags()
	f.StringArrayVar(&partitions, "partition", nil, "KEY=VALUE: only partitions with this value; may be repeated")
	f.StringSliceVar(&r.SortBy, "sort-by", nil, "columns to sort by, with commas (default: srcaddr, dstaddr and start, or the table's property)")
	f.StringVar(&size, "target-size", "", "how many bytes of objects become one, as 256MB")
	f.IntVar(&r.MinFiles, "min-files", 0, "leave fewer objects of a folder alone (default 2)")
	f.DurationVar(&r.MinAge, "min-age", 0, "leave folders alone that got an object in this time, as 15m")
	f.BoolVar(&r.DryRun, "dry-run", false, "say what would be rewritten, and change nothing")
	return c
}

// compactTable starts a run and shows how it goes until it ends.
func compactTable(ctx context.Context, cfg aws.Config, r compact.Request, out, progress io.Writer) error {
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	run, err := askRun(ctx, cfg, doorflowlake.CompactPath, body)
	if err != nil {
		return err
	}
	terminal := term.IsTerminal(int(os.Stderr.Fd()))
	for run.Ended.IsZero() {
		if terminal {
			fmt.Fprintf(progress, "\r%s\033[K", runProgress(run))
		}
		path := fmt.Sprintf("%s?after=%d&id=%s&state=%s", doorflowlake.CompactionPath, run.Steps, url.QueryEscape(run.ID), run.State)
		if run, err = askRun(ctx, cfg, path, nil); err != nil {
			return err
		}
	}
	if terminal {
		fmt.Fprint(progress, "\r\033[K")
	}
	for _, s := range run.Skipped {
		fmt.Fprintf(progress, "left alone: %s\n", s)
	}
	if run.State == compact.Failed {
		return fmt.Errorf("compaction of %s.%s: %s", r.Database, r.Table, run.Reason)
	}
	return printRun(out, run)
}

func askRun(ctx context.Context, cfg aws.Config, path string, body []byte) (run compact.Run, err error) {
	answer, err := post(ctx, cfg, "flowlake", path, body, nil)
	if err != nil {
		return run, err
	}
	defer answer.Close()
	if err := json.NewDecoder(answer).Decode(&run); err != nil {
		return run, fmt.Errorf("the server's answer: %w", err)
	}
	return run, nil
}

func runProgress(r compact.Run) string {
	if r.State == compact.Queued {
		return "waiting for another compaction"
	}
	percent := int64(0)
	if r.Planned.Bytes > 0 {
		percent = 100 * r.Before.Bytes / r.Planned.Bytes
	}
	return fmt.Sprintf("%3d %%  %d of %d objects, %d of %d MB, %d rows", percent, r.Before.Objects, r.Planned.Objects,
		r.Before.Bytes>>20, r.Planned.Bytes>>20, r.Before.Rows)
}

func printRun(w io.Writer, r compact.Run) error {
	name := r.Request.Database + "." + r.Request.Table
	kept := ""
	if r.Kept.Objects > 0 {
		kept = fmt.Sprintf("; %s needed nothing", count(r.Kept.Objects, "object"))
	}
	var err error
	switch {
	case r.Before.Objects == 0 && r.Kept.Objects == 0 && len(r.Request.Partitions) > 0:
		_, err = fmt.Fprintf(w, "%s: nothing to do; no object lies in such a partition\n", name)
	case r.Before.Objects == 0:
		_, err = fmt.Fprintf(w, "%s: nothing to do%s\n", name, kept)
	case r.Request.DryRun:
		_, err = fmt.Fprintf(w, "%s: %s (%d bytes, %d rows) would be rewritten, sorted by %s%s\n", name,
			count(r.Before.Objects, "object"), r.Before.Bytes, r.Before.Rows, strings.Join(r.Request.SortBy, ", "), kept)
	default:
		_, err = fmt.Fprintf(w, "%s: %s → %d, %d bytes → %d, %d rows, sorted by %s%s\n", name,
			count(r.Before.Objects, "object"), r.After.Objects, r.Before.Bytes, r.After.Bytes, r.Before.Rows, strings.Join(r.Request.SortBy, ", "), kept)
	}
	return err
}

// compactMetrics shows the compactions' counters to Prometheus.
type compactMetrics struct{ compact *compact.Compactor }

var compactDescs = func() map[string]*prometheus.Desc {
	m := map[string]*prometheus.Desc{}
	for name, help := range map[string]string{
		"runs": "Compactions that were begun.", "runs_failed": "Compactions that failed.", "swaps": "Swaps of objects for a compacted one.",
		"objects_in": "Objects that were replaced.", "objects_out": "Compacted objects that replaced them.",
		"bytes_in": "Bytes of the replaced objects.", "bytes_out": "Bytes of the compacted objects.", "rows": "Rows that were rewritten.",
	} {
		m[name] = prometheus.NewDesc("flowlake_compact_"+name+"_total", help+" Since the server's start.", nil, nil)
	}
	return m
}()

// Describe implements prometheus.Collector.
func (m compactMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range compactDescs {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (m compactMetrics) Collect(to chan<- prometheus.Metric) {
	n := m.compact.Counters()
	for name, value := range map[string]int64{"runs": n.Runs, "runs_failed": n.Failed, "swaps": n.Swaps, "objects_in": n.ObjectsIn,
		"objects_out": n.ObjectsOut, "bytes_in": n.BytesIn, "bytes_out": n.BytesOut, "rows": n.Rows} {
		to <- prometheus.MustNewConstMetric(compactDescs[name], prometheus.CounterValue, float64(value))
	}
}
