package compact

import (
	"bytes"
	"context"
	"time"

	"flowlake/access"
	"flowlake/catalog"
	"flowlake/fault"
	"flowlake/state"
)

// schedule is a table that is compacted by itself.
type schedule struct {
	version int64 // of the table's row
	next    time.Time
}

const (
	scheduledAge   = 15 * time.Minute // how long a folder must have been quiet
	scheduledFiles = 8
)

// schedules starts the runs that are due. A table is due an interval after its parameters were seen first, and then an
// interval after its last run began. Tables without the parameters cost a look at their row; nothing is listed.
func (k *Compactor) schedules(ctx context.Context) error {
	type due struct {
		id state.ID
		catalog.Table
	}
	now := time.Now()
	var all []due
	seen := map[state.ID]bool{}
	err := k.st.View(ctx, func(tx *state.Tx) error {
		for row, err := range tx.All("table") {
			if err != nil {
				return err
			}
			if !bytes.Contains(row.Data, []byte(ParameterOn)) {
				continue
			}
			d := due{id: row.ID}
			if err := row.Decode(&d.Table); err != nil {
				return err
			}
			seen[row.ID] = true
			s, known := k.due[row.ID]
			settings, err := Parameters(d.Table)
			if err != nil {
				if !known || s.version != row.Version {
					k.log.Warn("table not compacted", "table", d.Database+"."+d.Name, "err", err)
				}
				k.due[row.ID] = schedule{version: row.Version}
				continue
			}
			if !known || s.version != row.Version {
				s = schedule{version: row.Version, next: now.Add(settings.Interval)}
				if known {
					s.next = now // its parameters changed: what they say now is tried at once
				}
			}
			if settings.On && !now.Before(s.next) {
				all = append(all, d)
				s.next = now.Add(settings.Interval)
			}
			k.due[row.ID] = s
		}
		return nil
	})
	if err != nil {
		return err
	}
	for id := range k.due {
		if !seen[id] {
			delete(k.due, id)
		}
	}
	for _, d := range all {
		settings, err := Parameters(d.Table)
		if err != nil {
			return err
		}
		o := settings.Options
		if d.Parameters[ParameterAge] == "" {
			o.MinAge = scheduledAge
		}
		if o.MinFiles == 0 {
			o.MinFiles = scheduledFiles
		}
		c := Scheduled(d.id.Account, d.id.Region, d.Table)
		if err := k.scheduled(ctx, c, Request{Database: d.Database, Table: d.Name, Options: o}); err != nil {
			k.log.Warn("table not compacted", "table", d.Database+"."+d.Name, "err", err)
		}
	}
	return nil
}

// Scheduled is as whom a table is compacted by itself: the one who made it.
func Scheduled(account, region string, t catalog.Table) access.Caller {
	c := access.Caller{Account: account, Region: region, Principal: t.CreatedBy}
	return c.Via("compact.flowlake", TableARN(c, t.Database, t.Name))
}

// scheduled starts a run when a look at the objects says that there is something to do: otherwise nothing is written.
func (k *Compactor) scheduled(ctx context.Context, c access.Caller, r Request) error {
	if err := k.guard.Allow(ctx, c, "flowlake:CompactTable", TableARN(c, r.Database, r.Table)); err != nil {
		return err
	}
	t, err := k.resolve(ctx, c, &r)
	if err != nil {
		return err
	}
	groups, _, err := k.plan(ctx, &Run{Caller: c, Request: r}, t)
	if err != nil || len(groups) == 0 {
		return err
	}
	if _, err = k.Start(ctx, c, r); fault.Is(err, fault.Conflict) {
		return nil // somebody has it compacted already
	}
	return err
}
