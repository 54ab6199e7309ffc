package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	"github.com/aws/aws-sdk-go-v2/service/athena/types"
)

// interrupted runs a command, presses Ctrl-C once when says so, and returns how it ended.
func interrupted(t *testing.T, env []string, when func() bool, args ...string) (stderr string, code int) {
	t.Helper()
	self, err := os.Executable()
	ok(t, err)
	cmd := exec.Command(self, args...)
	var errs bytes.Buffer
	cmd.Env, cmd.Stderr, cmd.SysProcAttr = env, &errs, childOfThis()
	ok(t, cmd.Start())
	stuck := time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
	defer stuck.Stop()
	until(t, "the moment to interrupt at", when)
	ok(t, cmd.Process.Signal(syscall.SIGINT))
	cmd.Wait() // an exit code that is not 0 is what is expected
	return errs.String(), cmd.ProcessState.ExitCode()
}

func TestInterrupt(t *testing.T) {
	t.Run("a tool ends with 130", func(t *testing.T) {
		began := time.Now()
		errs, code := interrupted(t, cleanEnv(t.TempDir()), func() bool { return time.Since(began) > 300*time.Millisecond }, "generate", "--rows", "2000000000")
		if code != exitInterrupt || !strings.Contains(errs, "interrupted") {
			t.Errorf("exit %d, %q", code, errs)
		}
	})
	t.Run("a query ends on the server too", func(t *testing.T) {
		p := launch(t, t.TempDir())
		c := p.clients("")
		status := func() (s types.QueryExecutionStatus) {
			list, err := c.athena.ListQueryExecutions(t.Context(), &athena.ListQueryExecutionsInput{MaxResults: aws.Int32(1)})
			ok(t, err)
			if len(list.QueryExecutionIds) == 0 {
				return s
			}
			out, err := c.athena.GetQueryExecution(t.Context(), &athena.GetQueryExecutionInput{QueryExecutionId: &list.QueryExecutionIds[0]})
			ok(t, err)
			return *out.QueryExecution.Status
		}
		endless := "WITH n AS (SELECT x FROM UNNEST(sequence(1, 10000)) AS t(x)) SELECT count(*) FROM n a CROSS JOIN n b CROSS JOIN n c CROSS JOIN n d WHERE a.x + b.x + c.x + d.x = -1"
		errs, code := interrupted(t, p.env(t), func() bool { return status().State == types.QueryExecutionStateRunning }, "query", endless)
		if code != exitInterrupt {
			t.Errorf("exit %d, %q", code, errs)
		}
		until(t, "the query's end", func() bool {
			s := status().State
			return s != types.QueryExecutionStateQueued && s != types.QueryExecutionStateRunning
		})
		if s := status(); s.State != types.QueryExecutionStateCancelled {
			t.Errorf("got %s: %s", s.State, str(s.StateChangeReason))
		}
	})
}
