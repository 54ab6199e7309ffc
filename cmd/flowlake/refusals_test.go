package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/smithy-go"

	"flowlake/access/audit"
)

// forbidden is a request that must be refused.
type forbidden struct {
	claim string // what is asked, as what must not be
	as    string // who asks: one of the world's people
	ask   ask
	code  string // the service's error code; statementFailed for a statement that ends as FAILED
	words string // part of what the caller is told
}

// ask is a request of somebody's; its error is what the service answered.
type ask func(context.Context, *actor) error

// refusals are the tables, each with what it is about. A table may need something that is made when its turn comes.
var refusals = []struct {
	about string
	table func(*world) []forbidden
}{
	{"signatures", signatureRefusals}, {"clocks", clockRefusals}, {"paths", pathRefusals},
	{"keys and sessions", keyRefusals}, {"trust", trustRefusals}, {"raising one's own rights", climbRefusals}, {"handing roles over", passRefusals}, {"boundaries and sessions", boundRefusals},
	{"services for others", confusedRefusals}, {"buckets", bucketRefusals}, {"objects", objectRefusals},
	{"columns", columnRefusals}, {"rows", rowRefusals}, {"definitions", definitionRefusals}, {"results of others", resultRefusals},
	{"grants", grantRefusals}, {"credentials of a table", credentialRefusals}, {"the catalogue", catalogRefusals}, {"other accounts", accountRefusals},
}

// asked is a refusal as it was answered.
type asked struct {
	forbidden
	about, id, got, told string
	within               bool // a part of a request, whose record has the code of the whole
}

// TestRefusals asks one server for what nobody may have. It looks at what each is told, that the house is afterwards what it was
// before, that each refusal is in the audit log, and that no secret is.
func TestRefusals(t *testing.T) {
	w := newWorld(t)
	var all []asked
	claims := map[string]bool{}
	for _, part := range refusals {
		t.Run(part.about, func(t *testing.T) {
			w.t = t
			about, table := part.about, part.table(w)
			before := w.picture()
			for _, r := range table {
				t.Run(r.claim, func(t *testing.T) {
					if claims[r.claim] {
						t.Error("the claim is made twice")
					}
					claims[r.claim] = true
					err := r.ask(t.Context(), w.person(t, r.as))
					code, words := answerOf(err)
					if code != r.code || !strings.Contains(words, r.words) {
						t.Errorf("%s is told %s: %s\nwant %s, with %q", r.as, code, words, r.code, r.words)
					}
					for _, secret := range w.secrets {
						if strings.Contains(words, secret) {
							t.Errorf("the answer holds a secret: %s", words)
						}
					}
					part, isPart := errors.AsType[*rawAnswer](err)
					all = append(all, asked{r, about, requestID(err), code, words, isPart && part.within})
				})
			}
			sameHouse(t, before, w.picture())
		})
	}
	w.t = t
	t.Run("what is answered has nothing that was not granted", w.testAnswers)
	t.Run("there are 150 at least", func(t *testing.T) {
		if len(all) < 150 {
			t.Errorf("got %d", len(all))
		}
	})
	t.Run("the audit log has each, and no secret", func(t *testing.T) { w.testAudit(t, all) })
	if t.Failed() {
		t.Logf("%.20000s", w.stderr)
	}
}

// statementFailed stands for the code of a statement that was begun and failed.
const statementFailed = "FAILED"

// failedStatement is why a statement failed.
type failedStatement struct{ request, reason string }

func (f *failedStatement) Error() string            { return f.reason }
func (f *failedStatement) ServiceRequestID() string { return f.request }

// answerOf is the code and the words of an answer, "OK" for one without an error.
func answerOf(err error) (code, words string) {
	var api smithy.APIError
	failed, isStatement := errors.AsType[*failedStatement](err)
	switch {
	case err == nil:
		return "OK", ""
	case isStatement:
		return statementFailed, failed.reason
	case errors.As(err, &api):
		return api.ErrorCode(), api.ErrorMessage()
	}
	return "", err.Error()
}

// requestID is that of the answer, "" for none.
func requestID(err error) string {
	var with interface{ ServiceRequestID() string }
	if errors.As(err, &with) {
		return with.ServiceRequestID()
	}
	return ""
}

// sameHouse compares two pictures, line by line.
func sameHouse(t *testing.T, before, after []string) {
	t.Helper()
	was := map[string]bool{}
	for _, line := range before {
		was[line] = true
	}
	for _, line := range after {
		if !was[line] {
			t.Errorf("a refused request has left: %s", line)
		}
		delete(was, line)
	}
	for line := range was {
		t.Errorf("a refused request has taken away: %s", line)
	}
}

// testAudit reads the server's audit log.
func (w *world) testAudit(t *testing.T, all []asked) {
	byID, strangers := map[string]*audit.Event{}, map[string]bool{}
	// What is hidden is told to nobody but the log.
	hidden := map[string]bool{"ana lakeformation:Describe table/net/private": false, "ana lakeformation:Select table/net/flows": false, "ben lakeformation:Select table/net/flows": false,
		"ana lakeformation:Describe database/other": false, "adam lakeformation:Describe table/net/flows": false, "lena lakeformation:Describe database/net": false}
	files, err := filepath.Glob(filepath.Join(w.data, "audit", "*.jsonl"))
	ok(t, err)
	for _, name := range files {
		f, err := os.Open(name)
		ok(t, err)
		defer f.Close()
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			e := new(audit.Event)
			ok(t, json.Unmarshal(lines.Bytes(), e))
			byID[e.RequestID] = e
			if e.AdditionalEventData != nil {
				for _, d := range e.AdditionalEventData.Decisions {
					fact := e.UserIdentity.UserName + " " + d.Action + " " + d.Resource[strings.LastIndex(d.Resource, ":")+1:]
					if _, ok := hidden[fact]; ok && !d.Allowed && d.Reason != "" {
						hidden[fact] = true
					}
				}
			}
			if e.UserIdentity.Type == "Unknown" {
				strangers[e.ErrorCode] = true
			}
			for _, secret := range w.secrets {
				if strings.Contains(lines.Text(), secret) {
					t.Errorf("a record holds the secret %.6s…: %s", secret, lines.Text())
				}
			}
		}
		ok(t, lines.Err())
	}
	for _, secret := range w.secrets {
		if strings.Contains(w.stderr.String(), secret) {
			t.Errorf("the server's log holds the secret %.6s…", secret)
		}
	}
	for fact, found := range hidden {
		if !found {
			t.Errorf("the audit log does not say that it was refused: %s", fact)
		}
	}
	for _, a := range all {
		e := byID[a.id]
		switch {
		case a.got == notHTTP: // refused by the HTTP server, before it was a request of anybody's
		case a.id == "":
			t.Errorf("%s: %s: the answer has no request id", a.about, a.claim)
		case e == nil && !strangers[a.got]:
			t.Errorf("%s: %s: %s is not in the audit log", a.about, a.claim, a.id)
		case e != nil && e.UserIdentity.Type != "Unknown" && a.got != statementFailed && !a.within && e.ErrorCode != a.got:
			t.Errorf("%s: %s: the audit log has the code %s, not %s", a.about, a.claim, e.ErrorCode, a.got)
		case e != nil && e.UserIdentity.Type != "Unknown" && strings.HasPrefix(e.ErrorCode, "AccessDenied") && strings.Contains(a.told, "not authorized to perform") && e.ErrorMessage == "":
			t.Errorf("%s: %s: the audit log has no reason", a.about, a.claim)
		}
	}
}
