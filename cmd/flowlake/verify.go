package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
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
		Long: `Asks the server to read all log events with their indexes, and every object's file, and to compare them
with what was recorded when they were acknowledged. The server goes on serving. What is damaged is printed,
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
	body, err := postOwn(ctx, cfg, fmt.Sprintf("%s?sums=%t", doorflowlake.VerifyPath, sums))
	if err != nil {
		return asNoServer(err)
	}
	defer body.Close()
	var events, objects, bytes, damaged int64
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
		default:
			objects, bytes = l.Checked, l.Bytes
		}
		done = l.Done
		if terminal && !done {
			fmt.Fprintf(os.Stderr, "\r%d events, %d objects, %d MB checked\033[K", events, objects, bytes>>20)
		}
	}
	if terminal {
		fmt.Fprint(os.Stderr, "\r\033[K")
	}
	if !done {
		return errors.New("the server's answer ended before the check did")
	}
	if damaged > 0 {
		return &exitError{exitFindings, fmt.Errorf("%d things are damaged", damaged)}
	}
	_, err = fmt.Fprintf(out, "whole: all log events, and %d objects of %d bytes\n", objects, bytes)
	return err
}

// postOwn calls one of flowlake's own operations and returns the body of its answer.
func postOwn(ctx context.Context, cfg aws.Config, path string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, *cfg.BaseEndpoint+path, nil)
	if err != nil {
		return nil, err
	}
	key, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	empty := sha256.Sum256(nil)
	hash := hex.EncodeToString(empty[:])
	req.Header.Set("X-Amz-Content-Sha256", hash)
	if err := v4.NewSigner().SignHTTP(ctx, key, req, hash, "flowlake", cfg.Region, time.Now()); err != nil {
		return nil, err
	}
	res, err := cfg.HTTPClient.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode == http.StatusOK {
		return res.Body, nil
	}
	defer res.Body.Close()
	var refused struct{ Code, Message string }
	if err := xml.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&refused); err != nil || refused.Code == "" {
		return nil, fmt.Errorf("the server answered %s", res.Status)
	}
	return nil, fmt.Errorf("%s: %s", refused.Code, refused.Message)
}
