package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/spf13/cobra"

	doorflowlake "flowlake/aws/flowlake"
	"flowlake/pipeline"
)

func accessCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "access",
		Short: "Say who may do what, and why",
		Example: `  flowlake access map
  flowlake access explain --principal user/analyst --action s3:GetObject --resource arn:aws:s3:::lake/flows/1.log`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(accessExplainCommand(), accessMapCommand())
	return c
}

func accessExplainCommand() *cobra.Command {
	var (
		t        target
		q        pipeline.Question
		keys     []string
		sessions []string
		output   string
	)
	c := &cobra.Command{
		Use:   "explain",
		Short: "Say whether a principal may do an action, by which statement, and what is missing if not",
		Long: `Says whether a principal may do an action to a resource: which statement of which policy decides, and where it
is refused the least that would allow it, ready to paste. Nothing is done, and nothing recorded but the question.
Of a table of the catalogue it also says what Lake Formation grants the principal.

The principal is an ARN (also a session's), user/NAME or role/NAME of the account, root, or a service that asks as itself
(logs.us-east-1.amazonaws.com). A role's trust is asked for with the service, sts:AssumeRole and the role's ARN; a
permission of Lake Formation as lakeformation:Select, Insert, Delete, Describe, Alter, Drop, CreateTable, CreateDatabase or
DataLocationAccess, for one column with --column. What a request would bring, such as aws:SourceIp, --context gives.

It takes iam:SimulatePrincipalPolicy on the principal, and for grants glue:GetTable on the table. When the answer is no, it
ends with 4.`,
		Example: `  flowlake access explain --principal user/analyst --action athena:StartQueryExecution --resource arn:aws:athena:us-east-1:123456789012:workgroup/primary
  flowlake access explain --principal glue.amazonaws.com --action sts:AssumeRole --resource arn:aws:iam::123456789012:role/crawler
  flowlake access explain --principal user/analyst --action lakeformation:Select --resource arn:aws:glue:us-east-1:123456789012:table/vpc/flows --column srcaddr
  flowlake access explain --principal logs.us-east-1.amazonaws.com --action s3:PutObject --resource arn:aws:s3:::lake/x --context s3:x-amz-acl=bucket-owner-full-control`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkOutput(output, "text", "json"); err != nil {
				return err
			}
			if q.Principal == "" || q.Action == "" {
				return usagef("--principal and --action are needed")
			}
			q.Context = map[string][]string{}
			for _, k := range keys {
				name, value, ok := strings.Cut(k, "=")
				if !ok || name == "" {
					return usagef("--context %q is not key=value", k)
				}
				q.Context[name] = append(q.Context[name], value)
			}
			for _, name := range sessions {
				document, err := os.ReadFile(name)
				if err != nil {
					return err
				}
				q.SessionPolicies = append(q.SessionPolicies, string(document))
			}
			cfg, err := t.config()
			if err != nil {
				return err
			}
			if q.Principal, err = principalARN(c, cfg, q.Principal); err != nil {
				return asNoServer(err)
			}
			x, err := explain(c.Context(), cfg, q)
			if err != nil {
				return asNoServer(err)
			}
			if output == "json" {
				err = printJSON(c.OutOrStdout(), x)
			} else {
				err = printExplanation(c.OutOrStdout(), x)
			}
			if err == nil && !x.Allowed {
				err = &exitError{exitFindings, errors.New("it is refused")}
			}
			return err
		},
	}
	t.flags(c)
	f := c.Flags()
	f.StringVar(&q.Principal, "principal", "", "who: an ARN, user/NAME, role/NAME, root, or a service")
	f.StringVar(&q.Action, "action", "", "what: service:Action")
	f.StringVar(&q.Resource, "resource", "*", "to what: an ARN")
	f.StringVar(&q.Column, "column", "", "of the table that --resource is, with lakeformation:Select")
	f.StringVar(&q.SourceARN, "source-arn", "", "of a service: the resource that it asks for (aws:SourceArn)")
	f.StringArrayVar(&keys, "context", nil, "a condition key as key=value; may be repeated, also for further values of one key")
	f.StringArrayVar(&sessions, "session-policy", nil, "a file with a policy that the role's session begins with; may be repeated")
	f.StringVar(&output, "output", "text", "text or json")
	return c
}

// explain asks the server.
func explain(ctx context.Context, cfg aws.Config, q pipeline.Question) (x pipeline.Explanation, err error) {
	body, err := json.Marshal(q)
	if err != nil {
		return x, err
	}
	path := doorflowlake.ExplainPath + "?principal=" + strings.ReplaceAll(url.QueryEscape(q.Principal), "+", "%20")
	answer, err := post(ctx, cfg, "flowlake", path, body, nil)
	if err != nil {
		return x, err
	}
	defer answer.Close()
	if err := json.NewDecoder(answer).Decode(&x); err != nil {
		return x, fmt.Errorf("the server's answer: %w", err)
	}
	return x, nil
}

// principalARN completes user/x, role/x and root with the account's id.
func principalARN(c *cobra.Command, cfg aws.Config, name string) (string, error) {
	if name != "root" && !strings.HasPrefix(name, "user/") && !strings.HasPrefix(name, "role/") {
		return name, nil
	}
	who, err := sts.NewFromConfig(cfg).GetCallerIdentity(c.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", err
	}
	return "arn:aws:iam::" + aws.ToString(who.Account) + ":" + name, nil
}

func checkOutput(given string, known ...string) error {
	for _, k := range known {
		if given == k {
			return nil
		}
	}
	return usagef("--output is %s, not %q", strings.Join(known, " or "), given)
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// printExplanation prints a yes in a sentence, and a no as a refusal is told.
func printExplanation(w io.Writer, x pipeline.Explanation) error {
	b := &bytes.Buffer{}
	if x.Allowed {
		b.WriteString(wrapped("✓ ", "  ", x.Decision))
	} else {
		fmt.Fprintf(b, "✗ %s\n", strings.ReplaceAll(strings.TrimRight(x.Reason, "\n"), "\n", "\n  "))
	}
	if g := x.Grants; g != nil {
		b.WriteString("\n" + wrapped("Lake Formation: ", "  ", g.Summary))
		if g.Add != "" && g.Add != x.Add {
			fmt.Fprintf(b, "  This would grant what is missing, in a shell of a data lake administrator:\n\n  %s\n", g.Add)
		}
	}
	_, err := w.Write(trimmed(b.Bytes()))
	return err
}

// textWidth is how wide the lines of text are, where words can be broken.
const textWidth = 110

// wrapped is text that begins with one indentation and goes on with another.
func wrapped(first, rest, text string) string {
	var b strings.Builder
	b.WriteString(first)
	column := utf8.RuneCountInString(first)
	for i, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case column+1+n > textWidth:
			b.WriteString("\n" + rest)
			column = utf8.RuneCountInString(rest)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String() + "\n"
}

// trimmed is text without blanks at the ends of its lines.
func trimmed(text []byte) []byte {
	lines := bytes.Split(text, []byte("\n"))
	for i := range lines {
		lines[i] = bytes.TrimRight(lines[i], " ")
	}
	return bytes.Join(lines, []byte("\n"))
}
