package crawler

import (
	"context"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/lake"
	"flowlake/state"
)

// The kinds of documents. A crawl document exists while its crawl is under way.
const (
	kindCrawler = "crawler"
	kindCrawl   = "crawl"
	kindReport  = "crawl report"
	kindFolder  = "crawled folder"

	kindClassifier = "classifier" // the catalogue's
)

// maxCrawlers is Glue's quota of crawlers for each account and region.
const maxCrawlers = 1_000

// The nouns of faults about a crawler whose state does not allow a call.
const (
	nounRunning  = "running crawler"  // it runs: CrawlerRunningException
	nounStopping = "stopping crawler" // it is being stopped: CrawlerStoppingException
	nounIdle     = "idle crawler"     // it does not run: CrawlerNotRunningException
)

func id(c access.Caller, kind, key string) state.ID {
	return state.ID{Kind: kind, Account: c.Account, Region: c.Region, Key: key}
}

func (k *Crawlers) allow(ctx context.Context, c access.Caller, action, name string) error {
	return k.guard.Allow(ctx, c, "glue:"+action, ARN(c, name))
}

// ARN is the name of a crawler in policies.
func ARN(c access.Caller, name string) string { return c.ARN("glue", "crawler/"+name) }

func get(tx *state.Tx, c access.Caller, name string) (Crawler, error) {
	var cr Crawler
	_, err := tx.Get(id(c, kindCrawler, name), &cr)
	if fault.Is(err, fault.NotFound) {
		return Crawler{}, fault.Newf(fault.NotFound, "crawler "+name, "not found")
	}
	return cr, err
}

// Create keeps a new crawler, which the caller hands its role. Its state is READY. It returns fault.Exists when there is
// one of that name, fault.Invalid for a role that Glue cannot assume.
func (k *Crawlers) Create(ctx context.Context, c access.Caller, cr Crawler) error {
	if err := k.allow(ctx, c, "CreateCrawler", cr.Name); err != nil {
		return err
	}
	if err := cr.check(); err != nil {
		return err
	}
	if err := k.handOver(ctx, c, cr); err != nil {
		return err
	}
	cr.Created = time.Now().UTC()
	cr.Updated, cr.State, cr.Version, cr.Last, cr.Started = cr.Created, Ready, 1, nil, time.Time{}
	return k.st.Update(ctx, func(tx *state.Tx) error {
		if err := classifiersExist(tx, c, cr); err != nil {
			return err
		}
		count := 0
		for _, err := range tx.List(id(c, kindCrawler, ""), "") {
			if err != nil {
				return err
			}
			if count++; count >= maxCrawlers {
				return fault.Newf(fault.Limit, "crawler "+cr.Name, "there are %d crawlers, as many as an account may have", maxCrawlers)
			}
		}
		err := tx.Create(id(c, kindCrawler, cr.Name), cr)
		if fault.Is(err, fault.Exists) {
			return fault.Newf(fault.Exists, "crawler "+cr.Name, "already exists")
		}
		return err
	})
}

// Crawler returns a crawler, or fault.NotFound.
func (k *Crawlers) Crawler(ctx context.Context, c access.Caller, name string) (cr Crawler, err error) {
	if err := k.allow(ctx, c, "GetCrawler", name); err != nil {
		return Crawler{}, err
	}
	err = k.st.View(ctx, func(tx *state.Tx) error { cr, err = get(tx, c, name); return err })
	return cr, err
}

// Crawlers returns up to max crawlers (0: all) in the order of their names, those after the name
// after, and the name to go on after, empty at the end.
func (k *Crawlers) Crawlers(ctx context.Context, c access.Caller, after string, max int) (page []Crawler, next string, err error) {
	if err := k.allow(ctx, c, "GetCrawlers", "*"); err != nil {
		return nil, "", err
	}
	err = k.st.View(ctx, func(tx *state.Tx) error {
		for row, err := range tx.List(id(c, kindCrawler, ""), after) {
			if err != nil {
				return err
			}
			if max > 0 && len(page) == max {
				next = page[len(page)-1].Name
				return nil
			}
			var cr Crawler
			if err := row.Decode(&cr); err != nil {
				return err
			}
			page = append(page, cr)
		}
		return nil
	})
	return page, next, err
}

// Update changes a crawler: change gets it as it is, and what it leaves is checked and kept; it may be called twice. A role
// that the crawler did not have is handed over as in Create. It returns fault.Conflict (noun "running crawler") while a
// crawl is under way.
func (k *Crawlers) Update(ctx context.Context, c access.Caller, name string, change func(*Crawler) error) error {
	if err := k.allow(ctx, c, "UpdateCrawler", name); err != nil {
		return err
	}
	changed := func(tx *state.Tx) (old, cr Crawler, err error) {
		if old, err = get(tx, c, name); err != nil {
			return old, cr, err
		}
		if old.State != Ready {
			return old, cr, fault.Newf(fault.Conflict, nounRunning+" "+name, "cannot be changed while it is %s", old.State)
		}
		cr = old
		if err := change(&cr); err != nil {
			return old, cr, err
		}
		cr.Name = old.Name
		return old, cr, cr.check()
	}
	var had, will Crawler
	err := k.st.View(ctx, func(tx *state.Tx) (err error) { had, will, err = changed(tx); return err })
	if err == nil && will.Role != had.Role {
		err = k.handOver(ctx, c, will)
	}
	if err != nil {
		return err
	}
	return k.st.Update(ctx, func(tx *state.Tx) error {
		old, cr, err := changed(tx)
		if err != nil {
			return err
		}
		if cr.Role != will.Role && cr.Role != old.Role {
			return fault.Newf(fault.Conflict, nounRunning+" "+name, "was given another role meanwhile")
		}
		if err := classifiersExist(tx, c, cr); err != nil {
			return err
		}
		cr.Created, cr.State, cr.Last = old.Created, old.State, old.Last
		cr.Updated, cr.Version = time.Now().UTC(), old.Version+1
		return tx.Put(id(c, kindCrawler, name), cr)
	})
}

// Delete removes a crawler with its report. The tables that it made stay. It returns fault.Conflict (noun
// "running crawler") while a crawl is under way.
func (k *Crawlers) Delete(ctx context.Context, c access.Caller, name string) error {
	if err := k.allow(ctx, c, "DeleteCrawler", name); err != nil {
		return err
	}
	return k.st.Update(ctx, func(tx *state.Tx) error {
		cr, err := get(tx, c, name)
		if err != nil {
			return err
		}
		if cr.State != Ready {
			return fault.Newf(fault.Conflict, nounRunning+" "+name, "cannot be deleted while it is %s", cr.State)
		}
		if err := forget(tx, c, name); err != nil {
			return err
		}
		if err := tx.Delete(id(c, kindReport, name)); err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		return tx.Delete(id(c, kindCrawler, name))
	})
}

// Start begins a crawl, which Run carries out as the crawler's role. It returns fault.Conflict (noun "running crawler")
// while one is under way.
func (k *Crawlers) Start(ctx context.Context, c access.Caller, name string) error {
	if err := k.allow(ctx, c, "StartCrawler", name); err != nil {
		return err
	}
	err := k.st.Update(ctx, func(tx *state.Tx) error {
		cr, err := get(tx, c, name)
		if err != nil {
			return err
		}
		if cr.State != Ready {
			return fault.Newf(fault.Conflict, nounRunning+" "+name, "is %s already", cr.State)
		}
		cr.State, cr.Started = Running, time.Now().UTC()
		if err := tx.Put(id(c, kindCrawler, name), cr); err != nil {
			return err
		}
		return tx.Create(id(c, kindCrawl, name), job{ID: uuid.NewString(), Caller: c.Via(Service, ARN(c, name)), Started: cr.Started})
	})
	if err == nil {
		k.poke()
	}
	return err
}

// Stop asks the crawl under way to end as CANCELLED; it has changed nothing then. It returns
// fault.Conflict with the noun "idle crawler" when none is, "stopping crawler" when it is being stopped.
func (k *Crawlers) Stop(ctx context.Context, c access.Caller, name string) error {
	if err := k.allow(ctx, c, "StopCrawler", name); err != nil {
		return err
	}
	err := k.st.Update(ctx, func(tx *state.Tx) error {
		cr, err := get(tx, c, name)
		if err != nil {
			return err
		}
		switch cr.State {
		case Ready:
			return fault.Newf(fault.Conflict, nounIdle+" "+name, "is not running")
		case Stopping:
			return fault.Newf(fault.Conflict, nounStopping+" "+name, "is being stopped already")
		}
		cr.State = Stopping
		return tx.Put(id(c, kindCrawler, name), cr)
	})
	if err != nil {
		return err
	}
	k.mu.Lock()
	cancel := k.running[id(c, kindCrawl, name)]
	k.mu.Unlock()
	if cancel != nil {
		cancel(errStopped)
	}
	k.poke()
	return nil
}

func (k *Crawlers) poke() {
	select {
	case k.wake <- struct{}{}:
	default: // Run looks at all documents when it wakes: one call is enough
	}
}

// forget drops what is known of the folders that earlier crawls saw.
func forget(tx *state.Tx, c access.Caller, name string) error {
	for row, err := range tx.List(id(c, kindFolder, name+"\x1f"), "") {
		if err != nil {
			return err
		}
		if err := tx.Delete(row.ID); err != nil {
			return err
		}
	}
	return nil
}

func classifiersExist(tx *state.Tx, c access.Caller, cr Crawler) error {
	for _, name := range cr.Classifiers {
		switch there, err := tx.Exists(id(c, kindClassifier, name)); {
		case err != nil:
			return err
		case !there:
			return noClassifier(name, "not found, and crawler "+cr.Name+" names it")
		}
	}
	return nil
}

func noClassifier(name, obstacle string) error {
	return fault.Newf(fault.NotFound, "classifier "+name, "%s", obstacle)
}

var (
	roleARN  = regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:role/[\x21-\x7e]{1,576}$`)
	roleName = regexp.MustCompile(`^[\w+=,.@/-]{1,576}$`)
)

// check returns what is wrong with a crawler, and fills in defaults.
func (cr *Crawler) check() error {
	subject := "crawler " + cr.Name
	invalid := func(format string, args ...any) error { return fault.Newf(fault.Invalid, subject, format, args...) }
	switch {
	case cr.Name == "" || len(cr.Name) > 255 || !utf8.ValidString(cr.Name) || strings.ContainsFunc(cr.Name, control):
		return fault.Newf(fault.Invalid, "crawler", "the name %.40q is not 1 to 255 bytes of printable text", cr.Name)
	case strings.HasPrefix(cr.Role, "arn:") && !roleARN.MatchString(cr.Role):
		return invalid("the role %q is not the ARN of a role (arn:aws:iam::123456789012:role/name)", cr.Role)
	case !strings.HasPrefix(cr.Role, "arn:") && !roleName.MatchString(cr.Role):
		return invalid("the role %q is neither the ARN nor the name of a role", cr.Role)
	case cr.Database == "":
		return invalid("the database is missing")
	case len(cr.Database) > 255 || len(cr.TablePrefix) > 128 || len(cr.Description) > 2048:
		return invalid("the database may have 255 bytes, the table prefix 128 and the description 2,048")
	case len(cr.Targets) == 0:
		return invalid("there is no target")
	}
	cr.Database = strings.ToLower(cr.Database)
	for _, t := range cr.Targets {
		if err := t.check(); err != nil {
			return fault.Newf(fault.Invalid, subject, "%w", err)
		}
	}
	if cr.UpdateBehavior == "" {
		cr.UpdateBehavior = UpdateInDatabase
	}
	if cr.DeleteBehavior == "" {
		cr.DeleteBehavior = DeprecateInDatabase
	}
	if cr.Recrawl == "" {
		cr.Recrawl = CrawlEverything
	}
	switch cr.UpdateBehavior {
	case UpdateInDatabase, LogOnly:
	default:
		return invalid("the update behavior %q is neither UPDATE_IN_DATABASE nor LOG", cr.UpdateBehavior)
	}
	switch cr.DeleteBehavior {
	case DeleteFromDatabase, DeprecateInDatabase, LogOnly:
	default:
		return invalid("the delete behavior %q is none of DELETE_FROM_DATABASE, DEPRECATE_IN_DATABASE and LOG", cr.DeleteBehavior)
	}
	switch cr.Recrawl {
	case CrawlEverything:
	case CrawlNewFolders:
		if cr.UpdateBehavior != LogOnly || cr.DeleteBehavior != LogOnly {
			return invalid("CRAWL_NEW_FOLDERS_ONLY needs LOG as its update behavior and LOG as its delete behavior")
		}
	case "CRAWL_EVENT_MODE":
		return fault.Newf(fault.Unsupported, subject, "the recrawl behavior CRAWL_EVENT_MODE is not supported")
	default:
		return invalid("the recrawl behavior %q is neither CRAWL_EVERYTHING nor CRAWL_NEW_FOLDERS_ONLY", cr.Recrawl)
	}
	_, err := parseConfiguration(cr.Configuration)
	if err != nil {
		return fault.Newf(fault.Invalid, subject, "%w", err)
	}
	return nil
}

func control(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

func (t Target) check() error {
	if _, _, err := lake.ParseURL(t.Path); err != nil {
		return err
	}
	if t.SampleSize < 0 || t.SampleSize > 249 {
		return fault.Newf(fault.Invalid, "target "+t.Path, "the sample size is %d; 1 to 249 files are allowed", t.SampleSize)
	}
	for _, x := range t.Exclusions {
		if _, err := compileGlob(x); err != nil {
			return err
		}
	}
	return nil
}
