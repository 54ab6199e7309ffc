// Package catalog is the lake's table of contents: databases, tables, views, partitions and
// classifiers, in metadata only. Names are lower case, as Hive has them. What one call changes is
// changed whole or not at all, and what one View reads is of one moment.
// A caller sees what IAM's policies and Lake Formation's grants let it see, and of a table the columns that it was granted.
// It never reads an object and never decides how bytes become rows; crawler, below it, discovers,
// and query reads.
package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"time"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/access/policy"
	"flowlake/state"
)

// Catalog holds the databases, tables, partitions and classifiers of every account and region. It
// is safe for concurrent use.
type Catalog struct {
	st     *state.Store
	guard  *access.Guard
	log    *slog.Logger
	checks []func(Table) error

	formation *formation.Store // nil: IAM decides alone
}

// Open returns the catalogue that is kept in st. It starts nothing.
func Open(st *state.Store, guard *access.Guard, log *slog.Logger) *Catalog {
	return &Catalog{st: st, guard: guard, log: log}
}

// View runs do on one consistent snapshot of the catalogue, as c.
func (k *Catalog) View(ctx context.Context, c access.Caller, do func(*Snapshot) error) error {
	return k.st.View(ctx, func(tx *state.Tx) error {
		return do(k.snapshot(tx, c))
	})
}

// Edit runs do in one transaction, as c: what it changes is on disk when Edit returns, all of it, or
// nothing when do returns an error. Changes run one at a time, so do must be brief and must not wait.
func (k *Catalog) Edit(ctx context.Context, c access.Caller, do func(*Edit) error) error {
	return k.st.Update(ctx, func(tx *state.Tx) error {
		return do(&Edit{Snapshot: *k.snapshot(tx, c), now: time.Now().UTC(), checks: k.checks})
	})
}

// Snapshot reads the catalogue as a caller, at one moment. It is used by one goroutine, inside the
// function that it was given to.
type Snapshot struct {
	tx    *state.Tx
	c     access.Caller
	guard *access.Guard
	lf    *formation.View // nil: IAM decides alone
}

func (k *Catalog) snapshot(tx *state.Tx, c access.Caller) *Snapshot {
	s := &Snapshot{tx: tx, c: c, guard: k.guard}
	if k.formation != nil {
		s.lf = k.formation.At(tx, c)
	}
	return s
}

// Edit is a Snapshot that also changes the catalogue.
type Edit struct {
	Snapshot
	now    time.Time
	checks []func(Table) error // of properties
	stored map[state.ID]bool   // the partition shapes that are known to be there
}

// Tx is the transaction beneath, for a document that must change together with the catalogue.
func (s *Snapshot) Tx() *state.Tx { return s.tx }

func (s *Snapshot) id(kind, key string) state.ID {
	return state.ID{Kind: kind, Account: s.c.Account, Region: s.c.Region, Key: key}
}

// The kinds of documents. A stored shape is what the partitions of a table share; see shape.go.
const (
	kindDatabase   = "database"
	kindTable      = "table"
	kindPartition  = "partition"
	kindShape      = "partition shape"
	kindClassifier = "classifier"
)

// allow asks for action on the things that a Glue policy names for it: the catalogue, and what lies
// on the path to the resource, which are all required as AWS requires them. A refusal's statement is about all of them
// that are missing: who pastes it need not come back for the next.
func (s *Snapshot) allow(ctx context.Context, action string, resources ...string) error {
	for i, r := range resources {
		err := s.guard.Allow(ctx, s.c, "glue:"+action, s.arn(r))
		refusal, ok := errors.AsType[*access.Refusal](err)
		if !ok {
			if err != nil {
				return err
			}
			continue
		}
		missing := []string{r}
		for _, next := range resources[i+1:] {
			v, err := s.guard.Decide(ctx, s.c, "glue:"+action, s.arn(next))
			if err != nil {
				return err
			}
			if !v.Allowed {
				missing = append(missing, next)
			}
		}
		return s.about(refusal, missing)
	}
	return nil
}

// arn is what policies call a thing of the catalogue; "*" is that of an action that no policy can narrow down.
func (s *Snapshot) arn(resource string) string {
	if resource == "*" {
		return resource
	}
	return s.c.ARN("glue", resource)
}

// about is a refusal whose statement names several resources.
func (s *Snapshot) about(r *access.Refusal, resources []string) error {
	if len(resources) == 1 || r.Statement == "" {
		return r
	}
	one, err := json.Marshal(s.arn(resources[0]))
	if err != nil {
		return r
	}
	for i, resource := range resources {
		if !strings.HasSuffix(resource, "/*") { // a star that stands for all tables or databases stays one
			resource = policy.Literal(resource)
		}
		resources[i] = s.arn(resource)
	}
	all, err := json.MarshalIndent(resources, "  ", "  ")
	if err != nil {
		return r
	}
	wide := *r
	wide.Statement = strings.Replace(r.Statement, `"Resource": `+string(one), `"Resource": `+string(all), 1)
	return &wide
}

func (s *Snapshot) allowDatabase(ctx context.Context, action, database string) error {
	return s.allow(ctx, action, "catalog", "database/"+database)
}

func (s *Snapshot) allowTable(ctx context.Context, action, database, table string) error {
	return s.allow(ctx, action, "catalog", "database/"+database, "table/"+database+"/"+table)
}
