package backfill

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/google/uuid"

	"flowlake/fault"
)

// journal is what is known of a table's conversions, kept as objects below its location where no reader of
// tables looks (catalog.IsData):
//
//	_flowlake/convert/plans/000001.json.gz   which files make which group; written once, before the group's first byte
//	_flowlake/convert/open/<group>.json      the parts that attempts at the group may have written so far
//	_flowlake/convert/ready/<group>.json     what done/ is to say
//	_flowlake/convert/done/<group>.json      what the group gave: the commit point
//	_flowlake/convert/done/<group>.less.json the same, of a group that left files out
//	_flowlake/convert/bad/<group>.jsonl      its bad lines
//
// A group's objects are parts, <partition>/_<group>-00000.parquet.part, until one move of all of them, and of the word that
// it is done, makes them <partition>/<group>-00000.parquet.
type journal struct {
	objects        Objects
	bucket, prefix string // prefix ends with a slash
}

// folderName is the journal's below a table's location.
const folderName = "_flowlake/convert/"

// group is the files that are converted as one: all of their rows are there, or the group is unfinished.
type group struct {
	ID       string   `json:"id"`
	Files    []Input  `json:"files"`
	Replaces []string `json:"replaces,omitempty"` // groups whose objects go when this one is whole
}

// plan is one durable decision about files that were not planned before.
type plan struct {
	Again  bool    `json:"again,omitempty"` // what was converted is converted again
	Groups []group `json:"groups"`
}

// attempt is what open/ holds: these may be there, and were written for this group.
type attempt struct {
	Parts []string `json:"parts"`
}

// outcome is what done/ holds.
type outcome struct {
	Keys       []string  `json:"keys"`
	Rows       int64     `json:"rows"`
	Bad        int64     `json:"bad"`
	Text       int64     `json:"textBytes"`
	Written    int64     `json:"bytes"`
	Partitions []string  `json:"partitions"`
	LeftOut    []leftOne `json:"leftOut,omitempty"`
}

// leftOne is a file that gave nothing, and why.
type leftOne struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// ledger is the journal as it is read at the start.
type ledger struct {
	plans    []plan
	groups   map[string]*group
	planOf   map[string]int    // a group's plan
	files    map[string]string // a file's last group
	done     map[string]bool
	bad      map[string]bool
	less     map[string]bool            // groups that left files out
	leftOut  map[string]map[string]bool // by group
	replaced map[string]bool            // groups that later ones replace
}

func (j journal) key(parts ...string) string { return j.prefix + folderName + path.Join(parts...) }

// load reads the journal.
func (j journal) load(ctx context.Context) (*ledger, error) {
	l := &ledger{groups: map[string]*group{}, planOf: map[string]int{}, files: map[string]string{}, done: map[string]bool{},
		bad: map[string]bool{}, less: map[string]bool{}, leftOut: map[string]map[string]bool{}, replaced: map[string]bool{}}
	for key, err := range j.objects.Keys(ctx, j.bucket, j.prefix+folderName) {
		if err != nil {
			return nil, err
		}
		kind, name, _ := strings.Cut(key[len(j.prefix+folderName):], "/")
		id, _, _ := strings.Cut(name, ".")
		switch kind {
		case "plans":
			p, err := j.plan(ctx, key)
			if err != nil {
				return nil, err
			}
			l.plans = append(l.plans, p)
		case "bad":
			l.bad[id] = true
		case "done":
			l.done[id] = true
			if strings.HasSuffix(name, ".less.json") {
				l.less[id] = true
			}
		}
	}
	for n := range l.plans {
		for i := range l.plans[n].Groups {
			g := &l.plans[n].Groups[i]
			l.groups[g.ID], l.planOf[g.ID] = g, n
			for _, f := range g.Files {
				l.files[f.Name] = g.ID
			}
			for _, old := range g.Replaces {
				l.replaced[old] = true
			}
		}
	}
	for id := range l.less {
		o, err := j.outcome(ctx, id, true)
		if err != nil {
			return nil, err
		}
		l.leftOut[id] = map[string]bool{}
		for _, f := range o.LeftOut {
			l.leftOut[id][f.Name] = true
		}
	}
	return l, nil
}

// maxPlan bounds a plan's text: some million files.
const maxPlan = 512 << 20

func (j journal) plan(ctx context.Context, key string) (p plan, err error) {
	b, err := j.objects.Get(ctx, j.bucket, key)
	if err != nil {
		return p, err
	}
	zr, err := gzip.NewReader(bytes.NewReader(b))
	if err == nil {
		err = json.NewDecoder(io.LimitReader(zr, maxPlan)).Decode(&p)
	}
	if err != nil {
		return p, fault.Newf(fault.Internal, "plan s3://"+j.bucket+"/"+key, "%w", err)
	}
	return p, nil
}

// add writes the next plan, after those that are known. It returns fault.Precondition when another process was first.
func (j journal) add(ctx context.Context, number int, p plan) error {
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	if err := errors.Join(json.NewEncoder(zw).Encode(p), zw.Close()); err != nil {
		return err
	}
	return j.objects.PutNew(ctx, j.bucket, j.key("plans", fmt.Sprintf("%06d.json.gz", number)), b.Bytes())
}

func (j journal) put(ctx context.Context, key string, v any) (etag string, err error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	return j.objects.Put(ctx, j.bucket, key, bytes.NewReader(b), int64(len(b)))
}

func (j journal) get(ctx context.Context, key string, v any) error {
	b, err := j.objects.Get(ctx, j.bucket, key)
	if err == nil {
		if err = json.Unmarshal(b, v); err != nil {
			err = fault.Newf(fault.Internal, "journal s3://"+j.bucket+"/"+key, "%w", err)
		}
	}
	return err
}

func (j journal) openKey(id string) string { return j.key("open", id+".json") }
func (j journal) badKey(id string) string  { return j.key("bad", id+".jsonl") }

func (j journal) doneKey(id string, less bool) string {
	if less {
		return j.key("done", id+".less.json")
	}
	return j.key("done", id+".json")
}

func (j journal) outcome(ctx context.Context, id string, less bool) (o outcome, err error) {
	err = j.get(ctx, j.doneKey(id, less), &o)
	return o, err
}

// namespace is what group ids are made in.
var namespace = uuid.MustParse("0b9f3f5e-6a5c-5d0e-9c57-5c3f6f2f7f11")

// name gives a group its id: by the table's place, the plan and the files as they were.
func (g *group) name(location string, number int) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%d\n", location, number)
	for _, f := range g.Files {
		fmt.Fprintf(&b, "%s\x00%d\x00%s\n", f.Name, f.Size, f.Stamp)
	}
	g.ID = uuid.NewSHA1(namespace, []byte(b.String())).String()
}

// has reports whether the group's plan saw the file as it is now.
func (g *group) has(in Input) bool { return slices.Contains(g.Files, in) }
