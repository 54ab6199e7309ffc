package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	gluetypes "github.com/aws/aws-sdk-go-v2/service/glue/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
)

// TestScript runs testdata/script against the real program. Beside testscript's own commands there are:
//
//	exits CODE COMMAND …     run a command, which must end with this exit code
//	put BUCKET KEY FILE      write a file as an object, into a bucket that is made if need be
//	server [FLAG…]           start a server on $FLOWLAKE_DATA, which ends with the script
//	crawl NAME S3-URL        crawl a prefix, with a crawler that is made for it, into the database NAME
//	events GROUP STREAM      print a stream's events, each with its age in whole days
//	objects BUCKET           print a bucket's keys
//	object BUCKET PREFIX     print a bucket's objects below a prefix, unzipped
//	gzip FILE [BYTES]        make FILE.gz, whole or its first bytes
//	line FILE BYTES          make a file of one line that long
//	spoil                    change one byte of the lake's largest file
//
// $RECENT is an instant of two hours ago, in Unix seconds.
func TestScript(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, "config"))
			env.Setenv("XDG_DATA_HOME", filepath.Join(env.WorkDir, "share"))
			env.Setenv("FLOWLAKE_DATA", filepath.Join(env.WorkDir, "data"))
			env.Setenv("RECENT", strconv.FormatInt(time.Now().Add(-2*time.Hour).Unix(), 10))
			env.Values["server"] = new(*process)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": scriptExits, "crawl": scriptCrawl, "events": scriptEvents, "objects": scriptObjects, "object": scriptObject,
			"gzip": scriptGzip, "line": scriptLine, "spoil": scriptSpoil, "put": scriptPut,
			"server": func(ts *testscript.TestScript, neg bool, flags []string) {
				p, err := tryLaunch(t, ts.Getenv("HOME"), flags...)
				if err != nil || neg {
					ts.Fatalf("server: %v\n%s", err, p.stderr)
				}
				ts.Defer(p.kill)
				*ts.Value("server").(**process) = p
			},
		},
	})
}

// serverOf are clients of the script's server.
func serverOf(ts *testscript.TestScript) *clients {
	p := *ts.Value("server").(**process)
	if p == nil {
		ts.Fatalf("the script has no server")
	}
	return p.clients("")
}

func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND …")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if exit, ended := errors.AsType[*exec.ExitError](err); ended {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

func scriptCrawl(ts *testscript.TestScript, _ bool, args []string) {
	c, ctx, name := serverOf(ts), (*ts.Value("server").(**process)).t.Context(), &args[0]
	_, err := c.glue.CreateDatabase(ctx, &glue.CreateDatabaseInput{DatabaseInput: &gluetypes.DatabaseInput{Name: name}})
	ts.Check(err)
	_, err = c.glue.CreateClassifier(ctx, &glue.CreateClassifierInput{GrokClassifier: &gluetypes.CreateGrokClassifierRequest{
		Name: name, Classification: aws.String("flows"), GrokPattern: aws.String(demoPattern)}})
	ts.Check(err)
	c.letRole(c.t, "arn:aws:iam::"+defaultAccount+":role/crawler")
	_, err = c.glue.CreateCrawler(ctx, &glue.CreateCrawlerInput{Name: name, Role: aws.String("arn:aws:iam::" + defaultAccount + ":role/crawler"), DatabaseName: name,
		Classifiers: []string{*name}, Targets: &gluetypes.CrawlerTargets{S3Targets: []gluetypes.S3Target{{Path: &args[1]}}}})
	ts.Check(err)
	_, err = c.glue.StartCrawler(ctx, &glue.StartCrawlerInput{Name: name})
	ts.Check(err)
	ts.Check(poll(ctx, func() (bool, error) {
		out, err := c.glue.GetCrawler(ctx, &glue.GetCrawlerInput{Name: name})
		if err != nil || out.Crawler.State != gluetypes.CrawlerStateReady {
			return false, err
		}
		if last := out.Crawler.LastCrawl; last.Status != gluetypes.LastCrawlStatusSucceeded {
			return false, fmt.Errorf("%s: %s", last.Status, str(last.ErrorMessage))
		}
		return true, nil
	}))
}

func scriptEvents(ts *testscript.TestScript, _ bool, args []string) {
	c, ctx := serverOf(ts), (*ts.Value("server").(**process)).t.Context()
	in := &cloudwatchlogs.GetLogEventsInput{LogGroupName: &args[0], LogStreamName: &args[1], StartFromHead: aws.Bool(true)}
	for {
		out, err := c.logs.GetLogEvents(ctx, in)
		ts.Check(err)
		if str(out.NextForwardToken) == str(in.NextToken) {
			return
		}
		for _, e := range out.Events {
			fmt.Fprintf(ts.Stdout(), "%d %s\n", time.Since(time.UnixMilli(*e.Timestamp))/(24*time.Hour), *e.Message)
		}
		in.NextToken = out.NextForwardToken
	}
}

func scriptObjects(ts *testscript.TestScript, _ bool, args []string) {
	c, ctx := serverOf(ts), (*ts.Value("server").(**process)).t.Context()
	out, err := c.s3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &args[0]})
	ts.Check(err)
	for _, o := range out.Contents {
		fmt.Fprintln(ts.Stdout(), *o.Key)
	}
}

func scriptObject(ts *testscript.TestScript, _ bool, args []string) {
	c, ctx := serverOf(ts), (*ts.Value("server").(**process)).t.Context()
	list, err := c.s3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &args[0], Prefix: &args[1]})
	ts.Check(err)
	for _, o := range list.Contents {
		out, err := c.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &args[0], Key: o.Key})
		ts.Check(err)
		zr, err := gzip.NewReader(out.Body)
		ts.Check(err)
		_, err = io.Copy(ts.Stdout(), zr)
		ts.Check(errors.Join(err, out.Body.Close()))
	}
}

func scriptPut(ts *testscript.TestScript, _ bool, args []string) {
	c, ctx := serverOf(ts), (*ts.Value("server").(**process)).t.Context()
	if _, err := c.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &args[0]}); err != nil {
		_, err := c.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &args[0]})
		ts.Check(err)
	}
	_, err := c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: &args[0], Key: &args[1], Body: strings.NewReader(ts.ReadFile(args[2]))})
	ts.Check(err)
}

func scriptGzip(ts *testscript.TestScript, _ bool, args []string) {
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	_, err := zw.Write([]byte(ts.ReadFile(args[0])))
	ts.Check(err)
	ts.Check(zw.Close())
	if len(args) > 1 {
		n, err := strconv.Atoi(args[1])
		ts.Check(err)
		b.Truncate(n)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0])+".gz", b.Bytes(), 0o600))
}

func scriptLine(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Repeat("x", n)+"\n"), 0o600))
}

func scriptSpoil(ts *testscript.TestScript, _ bool, _ []string) {
	var largest string
	var size int64
	ts.Check(filepath.WalkDir(filepath.Join(ts.Getenv("FLOWLAKE_DATA"), "lake", "objects"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() > size {
			largest, size = path, info.Size()
		}
		return err
	}))
	b, err := os.ReadFile(largest)
	ts.Check(err)
	b[len(b)/2] ^= 1
	ts.Check(os.Chmod(largest, 0o600)) // the lake's files are read-only
	ts.Check(os.WriteFile(largest, b, 0o600))
}

// TestHelp asks every command for help: each has an example, says it on standard output, and ends with 0.
func TestHelp(t *testing.T) {
	var visit func(c *cobra.Command, words []string)
	visit = func(c *cobra.Command, words []string) {
		t.Run(strings.Join(append([]string{"flowlake"}, words...), " "), func(t *testing.T) {
			args := append(words, "--help")
			if len(words) == 0 { // the test binary's own flags begin with a dash
				args = []string{"help"}
			}
			out, errs, code := runCommand(t, cleanEnv(t.TempDir()), "", args...)
			if code != 0 || errs != "" || !strings.Contains(out, "Usage:\n  flowlake") {
				t.Errorf("exit %d, %q, %q", code, out, errs)
			}
			if c.HasAvailableSubCommands() && c.HasParent() {
				return // its subcommands have the examples
			}
			if example := "flowlake" + strings.Join(append([]string{""}, words...), " "); !strings.Contains(c.Example, example) || !strings.Contains(out, c.Example) {
				t.Errorf("it shows no example of %q:\n%s", example, out)
			}
		})
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() && sub.Name() != "help" {
				visit(sub, append(words[:len(words):len(words)], sub.Name()))
			}
		}
	}
	visit(rootCommand(), nil)
	out, _, _ := runCommand(t, cleanEnv(t.TempDir()), "", "help")
	for _, code := range []int{0, exitFailed, exitUsage, exitNoServer, exitFindings, exitInterrupt} {
		if !strings.Contains(strings.Join(strings.Fields(out), " "), fmt.Sprintf(" %d ", code)) {
			t.Errorf("exit code %d is not documented:\n%s", code, out)
		}
	}
}
