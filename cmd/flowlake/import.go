package main

import (
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/spf13/cobra"
)

func importCommand() *cobra.Command {
	var (
		t                             target
		group, stream, bucket, prefix string
		skipInvalid                   bool
	)
	c := &cobra.Command{
		Use:   "import {--log-group G [--stream S] | --bucket B [--prefix P]} FILE…",
		Short: "Bring files of flow logs in, text or gzip, of any size",
		Long: `Brings existing flow logs into a log group, or into a bucket.

--log-group puts every line as a log event, in the stream --stream, or in one named for each file. The
group and the stream are made if they are not there. An event's time is its record's start; a log
group takes nothing older than 14 days or more than 2 hours ahead, so such a line, or one without a time
of its own, enters with the time of import, and the summary says how many did. Importing the same file again,
or after an interruption, puts its lines a second time.

--bucket writes gzip files as VPC Flow Logs' own delivery lays them out,
AWSLogs/<account>/vpcflowlogs/<region>/yyyy/MM/dd/…, each record under its own date, each file with
its header line. Importing the same file again writes the same objects, not second copies. A line without a
start time stops it, or is left out and counted with --skip-invalid. Parquet files, and files to keep as they are,
go in with aws s3 cp.`,
		Example: `  flowlake import --log-group vpcflow flows-2026-11-*.log.gz
  flowlake import --bucket flow-log-buckets flows.log
  flowlake generate --rows 10000 --seed 1 --start -2h | flowlake import --log-group vpcflow --stream eni-1 -`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, files []string) error {
			if (group == "") == (bucket == "") {
				return usagef("give either --log-group or --bucket\nsee: flowlake import --help")
			}
			if group == "" && stream != "" || bucket == "" && (prefix != "" || skipInvalid) {
				return usagef("--stream goes with --log-group, --prefix and --skip-invalid with --bucket")
			}
			for _, f := range files {
				if f == "-" {
					continue
				}
				if err := checkInput(f); err != nil {
					return err // before the first byte of any file
				}
			}
			cfg, err := t.config()
			if err != nil {
				return err
			}
			bar := newProgress("import", totalSize(files))
			defer bar.Close()
			notes := aboveBar{bar, c.ErrOrStderr()}
			if group != "" {
				imp := &groupImport{client: cloudwatchlogs.NewFromConfig(cfg), group: group, log: notes}
				return asNoServer(imp.run(c.Context(), files, stream, bar))
			}
			who, err := sts.NewFromConfig(cfg).GetCallerIdentity(c.Context(), &sts.GetCallerIdentityInput{})
			if err != nil {
				return asNoServer(err)
			}
			imp := &bucketImport{
				client: s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }),
				bucket: bucket, prefix: prefix, account: *who.Account, region: cfg.Region, log: notes,
				skipInvalid: skipInvalid,
			}
			return imp.run(c.Context(), files, bar)
		},
	}
	t.flags(c)
	c.Flags().StringVar(&group, "log-group", "", "the log group to put the lines in")
	c.Flags().StringVar(&stream, "stream", "", "the log stream (default: one named for each file)")
	c.Flags().StringVar(&bucket, "bucket", "", "the bucket to lay the files out in")
	c.Flags().StringVar(&prefix, "prefix", "", "a prefix before AWSLogs/")
	c.Flags().BoolVar(&skipInvalid, "skip-invalid", false, "leave lines without a start time out, and count them")
	return c
}

// note writes one line for the person who runs the command.
func note(w io.Writer, format string, args ...any) {
	fmt.Fprintf(w, format+"\n", args...)
}

// count is a number with its noun.
func count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
