package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"flowlake/catalog/grok"
)

func grokCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "grok",
		Short:   "Try Grok patterns on files",
		Example: "  flowlake grok test --pattern '%{NUMBER:version:int} %{NOTSPACE:account_id}' flows.log",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(grokTestCommand())
	return c
}

func grokTestCommand() *cobra.Command {
	var pattern, custom, output string
	var misses int
	c := &cobra.Command{
		Use:   "test --pattern P [--custom FILE] FILE…",
		Short: "Say which lines a pattern matches, why the others do not, and which pattern would match all",
		Long: `Matches each line of the files (text or gzip, - for standard input) as a Grok classifier would, and prints
the share that matches, the first lines that do not with a caret where matching stopped and why, text that
the pattern silently skips, and a pattern that covers all lines whole.

The exit code is 0 when every line matches, 4 when some do not.`,
		Example: `  flowlake grok test --pattern '%{NUMBER:version:int} %{NOTSPACE:account_id} %{NOTSPACE:interface_id} %{IP:srcaddr}' flows.log
  flowlake grok test --pattern '%{FLOW}' --custom patterns.txt --output json flows.log.gz`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, files []string) error {
			if output != "text" && output != "json" {
				return usagef("--output is text or json, not %q", output)
			}
			if pattern == "" {
				return usagef("give a --pattern\nsee: flowlake grok test --help")
			}
			var definitions string
			if custom != "" {
				b, err := os.ReadFile(custom)
				if err != nil {
					return err
				}
				definitions = string(b)
			}
			p, err := grok.Compile(pattern, definitions)
			if err != nil {
				return usagef("%w", err)
			}
			bar := newProgress("match", totalSize(files))
			defer bar.Close()
			text, err := openAll(files, bar)
			if err != nil {
				return err
			}
			d, err := grok.Diagnose(text, p, grok.Options{Misses: misses})
			if err != nil {
				return err
			}
			if err := bar.Clear(); err != nil {
				return err
			}
			if err := writeDiagnosis(c.OutOrStdout(), d, output); err != nil {
				return err
			}
			if d.Matched < d.Lines {
				return &exitError{exitFindings, errors.New("")}
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&pattern, "pattern", "", "the Grok pattern")
	f.StringVar(&custom, "custom", "", "a file of custom patterns, one NAME and regexp a line")
	f.StringVar(&output, "output", "text", "text or json")
	f.IntVar(&misses, "misses", 5, "how many lines that do not match to show")
	return c
}

func writeDiagnosis(w io.Writer, d *grok.Diagnosis, output string) error {
	if output == "text" {
		return d.WriteText(w)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(d)
}

// openAll reads files one after the other as lines.
func openAll(names []string, read io.Writer) (io.Reader, error) {
	for _, n := range names {
		if n == "-" {
			continue
		}
		if _, err := os.Stat(n); err != nil {
			return nil, err
		}
	}
	pr, pw := io.Pipe()
	go func() {
		for _, n := range names {
			if err := copyLines(pw, n, read); err != nil {
				pw.CloseWithError(err)
				return
			}
		}
		pw.Close()
	}()
	return pr, nil
}

// copyLines writes a file's lines, uncompressed, in pieces of many lines.
func copyLines(w io.Writer, name string, read io.Writer) error {
	lines, err := openLines(name, read)
	if err != nil {
		return err
	}
	defer lines.close()
	var buf []byte
	for {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			_, err = w.Write(buf)
			return err
		}
		if err != nil {
			return err
		}
		if buf = append(append(buf, line...), '\n'); len(buf) > 64<<10 {
			if _, err := w.Write(buf); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			buf = buf[:0]
		}
	}
}
