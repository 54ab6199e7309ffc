package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"
	"github.com/spf13/cobra"

	"flowlake/catalog/crawler"
)

func crawlCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "crawl",
		Short:   "Read what crawlers found",
		Example: "  flowlake crawl report vpc-flow-log-crawler",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	var (
		t      target
		output string
	)
	report := &cobra.Command{
		Use:   "report NAME",
		Short: "Say how a crawler's last crawl classified each file, and what the classifier doctor found",
		Long: `Says how a crawler's last crawl classified each file, which tables it changed, and for Grok classifiers
what the classifier doctor found. Of a crawl that failed or was stopped it says why, and ends with 1.`,
		Example: `  flowlake crawl report vpc-flow-log-crawler
  flowlake crawl report vpc-flow-log-crawler --output json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if output != "text" && output != "json" {
				return usagef("--output is text or json, not %q", output)
			}
			cfg, err := t.config()
			if err != nil {
				return err
			}
			if err := crawlFailure(c.Context(), cfg, args[0]); err != nil {
				return asNoServer(err)
			}
			r, err := crawlReport(c.Context(), cfg, args[0])
			if err != nil {
				return asNoServer(err)
			}
			if output == "json" {
				enc := json.NewEncoder(c.OutOrStdout())
				enc.SetIndent("", "  ")
				enc.SetEscapeHTML(false)
				return enc.Encode(r)
			}
			return printReport(c.OutOrStdout(), r)
		},
	}
	t.flags(report)
	report.Flags().StringVar(&output, "output", "text", "text or json")
	c.AddCommand(report)
	return c
}

// crawlFailure returns why the crawler's last crawl did not succeed, if it did not: there is no report of it.
func crawlFailure(ctx context.Context, cfg aws.Config, name string) error {
	out, err := glue.NewFromConfig(cfg).GetCrawler(ctx, &glue.GetCrawlerInput{Name: &name})
	if err != nil {
		return err
	}
	switch last := out.Crawler.LastCrawl; {
	case last == nil && out.Crawler.State == types.CrawlerStateReady:
		return fmt.Errorf("crawler %s has not crawled yet: start it with aws glue start-crawler --name %s", name, shellQuote(name))
	case last != nil && last.Status != types.LastCrawlStatusSucceeded:
		return fmt.Errorf("the last crawl of %s is %s: %s", name, last.Status, aws.ToString(last.ErrorMessage))
	}
	return nil
}

// crawlReport asks for flowlake's own addition to Glue's door.
func crawlReport(ctx context.Context, cfg aws.Config, name string) (r crawler.Report, err error) {
	body, err := json.Marshal(map[string]string{"Name": name})
	if err != nil {
		return r, err
	}
	answer, err := post(ctx, cfg, "glue", "/", body, http.Header{
		"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {"AWSGlue.GetCrawlerReport"},
	})
	if err != nil {
		return r, err
	}
	defer answer.Close()
	var out struct{ Report string }
	if err := json.NewDecoder(answer).Decode(&out); err != nil {
		return r, fmt.Errorf("the server's answer: %w", err)
	}
	return r, json.Unmarshal([]byte(out.Report), &r)
}

func printReport(w io.Writer, r crawler.Report) error {
	b := &bytes.Buffer{}
	fmt.Fprintf(b, "crawler %s, %s: %s, %d of them unknown, %d skipped\n", r.Crawler, r.Ended.UTC().Format("2006-01-02 15:04:05Z"), count(int64(r.Files), "file"), r.Unknown, r.Skipped)
	for _, t := range r.Tables {
		fmt.Fprintf(b, "\ntable %s at %s: %s", t.Table, t.Location, t.Change)
		for _, n := range []struct {
			count int
			what  string
		}{{t.PartitionsAdded, "added"}, {t.PartitionsRemoved, "removed"}, {t.PartitionsDeprecated, "deprecated"}} {
			if n.count > 0 {
				fmt.Fprintf(b, ", %s %s", count(int64(n.count), "partition"), n.what)
			}
		}
		if t.Reason != "" {
			fmt.Fprintf(b, " (%s)", t.Reason)
		}
		b.WriteByte('\n')
	}
	if len(r.Outcomes) > 0 {
		b.WriteByte('\n')
	}
	for _, o := range r.Outcomes {
		fmt.Fprintf(b, "%s\n", o.URL)
		if o.Classifier == "" {
			fmt.Fprintf(b, "    %s: %s\n", o.Classification, o.Reason)
			continue
		}
		fmt.Fprintf(b, "    %s by %s, certainty %.2f, %d of %d sampled records match\n", o.Classification, o.Classifier, o.Certainty, o.Matched, o.Records)
	}
	if r.More > 0 {
		fmt.Fprintf(b, "… and %s more\n", count(int64(r.More), "file"))
	}
	for _, d := range r.Diagnoses {
		fmt.Fprintf(b, "\nThe classifier doctor on %s:\n", d.Classifier)
		if err := d.Findings.WriteText(b); err != nil {
			return err
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}
