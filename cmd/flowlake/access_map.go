package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
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
streams, crawlers, data lake locations, who compacts a table, and who reads it. Each step has its actor, whom it acts on,
what for, and every permission that it needs, with the statement or grant that gives it, or what is missing and where to
add it. The map is of one region: --region shows another's.

It takes flowlake:GetAccessMap, of each part the permission to list it, and iam:SimulatePrincipalPolicy on each actor
(s3:GetBucketPolicy on the bucket where a service writes as itself). What you may not see is named. When something is
missing, it ends with 4.`,
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
			kept := []pipeline.Step{}
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

// writeMap prints a paragraph for each step: who → whom, why, and its permissions. What is the same as in the step before
// is not told twice: a role's trust, and the statements to add.
func writeMap(w io.Writer, m pipeline.Map) error {
	b := &bytes.Buffer{}
	b.WriteString(wrapped("", "", "Account "+m.Account+" in "+m.Region+": who acts on whom, why, and by which statement. ✓ is allowed, ✗ is missing."))
	stage := ""
	told := map[string]bool{}
	for _, s := range m.Steps {
		if s.Stage != stage {
			stage = s.Stage
			fmt.Fprintf(b, "\n%s\n", stage)
		}
		who := shortARN(s.Actor)
		if s.Service != "" {
			who = s.Service + " as " + who
		}
		b.WriteString(wrapped("  ", "    ", who+" → "+s.Target+": "+s.Why))
		switch {
		case s.Withheld != "":
			b.WriteString(wrapped("    ? ", "      ", "not shown: "+s.Withheld))
		case len(s.Needs) == 0:
			b.WriteString("    ✓ nothing is asked\n")
		}
		writeNeeds(b, s, told)
		where := ""
		for _, a := range s.Add {
			if told[a.Where+a.Text] {
				continue
			}
			told[a.Where+a.Text] = true
			if a.Where != where {
				where = a.Where
				fmt.Fprintf(b, "      this would allow it, in %s:\n", where)
			}
			for line := range strings.SplitSeq(a.Text, "\n") {
				fmt.Fprintf(b, "        %s\n", line)
			}
		}
	}
	if len(m.Steps) == 0 {
		b.WriteString("\nnothing to show\n")
	}
	for i, u := range m.Unseen {
		if i == 0 {
			b.WriteByte('\n')
		}
		b.WriteString(wrapped("not shown: ", "  ", u))
	}
	_, err := w.Write(trimmed(b.Bytes()))
	return err
}

// writeNeeds prints a step's needs, those together that one statement allows, and those together that lack the same.
func writeNeeds(b *bytes.Buffer, s pipeline.Step, told map[string]bool) {
	type line struct {
		mark, why string
		actions   []string
		resources []string
	}
	var lines []*line
	for _, n := range s.Needs {
		if n.Action == "sts:AssumeRole" && n.Allowed {
			trust := s.Service + " " + s.Actor + " " + n.By
			if told[trust] {
				continue
			}
			told[trust] = true
		}
		mark, why := "✓", n.By
		if !n.Allowed {
			mark, why = "✗", reasonOf(n)
		}
		var l *line
		for _, other := range lines {
			// What is allowed is told by its statement; what is not, action by action with all that it is missing on.
			if other.mark == mark && other.why == why && (n.Allowed || other.actions[0] == n.Action) {
				l = other
			}
		}
		if l == nil {
			l = &line{mark: mark, why: why}
			lines = append(lines, l)
		}
		if !slices.Contains(l.actions, n.Action) {
			l.actions = append(l.actions, n.Action)
		}
		if r := shortARN(n.Resource); !slices.Contains(l.resources, r) {
			l.resources = append(l.resources, r)
		}
	}
	for _, l := range lines {
		text := strings.Join(l.actions, ", ")
		if l.mark == "✗" {
			text += " on " + strings.Join(l.resources, ", ")
		}
		b.WriteString(wrapped("    "+l.mark+" ", "      ", text+" — "+l.why))
	}
}

// reasonOf is why a need is missing, without who, what and whom: those stand before it.
func reasonOf(n pipeline.Need) string {
	why := n.Missing
	for _, begins := range []string{" because ", " with an explicit deny "} {
		if _, rest, ok := strings.Cut(n.Missing, begins); ok {
			why = strings.TrimSpace(strings.TrimPrefix(begins, " because ") + rest)
			break
		}
	}
	if n.By != "" {
		why += " (" + n.By + ")"
	}
	return why
}

// shortARN is "role/x" of "arn:aws:iam::123456789012:role/x", and "s3://b/k" of an object's; other text stays as it is.
func shortARN(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return arn
	}
	if parts[2] == "s3" {
		return "s3://" + parts[5]
	}
	return strings.TrimPrefix(parts[5], "/")
}

// writeMermaid draws the steps as a flowchart: where a permission is missing the arrow is dotted and red, and says which.
//
// Source: Mermaid's documentation, "Flowcharts - Basic Syntax": text in quotes may hold anything but quotes, and entity codes
// (#quot;, #35;) write the rest; "A -->|text| B", "A -.->|text| B"; "linkStyle" counts links in the order they are drawn.
func writeMermaid(w io.Writer, m pipeline.Map) error {
	b := &bytes.Buffer{}
	b.WriteString("flowchart LR\n")
	text := strings.NewReplacer("#", "#35;", `"`, "#quot;", "<", "#lt;", ">", "#gt;", "`", "#96;", "\n", " ").Replace
	ids := map[string]string{}
	node := func(label string) string {
		id, ok := ids[label]
		if !ok {
			id = fmt.Sprintf("n%d", len(ids)+1)
			ids[label] = id
			fmt.Fprintf(b, "  %s[\"%s\"]\n", id, text(label))
		}
		return id
	}
	drawn, broken := map[string]bool{}, []string(nil)
	link := func(from, why string, bad bool, to string) {
		arrow := "-->"
		if bad {
			arrow = "-.->"
		}
		line := fmt.Sprintf("  %s %s|\"%s\"| %s\n", from, arrow, text(why), to)
		if drawn[line] {
			return
		}
		if bad {
			broken = append(broken, strconv.Itoa(len(drawn)))
		}
		drawn[line] = true
		b.WriteString(line)
	}
	for _, s := range m.Steps {
		who, whom := node(shortARN(s.Actor)), node(s.Target)
		untrusted := slices.ContainsFunc(s.Needs, func(n pipeline.Need) bool { return n.Action == "sts:AssumeRole" && !n.Allowed })
		if s.Service != "" {
			why := "assumes"
			if untrusted {
				why = "may not assume"
			}
			link(node(s.Service), why, untrusted, who)
		}
		var missing []string
		for _, n := range s.Needs {
			if !n.Allowed && n.Action != "sts:AssumeRole" && !slices.Contains(missing, n.Action) {
				missing = append(missing, n.Action)
			}
		}
		why := s.Why
		switch {
		case len(missing) > 0:
			why += ", without " + strings.Join(missing, ", ")
		case s.Withheld != "":
			why += ", permissions not shown"
		}
		link(who, why, len(missing) > 0, whom)
	}
	if len(broken) > 0 {
		fmt.Fprintf(b, "  linkStyle %s stroke:#c00,color:#c00\n", strings.Join(broken, ","))
	}
	_, err := w.Write(b.Bytes())
	return err
}
