package query

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/query/sql"
	"flowlake/state"
)

// MaxText is the longest statement, in bytes: Athena, "Service Quotas".
const MaxText = 262_144

// CatalogName is the one data catalog there is. Athena tells its name apart by no case.
const CatalogName = "AwsDataCatalog"

// StartInput is a statement to run.
type StartInput struct {
	Text      string
	Database  string // of names without one; "" is DefaultDatabase
	Catalog   string // "" or CatalogName
	Workgroup string // "" is primary
	Token     string // "" or 32 to 128 characters: the same token gives the same execution
	Output    ResultConfig
}

// started is what a client's token stands for.
type started struct {
	ID     string `json:"id"`
	Digest string `json:"digest"` // of everything that was asked with the token
}

func tokenID(c access.Caller, token string) state.ID {
	return state.ID{Kind: "query token", Account: c.Account, Region: c.Region, Key: token}
}

// Start accepts a statement and returns its execution's id; once it returns, the execution outlives
// the process. A statement that does not parse, or a request that Athena would not take, is
// fault.Invalid, and no execution exists; too many active executions are fault.Throttled.
//
// A request with the token of an earlier one is answered with that one's id, in whatever state it is by now, even when
// there is no place for another; when it asks for something else it is fault.Invalid.
func (q *Queries) Start(ctx context.Context, c access.Caller, in StartInput) (id string, err error) {
	if err := in.check(c); err != nil {
		return "", err
	}
	stmt, err := sql.Parse(in.Text)
	if err != nil {
		return "", err
	}
	asked, err := json.Marshal(in)
	if err != nil {
		return "", fault.Newf(fault.Internal, "query", "%w", err)
	}
	if !c.IsRoot() { // another's token is not this one's
		asked = append(asked, cmp.Or(c.Role, c.Principal)+" "+roleID(c)...)
	}
	sum := sha256.Sum256(asked)
	token := started{ID: uuid.NewString(), Digest: hex.EncodeToString(sum[:])}
	if in.Workgroup == "" {
		in.Workgroup = PrimaryWorkgroup
	}
	e := Execution{
		ID: token.ID, Caller: c, Text: in.Text, Kind: sql.KindOf(stmt), Statement: substatement(stmt), Database: in.Database,
		Catalog: strings.ToLower(in.Catalog), Workgroup: in.Workgroup, Token: in.Token, State: Queued, Submitted: time.Now().UTC(),
	}
	if err := q.guard.Allow(ctx, c, "athena:StartQueryExecution", c.ARN("athena", "workgroup/"+in.Workgroup)); err != nil {
		return "", err
	}
	if id, err := q.repeated(ctx, c, in, token); id != "" || err != nil {
		return id, err
	}
	if err := q.checkOutputOf(ctx, c, in, e); err != nil {
		return "", err
	}
	if !q.enter() {
		return "", fault.Newf(fault.Throttled, "query", "%d queries are active: wait for one to end", q.cfg.MaxActive)
	}
	fresh := false
	err = q.state.Update(ctx, func(tx *state.Tx) error {
		if e.ID, err = earlier(tx, c, in, token); e.ID != "" || err != nil {
			return err // a request at the same time came first
		}
		w, err := enabledWorkgroup(tx, c, in.Workgroup)
		if err != nil {
			return err
		}
		e.ID, e.Cutoff, fresh = token.ID, w.BytesCutoff, true
		if e.Output, err = w.output(in.Output, e); err != nil {
			return err
		}
		if in.Token != "" {
			if err := tx.Create(tokenID(c, in.Token), token); err != nil {
				return err
			}
		}
		return e.create(tx)
	})
	if err != nil || !fresh {
		q.leave()
		return e.ID, err
	}
	q.pending <- refOf(c, e.ID)
	return e.ID, nil
}

// check refuses what Athena does before it looks at the statement.
func (in *StartInput) check(c access.Caller) error {
	if n := utf8.RuneCountInString(in.Token); in.Token != "" && n < 32 {
		return fault.Newf(fault.Invalid, "client request token", "has %d characters, and 32 at least are needed", n)
	}
	if n := len(in.Token); n > 128 {
		return fault.Newf(fault.Invalid, "client request token", "has %d bytes, and 128 at most are taken", n)
	}
	if in.Text == "" {
		return fault.Newf(fault.Invalid, "query string", "is empty")
	}
	if len(in.Text) > MaxText {
		return fault.Newf(fault.Invalid, "query string", "is longer than %d bytes", MaxText)
	}
	if in.Catalog != "" && !strings.EqualFold(in.Catalog, CatalogName) {
		return fault.Newf(fault.NotFound, "data catalog "+in.Catalog, "does not exist: there is %s", CatalogName)
	}
	return in.Output.check(c)
}

// repeated returns the id of the execution that the request's token started, "" when there is none.
func (q *Queries) repeated(ctx context.Context, c access.Caller, in StartInput, asked started) (id string, err error) {
	if in.Token == "" {
		return "", nil
	}
	err = q.state.View(ctx, func(tx *state.Tx) error {
		id, err = earlier(tx, c, in, asked)
		return err
	})
	return id, err
}

func earlier(tx *state.Tx, c access.Caller, in StartInput, asked started) (id string, err error) {
	if in.Token == "" {
		return "", nil
	}
	var before started
	_, err = tx.Get(tokenID(c, in.Token), &before)
	switch {
	case fault.Is(err, fault.NotFound):
		return "", nil
	case err == nil && before.Digest != asked.Digest:
		return "", fault.Newf(fault.Conflict, "client request token", "was used for another request")
	}
	return before.ID, err
}

func enabledWorkgroup(tx *state.Tx, c access.Caller, name string) (Workgroup, error) {
	w, err := getWorkgroup(tx, c, name)
	if err == nil && w.State == Disabled {
		err = fault.Newf(fault.Invalid, "workgroup "+w.Name, "is disabled")
	}
	return w, err
}

// checkOutputOf refuses a statement whose result would have no place, before there is an execution.
func (q *Queries) checkOutputOf(ctx context.Context, c access.Caller, in StartInput, e Execution) error {
	var out ResultConfig
	err := q.state.View(ctx, func(tx *state.Tx) error {
		w, err := enabledWorkgroup(tx, c, in.Workgroup)
		if err == nil {
			out, err = w.output(in.Output, e)
		}
		return err
	})
	if err != nil {
		return err
	}
	return q.checkOutput(ctx, e.as(), out)
}

// output is where the execution's result goes and how: as the client asks, or as the workgroup says, which
// may be enforced. A client that names a location speaks for all of it.
func (w *Workgroup) output(asked ResultConfig, e Execution) (ResultConfig, error) {
	out := w.Output
	switch {
	case w.Enforce:
	case asked.Location != "":
		out = asked
	default:
		out.Encryption = cmp.Or(asked.Encryption, out.Encryption)
		out.ACL = cmp.Or(asked.ACL, out.ACL)
		out.ExpectedBucketOwner = cmp.Or(asked.ExpectedBucketOwner, out.ExpectedBucketOwner)
	}
	if out.Location == "" {
		return out, fault.Newf(fault.Invalid, "output location", "No output location provided. An output location is required either through the Workgroup result configuration setting or as an API input.")
	}
	extension := ".txt"
	if e.Kind == sql.DML {
		extension = ".csv"
	}
	out.Location = strings.TrimSuffix(out.Location, "/") + "/" + e.ID + extension
	return out, nil
}
