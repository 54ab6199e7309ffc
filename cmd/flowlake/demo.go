package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

func demoCommand() *cobra.Command {
	var (
		input string
		stay  bool
	)
	c := &cobra.Command{
		Use:   "demo",
		Short: "Walk flow logs to answers in SQL, on all three paths, on a server of its own",
		Long: `Starts a server on a temporary data folder and walks the pipeline's paths through its public API: log group,
export task, Grok classifier, crawler, table; log group, subscription filter, delivery stream, Parquet; flow log,
bucket, projected partitions. Each ends in SQL. Each step says who acts on whom, why, which permissions that
takes, and what it did.

Without --input it makes records up; with it, it walks your own file (text or gzip; a file of another
format than version 2's default needs its header line). The folder is removed at the end unless --stay,
which keeps the server up until Ctrl-C, and the folder after it.`,
		Example: `  flowlake demo
  flowlake demo --input flows.log.gz
  flowlake demo --stay`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			// Whoever stops reading must not leave a server's folder behind: "flowlake demo | head".
			ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGPIPE)
			defer stop()
			err := demo(ctx, c.OutOrStdout(), input, stay)
			if ctx.Err() != nil && c.Context().Err() == nil {
				return errors.New("nobody reads the output any more")
			}
			return err
		},
	}
	c.Flags().StringVar(&input, "input", "", "a file of flow-log records to use instead of made-up ones")
	c.Flags().BoolVar(&stay, "stay", false, "keep the server up until Ctrl-C, and its folder")
	return c
}

func demo(ctx context.Context, out io.Writer, input string, stay bool) (err error) {
	dir, err := os.MkdirTemp("", "flowlake-demo-")
	if err != nil {
		return err
	}
	if !stay {
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	if input == "" {
		input = filepath.Join(dir, "flows.log")
		if err := writeDemoRecords(input); err != nil {
			return err
		}
	}
	seen, err := look(input)
	if err != nil {
		return err
	}
	began := time.Now()
	srv, err := startServer(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	t := &target{endpoint: srv.endpoint, data: srv.data, credentials: srv.credentials}
	cfg, err := t.config()
	if err != nil {
		return err
	}
	w := newWalk(cfg, out, input, seen)
	fmt.Fprintf(out, "A flowlake server runs at %s, its data in %s\n", srv.endpoint, srv.data)
	fmt.Fprint(out, "Each step says who acts on whom, why, and which permissions its operations declare.\n")
	if err := w.run(ctx); err != nil {
		return fmt.Errorf("step %d, %s: %w%s", w.step, w.title, err, srv.lastLines())
	}
	fmt.Fprintf(out, "\nWho acts on whom, and by which statement (%s access map):\n\n", calledAs())
	m, err := accessMap(ctx, w.cfg)
	if err == nil {
		err = writeMap(out, m)
	}
	if err != nil {
		return fmt.Errorf("access map: %w", err)
	}
	fmt.Fprintf(out, "\nThe walk took %.1f s.\n", time.Since(began).Seconds())
	if !stay {
		fmt.Fprintf(out, `
How to go on:
  %[1]s demo --stay               keeps this server and its data, to look around
  %[1]s demo --input FILE         walks your own flow logs
  %[1]s serve                     a server that stays; then, in another shell:
  eval "$(%[1]s env)"             points the AWS CLI and SDKs at it
  %[1]s import --log-group G FILE…
`, calledAs())
		return nil
	}
	fmt.Fprintf(out, `
The server stays until Ctrl-C. In another shell:
  eval "$(%[5]s env --data %[1]s)"
  %[5]s query --database %[2]s "SELECT action, count(*) AS flows FROM %[3]s GROUP BY action"
  aws glue get-tables --database-name %[2]s
The folder stays after it: %[5]s serve --data %[1]s --credentials %[4]s
`, shellQuote(srv.data), demoDatabase, w.table, shellQuote(srv.credentials), calledAs())
	select {
	case <-ctx.Done():
		return nil
	case err := <-srv.exited:
		srv.exited <- err
		return fmt.Errorf("the server ended: %w%s", err, srv.lastLines())
	}
}

// ownServer is a flowlake server in a child process, on a folder of its own.
type ownServer struct {
	endpoint, data, credentials string

	cmd    *exec.Cmd
	log    string
	exited chan error // holds one value once the process ended
}

// startServer starts the server of this program below dir and returns when it is ready.
func startServer(ctx context.Context, dir string) (*ownServer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &ownServer{data: filepath.Join(dir, "data"), credentials: filepath.Join(dir, "credentials"), log: filepath.Join(dir, "server.log"), exited: make(chan error, 1)}
	logFile, err := os.OpenFile(s.log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer logFile.Close()
	s.cmd = exec.Command(self, "serve", "--data", s.data, "--credentials", s.credentials, "--listen", "127.0.0.1:0",
		"--account", defaultAccount, "--region", defaultRegion, "--log-level", "info", "--tls-cert=", "--tls-key=",
		"--publish-every", "1s")
	s.cmd.Stderr = logFile
	s.cmd.SysProcAttr = childOfThis()
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	ready := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(stdout).ReadString('\n')
		ready <- strings.TrimSpace(line)
		s.exited <- s.cmd.Wait()
	}()
	select {
	case line := <-ready:
		endpoint, ok := strings.CutPrefix(line, "flowlake ready ")
		if !ok {
			return nil, fmt.Errorf("the server did not start%s", s.lastLines())
		}
		s.endpoint = endpoint
		return s, nil
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), s.stop())
	case <-time.After(30 * time.Second):
		return nil, errors.Join(fmt.Errorf("the server was not ready within 30 s%s", s.lastLines()), s.stop())
	}
}

// stop ends the server as an operator would, and by force after its drain time.
func (s *ownServer) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case err := <-s.exited:
		return err
	case <-time.After(10 * time.Second):
		return errors.Join(errors.New("the server did not stop within 10 s"), s.cmd.Process.Kill())
	}
}

// lastLines is the end of the server's log, for an error.
func (s *ownServer) lastLines() string {
	b, err := os.ReadFile(s.log)
	if err != nil || len(b) == 0 {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return "\nthe server's log ends with:\n  " + strings.Join(lines[max(0, len(lines)-5):], "\n  ")
}
