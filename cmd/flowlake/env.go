package main

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

func envCommand() *cobra.Command {
	var t target
	c := &cobra.Command{
		Use:   "env",
		Short: "Print shell lines that point the AWS CLI and SDKs at the running server",
		Long: `Prints export lines for the server that runs on the data folder: its endpoint, root's key and the
region, and keeps boto3 from putting "stream-" before the host of a live tail. It unsets AWS_SESSION_TOKEN and
AWS_PROFILE, and adds the host to NO_PROXY. The output is for eval in sh, bash or zsh, and holds a secret.`,
		Example: `  eval "$(flowlake env)"
  aws logs describe-log-groups`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			endpoint, err := t.address()
			if err != nil {
				return err
			}
			key, err := t.rootKey()
			if err != nil {
				return err
			}
			return printEnv(c.OutOrStdout(), endpoint, key.AccessKeyID, key.SecretAccessKey, t.workRegion(), os.Getenv("NO_PROXY")+","+os.Getenv("no_proxy"))
		},
	}
	t.serverOnly(c)
	return c
}

// serverOnly declares the flags of a command that must speak of the server on a data folder, and of
// no other endpoint or key that the environment happens to hold.
func (t *target) serverOnly(c *cobra.Command) {
	t.otherwise = "or name its folder with --data"
	dataFlag(c, &t.data)
	credentialsFlag(c, &t.credentials)
	c.Flags().StringVar(&t.region, "region", "", "the region to work in (default: the server's)")
}

func printEnv(w io.Writer, endpoint, id, secret, region, noProxy string) error {
	u, err := url.Parse(endpoint)
	if err != nil {
		return err
	}
	var hosts []string
	for h := range strings.SplitSeq(noProxy+","+u.Hostname(), ",") {
		if h = strings.TrimSpace(h); h != "" && !slices.Contains(hosts, h) {
			hosts = append(hosts, h)
		}
	}
	_, err = fmt.Fprintf(w, `export AWS_ENDPOINT_URL=%s
export AWS_ACCESS_KEY_ID=%s
export AWS_SECRET_ACCESS_KEY=%s
export AWS_REGION=%s
export AWS_DEFAULT_REGION=%s
export AWS_DISABLE_HOST_PREFIX_INJECTION=true
unset AWS_SESSION_TOKEN AWS_PROFILE
export NO_PROXY=%s no_proxy=%[6]s
`, shellQuote(endpoint), shellQuote(id), shellQuote(secret), shellQuote(region), shellQuote(region), shellQuote(strings.Join(hosts, ",")))
	return err
}

// shellQuote makes s one word of a POSIX shell.
func shellQuote(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:,=+-") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
