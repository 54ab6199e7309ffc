package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	doorflowlake "flowlake/aws/flowlake"
	"flowlake/pipeline"
)

func accessMapCommand() *cobra.Command {
	var (
		t      target
		output string
		wrong  bool
	)
	c := &cobra.Command{
		Use:   "map",
		Short: "Print who acts on whom, why, and by which statement, for the whole pipeline as it stands",
		Long: `Prints every step of the pipeline as it stands in the region: flow logs, export tasks, subscription filters, delivery
streams, crawlers, data lake locations, and who reads which table. Each step has its actor, whom it acts on, what
for, and every permission that it needs, with the statement or grant that gives it, or what is missing and where to add it.

It takes flowlake:GetAccessMap, and of each part the permission to list it; parts that you may not list are named. When
something is missing, it ends with 4.`,
		Example: `  flowlake access map
  flowlake access map --missing
  flowlake access map --output mermaid > pipeline.mmd
  flowlake access map --output json | jq '.steps[] | select(.actor | endswith("crawler"))'`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkOutput(output, "text", "json", "mermaid"); err != nil {
				return err
			}
			cfg, err := t.config()
			if err != nil {
				return err
			}
			m, err := accessMap(c.Context(), cfg)
			if err != nil {
				return asNoServer(err)
			}
			missing := 0
			var kept []pipeline.Step
			for _, s := range m.Steps {
				if !s.OK() {
					missing++
				}
				if !wrong || !s.OK() {
					kept = append(kept, s)
				}
			}
			m.Steps = kept
			switch output {
			case "json":
				err = printJSON(c.OutOrStdout(), m)
			case "mermaid":
				err = writeMermaid(c.OutOrStdout(), m)
			default:
				err = writeMap(c.OutOrStdout(), m)
			}
			if err == nil && missing > 0 {
				err = &exitError{exitFindings, errors.New(count(int64(missing), "step") + " of the pipeline would be refused")}
			}
			return err
		},
	}
	t.flags(c)
	c.Flags().StringVar(&output, "output", "text", "text, json or mermaid")
	c.Flags().BoolVar(&wrong, "missing", false, "print only steps that lack something")
	return c
}

func accessMap(ctx context.Context, cfg aws.Config) (m pipeline.Map, err error) {
	answer, err := post(ctx, cfg, "flowlake", doorflowlake.MapPath, nil, nil)
	if err != nil {
		return m, err
	}
	defer answer.Close()
	if err := json.NewDecoder(answer).Decode(&m); err != nil {
		return m, fmt.Errorf("the server's answer: %w", err)
	}
	return m, nil
}

// writeMap prints a paragraph for each step: who → whom, why, and its permissions.
func writeMap(w io.Writer, m pipeline.Map) error {
	b := &bytes.Buffer{}
	stage := ""
	for _, s := range m.Steps {
		if s.Stage != stage {
			stage = s.Stage
			fmt.Fprintf(b, "\n%s\n", stage)
		}
		who := shortARN(s.Actor)
		if s.Service != "" {
			who = s.Service + ", as " + who
		}
		fmt.Fprintf(b, "  %s → %s: %s\n", who, s.Target, s.Why)
		for _, n := range s.Needs {
			if n.Allowed {
				fmt.Fprintf(b, "    ✓ %-28s %s\n", n.Action, n.By)
				continue
			}
			fmt.Fprintf(b, "    ✗ %-28s %s\n", n.Action, n.Missing)
			printMissing(b, n, "      ")
		}
	}
	if len(m.Steps) == 0 {
		b.WriteString("nothing to show\n")
	}
	for _, u := range m.Unseen {
		fmt.Fprintf(b, "\nnot shown: %s\n", u)
	}
	_, err := w.Write(bytes.TrimPrefix(b.Bytes(), []byte("\n")))
	return err
}

// shortARN is "role/x" of "arn:aws:iam::123456789012:role/x"; other text stays as it is.
func shortARN(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 && parts[0] == "arn" {
		return strings.TrimPrefix(parts[5], "/")
	}
	return arn
}

// writeMermaid draws the steps as a flowchart: a missing permission's arrow is broken, and says what is missing.
//
// Source: Mermaid's documentation, "Flowcharts - Basic Syntax": text in quotes may hold anything but quotes, which are
// written as #quot;.
func writeMermaid(w io.Writer, m pipeline.Map) error {
	b := &bytes.Buffer{}
	b.WriteString("flowchart LR\n")
	ids := map[string]string{}
	text := func(s string) string {
		return strings.NewReplacer("#", "#35;", `"`, "#quot;", "<", "#lt;", ">", "#gt;", "\n", " ").Replace(s)
	}
	node := func(label string) string {
		id, ok := ids[label]
		if !ok {
			id = fmt.Sprintf("n%d", len(ids)+1)
			ids[label] = id
			fmt.Fprintf(b, "  %s[\"%s\"]\n", id, text(label))
		}
		return id
	}
	for _, s := range m.Steps {
		who, whom := node(shortARN(s.Actor)), node(s.Target)
		if s.Service != "" {
			service := node(s.Service)
			arrow := "-->"
			if len(s.Needs) > 0 && !s.Needs[0].Allowed {
				arrow = "-.-x"
			}
			line := fmt.Sprintf("  %s %s|assumes| %s\n", service, arrow, who)
			if !bytes.Contains(b.Bytes(), []byte(line)) {
				b.WriteString(line)
			}
		}
		var missing []string
		for _, n := range s.Needs {
			if !n.Allowed && n.Action != "sts:AssumeRole" {
				missing = append(missing, n.Action)
			}
		}
		if len(missing) > 0 {
			fmt.Fprintf(b, "  %s -.-x|\"%s, without %s\"| %s\n", who, text(s.Why), text(strings.Join(missing, ", ")), whom)
		} else {
			fmt.Fprintf(b, "  %s -->|\"%s\"| %s\n", who, text(s.Why), whom)
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}
