package query

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/lake"
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
	Database  string // of names without one; "" is "default"
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
func (q *Queries) Start(ctx context.Context, c access.Caller, in StartInput) (id string, err error) {
	if in.Workgroup == "" {
		in.Workgroup = PrimaryWorkgroup
	}
	if in.Database == "" {
		in.Database = "default"
	}
	if n := len(in.Token); in.Token != "" && (n < 32 || n > 128) {
		return "", fault.Newf(fault.Invalid, "client request token", "has %d characters, 32 to 128 are taken", n)
	}
	if len(in.Text) > MaxText {
		return "", fault.Newf(fault.Invalid, "query string", "is longer than %d bytes", MaxText)
	}
	if in.Catalog != "" && !strings.EqualFold(in.Catalog, CatalogName) {
		return "", fault.Newf(fault.Invalid, "data catalog "+in.Catalog, "is not found: there is %s", CatalogName)
	}
	if err := in.Output.check(); err != nil {
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
	sum := sha256.Sum256(asked)
	token := started{ID: uuid.NewString(), Digest: hex.EncodeToString(sum[:])}

	e := Execution{
		ID: token.ID, Caller: c, Text: in.Text, Kind: sql.KindOf(stmt), Statement: substatement(stmt), Database: strings.ToLower(in.Database),
		Catalog: in.Catalog, Workgroup: in.Workgroup, Token: in.Token, State: Queued, Submitted: time.Now().UTC(),
	}
	if !q.enter() {
		return "", fault.Newf(fault.Throttled, "query", "%d queries are active: wait for one to end", q.cfg.MaxActive)
	}
	fresh := false
	err = q.state.Update(ctx, func(tx *state.Tx) error {
		if in.Token != "" {
			var before started
			_, err := tx.Get(tokenID(c, in.Token), &before)
			switch {
			case err == nil && before.Digest != token.Digest:
				return fault.Newf(fault.Invalid, "client request token", "was used for another request: idempotent parameters do not match")
			case err == nil:
				e.ID = before.ID
				return nil
			case !fault.Is(err, fault.NotFound):
				return err
			}
			if err := tx.Create(tokenID(c, in.Token), token); err != nil {
				return err
			}
		}
		w, err := getWorkgroup(tx, c, in.Workgroup)
		if err != nil {
			return err
		}
		if w.State == Disabled {
			return fault.Newf(fault.Invalid, "workgroup "+w.Name, "is disabled")
		}
		if e.Output, err = w.output(in.Output, e); err != nil {
			return err
		}
		e.Cutoff, fresh = w.BytesCutoff, true
		if err := tx.Create(executionID(c, e.ID), e); err != nil {
			return err
		}
		return tx.Create(historyID(c, w.Name, newestFirst(e.Submitted, e.ID)), history{ID: e.ID})
	})
	if err != nil || !fresh {
		q.leave()
		return e.ID, err
	}
	q.pending <- refOf(c, e.ID) // never blocks: its capacity is the number of places
	return e.ID, nil
}

// output is where the execution's result goes: what the client asks for, or the workgroup says, which
// may be enforced.
func (w *Workgroup) output(asked ResultConfig, e Execution) (ResultConfig, error) {
	out := w.Output
	if !w.Enforce && asked.Location != "" {
		out = asked
	} else if !w.Enforce && asked.Encryption != "" {
		out.Encryption = asked.Encryption
	}
	if out.Location == "" {
		return out, fault.Newf(fault.Invalid, "output location", "no output location is provided: neither the request nor workgroup %s names one", w.Name)
	}
	if _, _, err := lake.ParseURL(out.Location); err != nil {
		return out, err
	}
	extension := ".txt"
	if e.Kind == sql.DML {
		extension = ".csv"
	}
	out.Location = strings.TrimSuffix(out.Location, "/") + "/" + e.ID + extension
	return out, nil
}
