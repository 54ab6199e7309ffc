package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	doorflowlake "flowlake/aws/flowlake"
)

func verifyCommand() *cobra.Command {
	var (
		t    target
		sums bool
	)
	c := &cobra.Command{
		Use:   "verify",
		Short: "Check that everything the server stores is whole",
		Long: `Asks the server to read all log events with their indexes, the records that wait in delivery streams, and
every object's file, and to compare them with what was recorded when they were acknowledged. The server goes on serving. What is damaged is printed,
one line each, and the exit code is 4.`,
		Example: `  flowlake verify
  flowlake verify --sums=false      # sizes only, not every byte`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return verify(c.Context(), c.OutOrStdout(), &t, sums) },
	}
	t.flags(c)
	c.Flags().BoolVar(&sums, "sums", true, "read every object's bytes and compare their checksum")
	return c
}

func verify(ctx context.Context, out io.Writer, t *target, sums bool) error {
	cfg, err := t.config()
	if err != nil {
		return err
	}
	body, err := post(ctx, cfg, "flowlake", fmt.Sprintf("%s?sums=%t", doorflowlake.VerifyPath, sums), nil, nil)
	if err != nil {
		return asNoServer(err)
	}
	defer body.Close()
	var events, records, objects, bytes, damaged int64
	done := false
	terminal := term.IsTerminal(int(os.Stderr.Fd()))
	for lines := bufio.NewScanner(body); lines.Scan(); {
		var l doorflowlake.VerifyLine
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return fmt.Errorf("the server's answer: %w", err)
		}
		switch {
		case l.Failed != "":
			return fmt.Errorf("the check of %s could not go on: %s", l.Room, l.Failed)
		case l.Damage != "":
			damaged++
			if _, err := fmt.Fprintf(out, "damaged: %s\n", l.Damage); err != nil {
				return err
			}
		case l.Room == "logs":
			events = l.Checked
		case l.Room == "delivery":
			records = l.Checked
		default:
			objects, bytes = l.Checked, l.Bytes
		}
		done = l.Done
		if terminal && !done {
			fmt.Fprintf(os.Stderr, "\r%d events, %d records, %d objects, %d MB checked\033[K", events, records, objects, bytes>>20)
		}
	}
	if terminal {
		fmt.Fprint(os.Stderr, "\r\033[K")
	}
	if !done && ctx.Err() != nil {
		return ctx.Err()
	}
	if !done {
		return errors.New("the server's answer ended before the check did")
	}
	if damaged > 0 {
		return &exitError{exitFindings, errors.New(count(damaged, "damaged thing"))}
	}
	_, err = fmt.Fprintf(out, "whole: all log events, %d records that wait, and %d objects of %d bytes\n", records, objects, bytes)
	return err
}
