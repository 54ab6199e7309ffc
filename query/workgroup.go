package query

import (
	"context"
	"errors"
	"regexp"
	"time"
	"unicode/utf8"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/lake"
	"flowlake/state"
)

// PrimaryWorkgroup exists in every region, and cannot be deleted.
const PrimaryWorkgroup = "primary"

// MinBytesCutoff is the least that a workgroup's cut-off may be: Athena, "WorkGroupConfiguration".
const MinBytesCutoff = 10_000_000

// EngineVersion is the version of Athena's engine whose dialect is spoken.
const EngineVersion = "Athena engine version 3"

// Workgroup states, as Athena spells them.
const (
	Enabled  = "ENABLED"
	Disabled = "DISABLED"
)

// Workgroup is a name to run queries under, with the settings that it gives them.
type Workgroup struct {
	Name        string    `json:"name"`
	Description string    `json:"description,omitempty"`
	State       string    `json:"state"` // Enabled or Disabled
	Created     time.Time `json:"created"`
	Settings
	Tags map[string]string `json:"tags,omitempty"`
}

// Settings are what a workgroup says about its queries.
type Settings struct {
	Output         ResultConfig `json:"output"`
	Enforce        bool         `json:"enforce,omitempty"`        // its Output overrides what a client asks for
	BytesCutoff    int64        `json:"bytesCutoff,omitempty"`    // a query that would scan more is cancelled; 0 is no bound
	PublishMetrics bool         `json:"publishMetrics,omitempty"` // recorded
	EngineVersion  string       `json:"engineVersion,omitempty"`  // as it was selected, "" is AUTO; there is one engine
}

// ResultConfig says where results go, and how they are written there.
type ResultConfig struct {
	Location            string `json:"location,omitempty"`            // s3://bucket/prefix/
	Encryption          string `json:"encryption,omitempty"`          // "" or SSE_S3, recorded
	ExpectedBucketOwner string `json:"expectedBucketOwner,omitempty"` // the account that must own the bucket, "" is any
	ACL                 string `json:"acl,omitempty"`                 // "" or BUCKET_OWNER_FULL_CONTROL, recorded with the object
}

var workgroupName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,128}$`)

// maxTags is how many tags a workgroup may have: Athena, "TagResource".
const maxTags = 50

func checkDescription(text string) error {
	if n := utf8.RuneCountInString(text); n > 1024 { // Athena, "CreateWorkGroup"
		return fault.Newf(fault.Invalid, "description", "has %d characters, and 1024 at most are taken", n)
	}
	return nil
}

func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return fault.Newf(fault.Invalid, "tags", "there are %d, and %d at most are allowed", len(tags), maxTags)
	}
	for k, v := range tags {
		if n := utf8.RuneCountInString(k); n < 1 || n > 128 || utf8.RuneCountInString(v) > 256 {
			return fault.Newf(fault.Invalid, "tag "+k, "a key has 1 to 128 characters, a value up to 256")
		}
	}
	return nil
}

func workgroupID(c access.Caller, name string) state.ID {
	return state.ID{Kind: "workgroup", Account: c.Account, Region: c.Region, Key: name}
}

// DefaultLocation is where the primary workgroup puts results when nobody said where: a bucket of
// the account and region, made when it is first needed.
func DefaultLocation(c access.Caller) string {
	return "s3://" + defaultBucket(c) + "/"
}

func defaultBucket(c access.Caller) string {
	return "aws-athena-query-results-" + c.Account + "-" + c.Region
}

// primary is the workgroup that exists before anybody changed it.
func primary(c access.Caller) Workgroup {
	return Workgroup{Name: PrimaryWorkgroup, State: Enabled, Settings: Settings{Output: ResultConfig{Location: DefaultLocation(c)}}}
}

func getWorkgroup(tx *state.Tx, c access.Caller, name string) (Workgroup, error) {
	var w Workgroup
	_, err := tx.Get(workgroupID(c, name), &w)
	if name == PrimaryWorkgroup && fault.Is(err, fault.NotFound) {
		return primary(c), nil
	}
	if fault.Is(err, fault.NotFound) {
		return w, fault.Newf(fault.NotFound, "workgroup "+name, "is not found")
	}
	return w, err
}

// Workgroup returns a workgroup, or fault.NotFound.
func (q *Queries) Workgroup(ctx context.Context, c access.Caller, name string) (w Workgroup, err error) {
	err = q.state.View(ctx, func(tx *state.Tx) error {
		w, err = getWorkgroup(tx, c, name)
		return err
	})
	return w, err
}

// Workgroups returns up to max workgroups after a name, in the order of their names, and whether
// there are more.
func (q *Queries) Workgroups(ctx context.Context, c access.Caller, after string, max int) (page []Workgroup, more bool, err error) {
	if after != "" && !workgroupName.MatchString(after) {
		return nil, false, malformedToken(after)
	}
	err = q.state.View(ctx, func(tx *state.Tx) error {
		var all []Workgroup
		stored := false
		for row, err := range tx.List(workgroupID(c, ""), "") {
			if err != nil {
				return err
			}
			var w Workgroup
			if err := row.Decode(&w); err != nil {
				return err
			}
			stored = stored || w.Name == PrimaryWorkgroup
			if !stored && w.Name > PrimaryWorkgroup {
				all, stored = append(all, primary(c)), true
			}
			all = append(all, w)
		}
		if !stored {
			all = append(all, primary(c))
		}
		for _, w := range all {
			if w.Name <= after {
				continue
			}
			if len(page) == max {
				more = true
				break
			}
			page = append(page, w)
		}
		return nil
	})
	return page, more, err
}

func (s Settings) check(c access.Caller) error {
	if s.BytesCutoff != 0 && s.BytesCutoff < MinBytesCutoff {
		return fault.Newf(fault.Invalid, "bytes scanned cutoff", "%d is less than %d bytes", s.BytesCutoff, MinBytesCutoff)
	}
	switch s.EngineVersion {
	case "", "AUTO", EngineVersion:
	default:
		return fault.Newf(fault.Unsupported, "engine version "+s.EngineVersion, "flowlake speaks %s", EngineVersion)
	}
	return s.Output.check(c)
}

func (r ResultConfig) check(c access.Caller) error {
	if r.Location != "" {
		if _, _, err := lake.ParseURL(r.Location); err != nil {
			return fault.Newf(fault.Invalid, "output location "+r.Location, "outputLocation is not a valid S3 path: %w", err)
		}
	}
	switch r.Encryption {
	case "", "SSE_S3":
	default:
		return fault.Newf(fault.Unsupported, "encryption option "+r.Encryption, "flowlake has no KMS: SSE_S3 it records")
	}
	switch r.ACL {
	case "", "BUCKET_OWNER_FULL_CONTROL":
	default:
		return fault.Newf(fault.Invalid, "S3 ACL option "+r.ACL, "is not BUCKET_OWNER_FULL_CONTROL")
	}
	if r.ExpectedBucketOwner != "" && r.ExpectedBucketOwner != c.Account {
		return fault.Newf(fault.Invalid, "expected bucket owner "+r.ExpectedBucketOwner, "buckets here are owned by account %s", c.Account)
	}
	return nil
}

// CreateWorkgroup makes a workgroup. It returns fault.Exists for a name that is taken and
// fault.Invalid for a name or setting that Athena would not take.
func (q *Queries) CreateWorkgroup(ctx context.Context, c access.Caller, w Workgroup) error {
	if !workgroupName.MatchString(w.Name) {
		return fault.Newf(fault.Invalid, "workgroup "+w.Name, "a name is 1 to 128 of letters, digits, '.', '_' and '-'")
	}
	if err := w.check(c); err != nil {
		return err
	}
	if err := errors.Join(checkDescription(w.Description), checkTags(w.Tags)); err != nil {
		return err
	}
	w.State, w.Created = Enabled, time.Now().UTC()
	return q.state.Update(ctx, func(tx *state.Tx) error {
		if w.Name == PrimaryWorkgroup {
			return fault.Newf(fault.Exists, "workgroup "+w.Name, "is already created")
		}
		err := tx.Create(workgroupID(c, w.Name), w)
		if fault.Is(err, fault.Exists) {
			return fault.Newf(fault.Exists, "workgroup "+w.Name, "is already created")
		}
		return err
	})
}

// UpdateWorkgroup changes a workgroup: change is given the stored one.
func (q *Queries) UpdateWorkgroup(ctx context.Context, c access.Caller, name string, change func(*Workgroup) error) error {
	return q.state.Update(ctx, func(tx *state.Tx) error {
		w, err := getWorkgroup(tx, c, name)
		if err != nil {
			return err
		}
		if err := change(&w); err != nil {
			return err
		}
		if w.State != Enabled && w.State != Disabled {
			return fault.Newf(fault.Invalid, "workgroup state "+w.State, "is neither ENABLED nor DISABLED")
		}
		if err := w.check(c); err != nil {
			return err
		}
		if err := errors.Join(checkDescription(w.Description), checkTags(w.Tags)); err != nil {
			return err
		}
		w.Name = name
		return tx.Put(workgroupID(c, name), w)
	})
}

// DeleteWorkgroup removes a workgroup. One with query executions is removed only with recursive,
// and they with it; primary never is.
func (q *Queries) DeleteWorkgroup(ctx context.Context, c access.Caller, name string, recursive bool) error {
	if name == PrimaryWorkgroup {
		return fault.Newf(fault.Invalid, "workgroup primary", "cannot be deleted")
	}
	return q.state.Update(ctx, func(tx *state.Tx) error {
		if _, err := getWorkgroup(tx, c, name); err != nil {
			return err
		}
		var places []state.ID
		var gone []Execution
		for row, err := range tx.List(historyID(c, name, ""), "") {
			if err != nil {
				return err
			}
			if !recursive {
				return fault.Newf(fault.Invalid, "workgroup "+name, "is not empty: delete it with its query executions (RecursiveDeleteOption)")
			}
			var h history
			if err := row.Decode(&h); err != nil {
				return err
			}
			var e Execution
			_, err := tx.Get(executionID(c, h.ID), &e)
			switch {
			case fault.Is(err, fault.NotFound):
				places = append(places, row.ID)
			case err != nil:
				return err
			case !e.ended():
				return fault.Newf(fault.Invalid, "workgroup "+name, "query %s is still %s", h.ID, e.State)
			default:
				gone = append(gone, e)
			}
		}
		for _, id := range places {
			if err := tx.Delete(id); err != nil {
				return err
			}
		}
		for _, e := range gone {
			if err := e.remove(tx); err != nil {
				return err
			}
		}
		return tx.Delete(workgroupID(c, name))
	})
}
