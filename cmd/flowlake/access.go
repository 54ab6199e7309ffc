package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

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
		t      target
		q      pipeline.Question
		keys   []string
		output string
	)
	c := &cobra.Command{
		Use:   "explain",
		Short: "Say whether a principal may do an action, by which statement, and what is missing if not",
		Long: `Says whether a principal may do an action to a resource: which statement of which policy decides, and where it
is refused the least that would allow it, ready to paste. Nothing is done, and nothing recorded but the question.
Of a table or database of the catalogue it also says what Lake Formation grants the principal.

The principal is an ARN, user/NAME or role/NAME of the account, root, or a service that asks as itself
(logs.us-east-1.amazonaws.com). It takes iam:SimulatePrincipalPolicy on the principal. When the answer is no, it ends with 4.`,
		Example: `  flowlake access explain --principal user/analyst --action athena:StartQueryExecution --resource arn:aws:athena:us-east-1:123456789012:workgroup/primary
  flowlake access explain --principal role/crawler --action glue:GetTable --resource arn:aws:glue:us-east-1:123456789012:table/vpc/flows
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
			cfg, err := t.config()
			if err != nil {
				return err
			}
			if q.Principal, err = principalARN(c, cfg, q.Principal); err != nil {
				return asNoServer(err)
			}
			body, err := json.Marshal(q.Context)
			if err != nil {
				return err
			}
			params := url.Values{"principal": {q.Principal}, "action": {q.Action}, "resource": {q.Resource}}
			if q.SourceARN != "" {
				params.Set("source-arn", q.SourceARN)
			}
			answer, err := post(c.Context(), cfg, "flowlake", doorflowlake.ExplainPath+"?"+strings.ReplaceAll(params.Encode(), "+", "%20"), body, nil)
			if err != nil {
				return asNoServer(err)
			}
			defer answer.Close()
			var x pipeline.Explanation
			if err := json.NewDecoder(answer).Decode(&x); err != nil {
				return fmt.Errorf("the server's answer: %w", err)
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
	f.StringVar(&q.SourceARN, "source-arn", "", "of a service: the resource that it asks for (aws:SourceArn)")
	f.StringArrayVar(&keys, "context", nil, "a condition key as key=value; may be repeated, also for further values of one key")
	f.StringVar(&output, "output", "text", "text or json")
	return c
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

func printExplanation(w io.Writer, x pipeline.Explanation) error {
	b := &bytes.Buffer{}
	mark := "✓"
	if !x.Allowed {
		mark = "✗"
	}
	fmt.Fprintf(b, "%s %s\n", mark, x.Decision)
	printMissing(b, x.Need, "  ")
	if g := x.Grants; g != nil {
		fmt.Fprintf(b, "\nLake Formation: %s\n", g.Summary)
		if g.Add != "" {
			fmt.Fprintf(b, "  this would grant it:\n    %s\n", g.Add)
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// printMissing prints what would allow a need.
func printMissing(b *bytes.Buffer, n pipeline.Need, indent string) {
	if n.Add == "" {
		return
	}
	fmt.Fprintf(b, "%sthis would allow it, in %s:\n", indent, n.AddWhere)
	for line := range strings.SplitSeq(strings.TrimRight(n.Add, "\n"), "\n") {
		fmt.Fprintf(b, "%s  %s\n", indent, line)
	}
}
