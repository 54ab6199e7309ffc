// Command flowlake runs the VPC Flow Logs pipeline as one program: the server, the clients that
// talk to it, and the local tools. Here, and only here, every room is known: flags, wiring, commands.
// No behaviour of a room lives here.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// version is what `flowlake version` prints, and the server logs at its start.
const version = "0.1.0-dev"

// Exit codes, as `flowlake --help` documents them.
const (
	exitFailed    = 1 // the work could not be done
	exitUsage     = 2 // the command line is wrong
	exitNoServer  = 3 // no flowlake server to talk to
	exitFindings  = 4 // the check ran, and found something wrong
	exitInterrupt = 130
)

// exitError carries the exit code that an error ends the program with.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:]))
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string) int {
	root := rootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	code := exitFailed
	var ee *exitError
	switch {
	case errors.As(err, &ee):
		code = ee.code
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		code, err = exitInterrupt, errors.New("interrupted")
	}
	if err.Error() != "" {
		fmt.Fprintln(os.Stderr, "flowlake: "+describe(err))
	}
	return code
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "flowlake",
		Short: "The VPC Flow Logs pipeline as one program",
		Long: `flowlake takes VPC Flow Logs in, keeps them, finds their tables and answers SQL about them,
with the AWS protocols at its doors: CloudWatch Logs, Firehose, EC2 (flow logs), S3, Glue, Athena and STS.

Exit codes: 0 done, 1 the work could not be done, 2 wrong command line, 3 no flowlake server to
talk to, 4 a check ran and found something wrong, 130 interrupted.`,
		Example: `  flowlake demo                              # the whole walk, on a server of its own
  flowlake serve                             # the server, on 127.0.0.1:4566
  eval "$(flowlake env)"                     # then the AWS CLI and SDKs talk to it
  flowlake query "SHOW DATABASES"`,
		Args:          knownCommand,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
		SilenceErrors: true,
		SilenceUsage:  true,

		SuggestionsMinimumDistance: 2, // as cobra itself takes it
	}
	root.Version = version
	root.SetVersionTemplate("flowlake {{.Version}}\n")
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usagef("%w\nsee: %s --help", err, c.CommandPath())
	})
	root.AddCommand(serveCommand(), envCommand(), demoCommand(), queryCommand(), importCommand(), convertCommand(),
		crawlCommand(), generateCommand(), tableCommand(), compactCommand(), accessCommand(), grokCommand(), tailCommand(), verifyCommand(), versionCommand(), workerCommand())
	checkedArgs(root)
	return root
}

// knownCommand is where words that are no command end: cobra's own refusal of them has no exit code of ours.
func knownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := ""
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		hint = ", did you mean " + strings.Join(near, " or ") + "?"
	}
	return fmt.Errorf("unknown command %q%s", args[0], hint)
}

// checkedArgs makes wrong arguments of a command and its subcommands a usage error.
func checkedArgs(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return usagef("%w\nsee: %s --help", err, c.CommandPath())
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		checkedArgs(sub)
	}
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  flowlake version",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(c.OutOrStdout(), "flowlake "+version)
			return err
		},
	}
}
