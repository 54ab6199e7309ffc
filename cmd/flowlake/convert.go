package main

import (
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"flowlake/columnar/parquet"
	"flowlake/flow"
)

func convertCommand() *cobra.Command {
	var (
		t target
		v conversion
	)
	var format, compression string
	var strict bool
	c := &cobra.Command{
		Use:   "convert {FILE | FOLDER | s3://BUCKET/FOLDER/}… --to DATABASE.TABLE",
		Short: "Turn text flow logs that you have into Parquet partitions of a table",
		Long: `Reads flow logs, text or gzip, from files, folders and buckets, and writes them as Parquet into a table's
partitions, on all cores. The format of each file is found by its header line, or is the default one; --format names
that of files without a header. Lines as CloudWatch Logs exports them, with a timestamp in front, are read too.

The table. If it is not there it is made: a column for each field (account_id for account-id), partitioned by the day
of each record's start in UTC, in s3://flowlake-<account>-<region>/<database>/<table>/ unless --location says where
else. In a table that is there, columns are matched by name and types converted; its partition keys may be year,
month, day and hour, or a date, laid out as its partitions are or as its projection says. --value gives other
keys theirs.

Interrupted, run the same command again: it goes on, and each row is in the table once. Files that are converted are
known by name, size and time, and left alone, so the command may be run again when there are more. One that
changed since is named, and not read twice: --redo converts it anew, in place of what it gave.

Lines that are no records, and records without a time, are kept aside as JSON with file, line and reason, below the
table's location; --bad-lines copies them to a file. Files that are no flow logs are named and left out, and the command
ends with 4.`,
		Example: `  flowlake convert flows/ --to vpc.flows
  flowlake query "SELECT day, action, count(*) AS n, sum(bytes) AS bytes FROM vpc.flows GROUP BY day, action ORDER BY day"
  flowlake convert s3://flow-log-buckets/AWSLogs/ --to vpc.flows --partition hour --dry-run
  flowlake convert old/*.log.gz --to vpc.custom --format '${version} ${srcaddr} ${dstaddr} ${bytes} ${start} ${end}' --bad-lines bad.jsonl
  flowlake convert 's3://flow-log-buckets/AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/01*' --to vpc.flows --value region=us-east-1`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) (err error) {
			if v.database, v.table, err = tableName(v.to); err != nil {
				return err
			}
			if format != "" {
				if v.format, err = flow.ParseFormat(format); err != nil {
					return usagef("--format: %w", err)
				}
			}
			if compression == "" {
				return usagef("--compression is zstd, snappy, gzip or none")
			}
			if v.compression, err = parquet.ParseCompression(compression); err != nil {
				return usagef("--compression: %w", err)
			}
			if strict && c.Flags().Changed("max-bad") {
				return usagef("give either --strict or --max-bad")
			}
			if strict {
				v.maxBad = 0
			}
			if v.constants, err = keyValues(v.values); err != nil {
				return err
			}
			if v.by != "day" && v.by != "hour" && v.by != "none" {
				return usagef("--partition is day, hour or none, not %q", v.by)
			}
			if v.workers < 1 {
				return usagef("--workers %d is below 1", v.workers)
			}
			v.byGiven = c.Flags().Changed("partition")
			v.log = c.ErrOrStderr()
			if v.cfg, err = t.config(); err != nil {
				return err
			}
			err = v.run(c.Context(), args)
			if err != nil && c.Context().Err() != nil {
				return &exitError{exitInterrupt, errors.New("interrupted: run the same command again, and it goes on where it stopped")}
			}
			return asNoServer(err)
		},
	}
	t.flags(c)
	f := c.Flags()
	f.StringVar(&v.to, "to", "", "the table, as DATABASE.TABLE; made if it is not there")
	f.StringVar(&format, "format", "", "the format of files that have no header line, as ${field} ${field} … (default: version 2's, where lines are recognised)")
	f.StringVar(&v.location, "location", "", "s3://bucket/folder/ of a table that is made (default: s3://flowlake-<account>-<region>/<database>/<table>/)")
	f.StringVar(&v.by, "partition", "day", "of a table that is made: day, hour or none")
	f.StringArrayVar(&v.values, "value", nil, "key=value, of a partition key that is no date; may be given again")
	f.StringVar(&compression, "compression", "zstd", "of the Parquet objects: zstd, snappy, gzip or none")
	f.StringVar(&v.badLines, "bad-lines", "", "write the bad lines of the named files to this file, as JSON lines")
	f.Int64Var(&v.maxBad, "max-bad", -1, "stop when there are more bad lines than this (default: never)")
	f.BoolVar(&strict, "strict", false, "stop at the first bad line")
	f.BoolVar(&v.redo, "redo", false, "convert files again that are converted already, in place of what they gave")
	f.BoolVar(&v.dryRun, "dry-run", false, "say what would be done, and do nothing")
	f.BoolVar(&v.quiet, "quiet", false, "show no progress and no summary, only what went wrong")
	f.IntVar(&v.workers, "workers", runtime.GOMAXPROCS(0), "groups of files that are converted at a time")
	f.Int64Var(&v.groupBytes, "group-bytes", 0, "how much text is converted as one (default: 64 to 512 MiB)")
	if err := f.MarkHidden("group-bytes"); err != nil { // for tests: smaller groups make smaller objects
		panic(err)
	}
	return c
}

// tableName takes DATABASE.TABLE apart.
func tableName(to string) (database, table string, err error) {
	database, table, ok := strings.Cut(strings.ToLower(to), ".")
	if !ok || database == "" || table == "" || strings.Contains(table, ".") {
		return "", "", usagef("--to is DATABASE.TABLE, not %q\nsee: flowlake convert --help", to)
	}
	return database, table, nil
}

// keyValues reads key=value flags.
func keyValues(values []string) (map[string]string, error) {
	out := map[string]string{}
	for _, kv := range values {
		k, v, ok := strings.Cut(kv, "=")
		if !ok || k == "" {
			return nil, usagef("--value is key=value, not %q", kv)
		}
		out[strings.ToLower(k)] = v
	}
	return out, nil
}

// humanBytes is a size as people read it.
func humanBytes(n int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB", "PB"}
	f, i := float64(n), 0
	for f >= 999.5 && i < len(units)-1 {
		f /= 1000
		i++
	}
	if i == 0 || f >= 99.5 {
		return fmt.Sprintf("%.0f %s", f, units[i])
	}
	return fmt.Sprintf("%.1f %s", f, units[i])
}

// humanCount is a large number as people read it.
func humanCount(n float64) string {
	for _, u := range []struct {
		size float64
		name string
	}{{1e9, " G"}, {1e6, " M"}, {1e4, " k"}} {
		if n >= u.size {
			if u.name == " k" {
				return fmt.Sprintf("%.0f k", n/1e3)
			}
			return fmt.Sprintf("%.1f%s", n/u.size, u.name)
		}
	}
	return fmt.Sprintf("%.0f", n)
}
