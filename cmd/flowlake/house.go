package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"flowlake/access"
	"flowlake/access/audit"
	"flowlake/access/formation"
	"flowlake/access/identity"
	"flowlake/aws/athena"
	"flowlake/aws/ec2"
	"flowlake/aws/firehose"
	doorflowlake "flowlake/aws/flowlake"
	"flowlake/aws/glue"
	"flowlake/aws/iam"
	"flowlake/aws/lakeformation"
	doorlogs "flowlake/aws/logs"
	doors3 "flowlake/aws/s3"
	"flowlake/aws/sts"
	"flowlake/aws/wire"
	"flowlake/catalog"
	"flowlake/catalog/compact"
	"flowlake/catalog/crawler"
	"flowlake/delivery"
	"flowlake/delivery/destination"
	"flowlake/fault"
	"flowlake/lake"
	"flowlake/logs"
	"flowlake/pipeline"
	"flowlake/query"
	"flowlake/query/duckdb"
	"flowlake/state"
	"flowlake/vpc"
)

// house is every room over one data folder, and the doors in front of them.
type house struct {
	rooms
	lock    *os.File
	audit   *audit.Log
	state   *state.Store
	engine  *duckdb.Engine
	server  *wire.Server
	metrics *prometheus.Registry
	log     *slog.Logger

	account string
}

// rooms are those that doors stand before. All are nil for those who only read the doors' tables.
type rooms struct {
	identities *identity.Store
	guard      *access.Guard
	formation  *formation.Store
	lake       *lake.Store
	logs       *logs.Store
	tables     *catalog.Catalog
	crawlers   *crawler.Crawlers
	queries    *query.Queries
	delivery   *delivery.Store
	firehose   *destination.Writer
	vpc        *vpc.Store
	compact    *compact.Compactor

	auditBucket string // gets the audit log's files; "": none
}

// houseConfig is what openHouse needs.
type houseConfig struct {
	data, account, region, credentials string
	keyFile                            string        // seals secrets
	auditBucket                        string        // gets the audit log's files; "": none
	publish                            time.Duration // of flow-log files; 0 is vpc's default
	retryFor                           time.Duration // of batches; 0 is delivery's default
	log                                *slog.Logger
}

// openHouse opens the rooms from the ground up. Nothing works in the background before run.
func openHouse(cfg houseConfig) (_ *house, err error) {
	h := &house{metrics: prometheus.NewRegistry(), log: cfg.log, account: cfg.account, rooms: rooms{auditBucket: cfg.auditBucket}}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	if err := os.MkdirAll(cfg.data, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if h.lock, err = lockFolder(cfg.data); err != nil {
		return nil, err
	}
	keys, err := access.OpenKeys(cfg.credentials, cfg.account)
	if err != nil {
		return nil, err
	}
	seal, err := identity.OpenSeal(cfg.keyFile)
	if err != nil {
		return nil, err
	}
	if h.audit, err = audit.Open(audit.Config{Dir: filepath.Join(cfg.data, "audit"), Log: cfg.log.With("room", "audit")}); err != nil {
		return nil, err
	}
	if h.state, err = state.Open(filepath.Join(cfg.data, "state")); err != nil {
		return nil, err
	}
	if err := claim(h.state, cfg.account); err != nil {
		return nil, err
	}
	if h.identities, err = identity.Open(h.state, cfg.account, seal, cfg.log.With("room", "identity")); err != nil {
		return nil, err
	}
	keys.SetIdentities(h.identities)
	guard := access.OpenGuard(access.GuardConfig{Account: cfg.account, Identities: h.identities, Audit: h.audit, Log: cfg.log.With("room", "access")})
	h.guard = guard
	if h.lake, err = lake.Open(lake.Config{Dir: filepath.Join(cfg.data, "lake")}, h.state, guard, cfg.log.With("room", "lake")); err != nil {
		return nil, err
	}
	if h.logs, err = logs.Open(logs.Config{Dir: filepath.Join(cfg.data, "logs")}, h.state, h.lake, guard, cfg.log.With("room", "logs")); err != nil {
		return nil, err
	}
	h.tables = catalog.Open(h.state, guard, cfg.log.With("room", "catalog"))
	h.tables.Check(checkProperties)
	h.formation = formation.Open(h.state, guard, cfg.log.With("room", "formation"))
	h.formation.SetIdentities(h.identities)
	h.tables.SetFormation(h.formation)
	h.crawlers = crawler.New(crawler.Config{}, h.state, h.tables, h.lake, guard, cfg.log.With("room", "crawler"))
	deliveries := delivery.Config{Dir: filepath.Join(cfg.data, "delivery"), Scratch: filepath.Join(cfg.data, "scratch", "delivery"), RetryFor: cfg.retryFor}
	if h.delivery, err = delivery.Open(deliveries, h.state, h.lake, h.logs, h.tables, guard, cfg.log.With("room", "delivery")); err != nil {
		return nil, err
	}
	h.firehose = destination.New(h.tables, guard, h.delivery.HasTransform(), cfg.log.With("room", "destination"))
	h.delivery.Handle(delivery.KindFirehose, h.firehose)
	h.logs.SetDestinations(h.delivery)
	if h.vpc, err = vpc.Open(vpc.Config{PublishEvery: cfg.publish}, h.state, h.lake, h.logs, h.delivery, guard, cfg.log.With("room", "vpc")); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("the program's own path, to start query workers with: %w", err)
	}
	h.engine = duckdb.New(duckdb.Config{
		Executable: self, Args: []string{workerName}, Scratch: filepath.Join(cfg.data, "scratch", "engine"), Log: cfg.log.With("room", "engine"),
	})
	queries := query.Default()
	queries.Scratch = filepath.Join(cfg.data, "scratch", "query")
	if h.queries, err = query.New(queries, h.state, h.tables, h.lake, h.engine, guard, cfg.log.With("room", "query")); err != nil {
		return nil, err
	}
	h.queries.SetFresh(freshRows{h.delivery})
	h.queries.SetFormation(h.formation)
	h.compact = compact.New(compact.Config{Scratch: filepath.Join(cfg.data, "scratch", "compact"), Reached: compactReached},
		h.state, h.tables, h.lake, h.engine, guard, cfg.log.With("room", "compact"))
	h.metrics.MustRegister(deliveryMetrics{h.delivery}, compactMetrics{h.compact}, collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewGoCollector())
	h.server, err = wire.New(wire.Config{
		Keys: keys, Guard: guard, Audit: h.audit, Log: cfg.log.With("room", "wire"), Registry: h.metrics,
	}, services(h.rooms))
	return h, err
}

// services is every door there is.
func services(r rooms) []wire.Service {
	return []wire.Service{
		doorlogs.Service(r.logs),
		doors3.Service(r.lake),
		glue.Service(r.tables, r.crawlers),
		athena.Service(r.queries),
		sts.Service(r.identities, r.guard),
		iam.Service(r.identities, r.guard),
		lakeformation.Service(r.formation),
		ec2.Service(r.vpc),
		firehose.Service(r.delivery, r.firehose),
		doorflowlake.Service(r.lake, r.logs, r.delivery, r.vpc, r.compact, pipeline.Rooms{Guard: r.guard, Identities: r.identities, Formation: r.formation, Lake: r.lake,
			Logs: r.logs, Catalog: r.tables, Crawlers: r.crawlers, Delivery: r.delivery, VPC: r.vpc, Queries: r.queries, AuditBucket: r.auditBucket}),
	}
}

// run does the rooms' background work until ctx ends and all of it has stopped.
func (h *house) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return h.identities.Run(ctx) })
	g.Go(func() error { return h.deliverAudit(ctx) })
	g.Go(func() error { return h.lake.Run(ctx) })
	g.Go(func() error { return h.logs.Run(ctx) })
	g.Go(func() error { return h.crawlers.Run(ctx) })
	g.Go(func() error { return h.delivery.Run(ctx) })
	g.Go(func() error { return h.vpc.Run(ctx) })
	g.Go(func() error { return h.engine.Serve(ctx) })
	g.Go(func() error { return h.queries.Run(ctx) })
	g.Go(func() error { return h.compact.Run(ctx) })
	return g.Wait()
}

// close closes the rooms from the top down.
func (h *house) close() error {
	var errs []error
	if h.delivery != nil {
		errs = append(errs, h.delivery.Close())
	}
	if h.logs != nil {
		errs = append(errs, h.logs.Close())
	}
	if h.lake != nil {
		errs = append(errs, h.lake.Close())
	}
	if h.state != nil {
		errs = append(errs, h.state.Close())
	}
	if h.audit != nil {
		errs = append(errs, h.audit.Close())
	}
	if h.lock != nil {
		errs = append(errs, h.lock.Close())
	}
	return errors.Join(errs...)
}

// claim writes down whose data this is at the first start, and refuses another account at a later one: it would
// find nothing of what is there.
func claim(st *state.Store, account string) error {
	type owner struct {
		Account string `json:"account"`
	}
	return st.Update(context.Background(), func(tx *state.Tx) error {
		id := state.ID{Kind: "data folder", Key: "owner"}
		var of owner
		switch _, err := tx.Get(id, &of); {
		case fault.Is(err, fault.NotFound):
			return tx.Create(id, owner{account})
		case err != nil:
			return err
		case of.Account != account:
			return fmt.Errorf("the data folder is account %s's: serve it with --account %s, or give --account %s another --data", of.Account, of.Account, account)
		}
		return nil
	})
}

// lockPatience is how long a folder's lock is waited for: a server that was killed while it started a query worker
// lives on, as far as its locks go, until that worker's exec.
const lockPatience = 500 * time.Millisecond

// lockFolder takes the data folder for this process; the kernel gives it back however the process ends.
func lockFolder(dir string) (*os.File, error) {
	path := filepath.Join(dir, "lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	deadline := time.Now().Add(lockPatience)
	for {
		if err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); !errors.Is(err, unix.EWOULDBLOCK) || time.Now().After(deadline) {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			where, _ := readNote(dir, endpointNote)
			return nil, fmt.Errorf("another flowlake server (%s) runs on the data folder %s: stop it, or give this one another --data", where, dir)
		}
		return nil, fmt.Errorf("lock of the data folder %s: %w", dir, err)
	}
	return f, nil
}
