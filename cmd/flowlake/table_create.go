package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/spf13/cobra"

	"flowlake/access"
	"flowlake/vpc"
)

func tableCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "table",
		Short:   "Make tables",
		Example: "  flowlake table create --flow-log fl-0123456789abcdef0",
		Args:    knownCommand,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(tableCreateCommand())
	return c
}

func tableCreateCommand() *cobra.Command {
	var (
		t                                         target
		flowLog, database, table, group, location string
		show                                      bool
	)
	c := &cobra.Command{
		Use:   "create --flow-log FL",
		Short: "Make the table over a flow log's files in S3",
		Long: `Writes the statement that makes a table over the files that a flow log puts into a bucket, and runs it
through Athena's API: columns by the log's format, "-" as "_", its text or Parquet files, and partitions
projected over the folders that it writes, so that none has to be added by anyone.

A flow log by day has the partition column day ('2026/11/21'), by hour the column hour ('2026/11/21/09'),
with Hive-compatible folders year, month, day and hour (numbers).

A table reads all files of its folder: flow logs of different formats want folders, or buckets, of their own.`,
		Example: `  flowlake table create --flow-log fl-0123456789abcdef0
  flowlake table create --flow-log fl-0123456789abcdef0 --database vpcflowlogs --table vpc_flow_logs
  flowlake table create --flow-log fl-0123456789abcdef0 --print   # the statement, not run`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if flowLog == "" {
				return usagef("--flow-log is missing\nsee: %s --help", c.CommandPath())
			}
			cfg, err := t.config()
			if err != nil {
				return err
			}
			made, err := tableOf(c.Context(), cfg, flowLog)
			if err != nil {
				return asNoServer(err)
			}
			made.Database = database
			if table != "" {
				made.Name = table
			}
			if show {
				_, err := fmt.Fprintln(c.OutOrStdout(), made.DDL()+";")
				return err
			}
			q := &queryRun{client: athena.NewFromConfig(cfg), database: "default", workgroup: group, location: location}
			return asNoServer(createTable(c.Context(), q, made, c.OutOrStdout()))
		},
	}
	t.flags(c)
	f := c.Flags()
	f.StringVar(&flowLog, "flow-log", "", "the flow log's id, fl-…")
	f.StringVar(&database, "database", "vpcflowlogs", "the database, which is made when there is none")
	f.StringVar(&table, "table", "", "the table's name (default: the flow log's id, with _)")
	f.BoolVar(&show, "print", false, "print the statement and do not run it")
	f.StringVar(&group, "workgroup", "primary", "the workgroup to run in")
	f.StringVar(&location, "result-location", "", "s3://bucket/prefix/ for the statement's result (default: the workgroup's)")
	return c
}

// findFlowLog asks for one flow log.
func findFlowLog(ctx context.Context, client *ec2.Client, id string) (ec2types.FlowLog, error) {
	out, err := client.DescribeFlowLogs(ctx, &ec2.DescribeFlowLogsInput{FlowLogIds: []string{id}})
	if err != nil {
		return ec2types.FlowLog{}, err
	}
	if len(out.FlowLogs) == 0 {
		return ec2types.FlowLog{}, fmt.Errorf("there is no flow log %s in this region: aws ec2 describe-flow-logs lists them", id)
	}
	return out.FlowLogs[0], nil
}

// tableOf describes the table of a flow log.
func tableOf(ctx context.Context, cfg aws.Config, id string) (vpc.Table, error) {
	f, err := findFlowLog(ctx, ec2.NewFromConfig(cfg), id)
	if err != nil {
		return vpc.Table{}, err
	}
	who, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return vpc.Table{}, err
	}
	known := vpc.FlowLog{
		ID: id, Type: string(f.LogDestinationType), Destination: aws.ToString(f.LogDestination), Format: aws.ToString(f.LogFormat),
		Created: aws.ToTime(f.CreationTime), Creator: access.Root(aws.ToString(who.Account), cfg.Region),
	}
	if o := f.DestinationOptions; o != nil {
		known.Options = vpc.Options{Parquet: o.FileFormat == ec2types.DestinationFileFormatParquet,
			Hive: aws.ToBool(o.HiveCompatiblePartitions), Hourly: aws.ToBool(o.PerHourPartition)}
	}
	return vpc.TableOf(known)
}

func createTable(ctx context.Context, q *queryRun, t vpc.Table, out io.Writer) error {
	for _, text := range []string{"CREATE DATABASE IF NOT EXISTS `" + t.Database + "`", t.DDL()} {
		id, err := q.start(ctx, text)
		if err != nil {
			return err
		}
		if err := q.wait(ctx, id); err != nil {
			return fmt.Errorf("%s: %w", strings.SplitN(text, "\n", 2)[0], err)
		}
	}
	there, err := q.client.GetTableMetadata(ctx, &athena.GetTableMetadataInput{CatalogName: aws.String("AwsDataCatalog"), DatabaseName: &t.Database, TableName: &t.Name})
	if err != nil {
		return err
	}
	if reads := there.TableMetadata.Parameters["location"]; strings.TrimSuffix(reads, "/") != strings.TrimSuffix(t.Location(), "/") {
		return fmt.Errorf("there is a table %s.%s already, and it reads %s, not %s: give the new one another name with --table", t.Database, t.Name, reads, t.Location())
	}
	_, err = fmt.Fprintf(out, "table %s.%s reads %s\n", t.Database, t.Name, t.Location())
	return err
}
