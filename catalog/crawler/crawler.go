// Package crawler discovers tables: it lists the objects under a crawler's targets, recognises each from
// a sample, groups folders that hold alike files into tables and partitions, and writes these to the
// catalogue. A crawl is a document with a state machine: after a crash it is done again from its start, and what
// it changes in the catalogue is one transaction, so that no half of a crawl is ever seen.
//
// A crawl reads objects and writes tables as the crawler's role, which Glue assumes anew for each crawl: what the role lacks
// fails the crawl by name. It never changes or moves an object, and never touches a table that it did not make.
package crawler

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"flowlake/access"
	"flowlake/catalog"
	"flowlake/lake"
	"flowlake/state"
)

// Config bounds the work of crawls. Zero values take the defaults.
type Config struct {
	Crawls int // how many crawls run at once; others wait, as RUNNING; 2
	Files  int // how many files of a crawl are read at once; 4
}

// Crawlers keeps crawlers and runs their crawls. It is safe for concurrent use.
type Crawlers struct {
	cfg   Config
	st    *state.Store
	cat   *catalog.Catalog
	lake  *lake.Store
	guard *access.Guard
	log   *slog.Logger
	wake  chan struct{} // has room for one: a crawl was started or stopped

	mu      sync.Mutex                           // guards running
	running map[state.ID]context.CancelCauseFunc // crawls under way, by the ID of their crawl document
}

// New returns the crawlers that are kept in st. Run runs their crawls.
func New(cfg Config, st *state.Store, cat *catalog.Catalog, lk *lake.Store, guard *access.Guard, log *slog.Logger) *Crawlers {
	if cfg.Crawls <= 0 {
		cfg.Crawls = 2
	}
	if cfg.Files <= 0 {
		cfg.Files = 4
	}
	return &Crawlers{cfg: cfg, st: st, cat: cat, lake: lk, guard: guard, log: log,
		wake: make(chan struct{}, 1), running: make(map[state.ID]context.CancelCauseFunc)}
}

// State is what a crawler is doing, as Glue spells it.
type State string

// The states of a crawler.
const (
	Ready    State = "READY"
	Running  State = "RUNNING"
	Stopping State = "STOPPING"
)

// Status is how a crawl ended, as Glue spells it.
type Status string

// The ends of a crawl.
const (
	Succeeded Status = "SUCCEEDED"
	Cancelled Status = "CANCELLED"
	Failed    Status = "FAILED"
)

// What a crawler does with tables that changed and with tables whose objects are gone, as Glue spells it.
const (
	UpdateInDatabase    = "UPDATE_IN_DATABASE"
	DeleteFromDatabase  = "DELETE_FROM_DATABASE"
	DeprecateInDatabase = "DEPRECATE_IN_DATABASE"
	LogOnly             = "LOG"
)

// What a crawl looks at again, as Glue spells it.
const (
	CrawlEverything = "CRAWL_EVERYTHING"
	CrawlNewFolders = "CRAWL_NEW_FOLDERS_ONLY"
)

// Crawler is a crawler as it is kept.
type Crawler struct {
	Name           string    `json:"name"`
	Role           string    `json:"role"` // an ARN or a name; see RoleARN
	Database       string    `json:"database"`
	Description    string    `json:"description,omitempty"`
	Targets        []Target  `json:"targets"`
	Classifiers    []string  `json:"classifiers,omitempty"` // custom classifiers, in the order they are tried
	TablePrefix    string    `json:"tablePrefix,omitempty"`
	UpdateBehavior string    `json:"updateBehavior"` // UpdateInDatabase or LogOnly
	DeleteBehavior string    `json:"deleteBehavior"` // DeleteFromDatabase, DeprecateInDatabase or LogOnly
	Recrawl        string    `json:"recrawl"`        // CrawlEverything or CrawlNewFolders
	Configuration  string    `json:"configuration,omitempty"`
	State          State     `json:"state"`
	Started        time.Time `json:"started,omitzero"` // of the crawl under way
	Last           *Crawl    `json:"last,omitempty"`
	Created        time.Time `json:"created"`
	Updated        time.Time `json:"updated"`
	Version        int64     `json:"version"` // 1 at first, one more with each update
}

// Target is a place in the lake that a crawler looks at.
type Target struct {
	Path       string   `json:"path"`                 // s3://bucket/prefix
	Exclusions []string `json:"exclusions,omitempty"` // globs, relative to Path
	SampleSize int      `json:"sampleSize,omitempty"` // files read in each folder; 0: all
}

// Crawl is a crawl that ended.
type Crawl struct {
	ID      string    `json:"id"`
	Status  Status    `json:"status"`
	Message string    `json:"message,omitempty"` // why it failed
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`
}
