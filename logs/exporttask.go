package logs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/google/uuid"

	"flowlake/access"
	"flowlake/access/policy"
	"flowlake/fault"
	"flowlake/lake"
	"flowlake/state"
)

// ExportStatus is where an export task stands.
type ExportStatus string

// The states: Pending → Running → Completed or Failed; a task that is cancelled while it runs is PendingCancel
// until it has stopped.
const (
	ExportPending       ExportStatus = "PENDING"
	ExportRunning       ExportStatus = "RUNNING"
	ExportPendingCancel ExportStatus = "PENDING_CANCEL"
	ExportCompleted     ExportStatus = "COMPLETED"
	ExportCancelled     ExportStatus = "CANCELLED"
	ExportFailed        ExportStatus = "FAILED"
)

// exportKind is the kind of a task's document, and the noun of faults about it. Its key is the task's id.
const exportKind = "export task"

// slotKind is the kind of the document that exists while an account has an unfinished task in a region.
const slotKind = "export slot"

// ExportInput says what to export, and where to.
type ExportInput struct {
	Name                 string // of the task; may be empty
	Group                string
	StreamPrefix         string // only streams whose names begin with it
	FromMillis, ToMillis int64  // FromMillis <= time <= ToMillis
	Bucket               string
	Prefix               string // of the keys, without a slash at its end; "" is "exportedlogs"
}

// Export is an export task.
type Export struct {
	ID string
	ExportInput
	Status          ExportStatus
	Message         string // what became of it, in words
	CreatedMillis   int64
	CompletedMillis int64 // 0 while it is not at its end
}

// exportDoc is a task's document: the plan, which is durable before the first byte, and how far it got.
type exportDoc struct {
	Name         string        `json:"name,omitempty"`
	Group        string        `json:"group"`
	GroupID      uint64        `json:"groupId"`
	StreamPrefix string        `json:"streamPrefix,omitempty"`
	From         int64         `json:"from"`
	To           int64         `json:"to"`
	Oldest       int64         `json:"oldest"` // what was expired at the start stays out
	End          uint64        `json:"end"`    // the group's next sequence at the start: later events stay out
	Bucket       string        `json:"bucket"`
	Prefix       string        `json:"prefix"`
	Caller       access.Caller `json:"caller"` // who asked

	Status    ExportStatus `json:"status"`
	Message   string       `json:"message,omitempty"`
	Created   int64        `json:"created"`
	Completed int64        `json:"completed,omitempty"`
	Done      string       `json:"done,omitempty"` // the last stream whose objects are all in the lake
}

func (d exportDoc) describe(id string) Export {
	return Export{ID: id, Status: d.Status, Message: d.Message, CreatedMillis: d.Created, CompletedMillis: d.Completed,
		ExportInput: ExportInput{Name: d.Name, Group: d.Group, StreamPrefix: d.StreamPrefix,
			FromMillis: d.From, ToMillis: d.To, Bucket: d.Bucket, Prefix: d.Prefix}}
}

func exportID(c access.Caller, id string) state.ID {
	return state.ID{Kind: exportKind, Account: c.Account, Region: c.Region, Key: id}
}

func slotID(c access.Caller) state.ID {
	return state.ID{Kind: slotKind, Account: c.Account, Region: c.Region}
}

type slotDoc struct {
	Task string `json:"task"`
}

// ExportCaller is the logs service as it exports a group of c's account. It asks as itself: the bucket's policy must
// let it, and can name the account and the group in aws:SourceAccount and aws:SourceArn.
func ExportCaller(c access.Caller, group string) access.Caller {
	return access.ServicePrincipal(c.Account, c.Region, "logs."+c.Region+".amazonaws.com", GroupARN(c, group)+":*")
}

// CreateExport plans an export task and returns its id; Run does the work. It first reads the bucket's ACL and writes
// <prefix>/aws-logs-write-test into the bucket, to see whether the logs service may.
//
// It returns fault.NotFound without the group, fault.Invalid when the bucket does not exist or refuses or the times are
// not in order, fault.Limit while another task of the account is not finished.
func (s *Store) CreateExport(ctx context.Context, c access.Caller, in ExportInput) (id string, err error) {
	if in.Prefix == "" {
		in.Prefix = "exportedlogs"
	}
	if err := in.check(); err != nil {
		return "", err
	}
	g, err := s.group(ctx, c, in.Group)
	if err != nil {
		return "", err
	}
	l, err := s.live(g.ID)
	if err != nil {
		return "", err
	}
	if err := s.state.View(ctx, func(tx *state.Tx) error { return freeSlot(tx, c) }); err != nil {
		return "", err
	}
	task, err := uuid.NewV7() // in the order of creation, for listings
	if err != nil {
		return "", fault.Newf(fault.Internal, exportKind, "make an id: %w", err)
	}
	now := time.Now()
	doc := exportDoc{Name: in.Name, Group: in.Group, GroupID: g.ID, StreamPrefix: in.StreamPrefix, From: in.FromMillis, To: in.ToMillis,
		Oldest: cutoff(now, g.RetentionDays), End: l.durable.Load(), Bucket: in.Bucket, Prefix: in.Prefix, Caller: c,
		Status: ExportPending, Created: now.UnixMilli()}
	if err := s.reach(ctx, doc); err != nil {
		return "", err
	}
	err = s.state.Update(ctx, func(tx *state.Tx) error {
		if err := freeSlot(tx, c); err != nil {
			return err
		}
		return errors.Join(tx.Create(slotID(c), slotDoc{task.String()}), tx.Create(exportID(c, task.String()), doc))
	})
	if err != nil {
		return "", err
	}
	s.export.poke()
	return task.String(), nil
}

func (in ExportInput) check() error {
	switch {
	case in.FromMillis < 0 || in.ToMillis < 0:
		return fault.Newf(fault.Invalid, exportKind, "from and to must be greater than or equal to 0")
	case in.FromMillis >= in.ToMillis || in.ToMillis == math.MaxInt64:
		return fault.Newf(fault.Invalid, exportKind, "The specified time range is not valid: from (%d) must be before to (%d)", in.FromMillis, in.ToMillis)
	case len(in.Name) > 512:
		return fault.Newf(fault.Invalid, exportKind, "its name is longer than 512 characters")
	case in.Bucket == "" || len(in.Bucket) > 512:
		return fault.Newf(fault.Invalid, exportKind, "the destination must have 1 to 512 characters")
	case len(in.Prefix) > 512:
		return fault.Newf(fault.Invalid, exportKind, "the destination prefix is longer than 512 characters")
	}
	if in.StreamPrefix != "" {
		return StreamName(in.StreamPrefix)
	}
	return nil
}

// freeSlot returns fault.Limit when the account has an unfinished task.
func freeSlot(tx *state.Tx, c access.Caller) error {
	var slot slotDoc
	if _, err := tx.Get(slotID(c), &slot); fault.Is(err, fault.NotFound) {
		return nil
	} else if err != nil {
		return err
	}
	return fault.Newf(fault.Limit, exportKind, "Resource limit exceeded: %s is not finished, and one task at a time runs in an account", slot.Task)
}

// reach does what AWS does before an export: the service reads the bucket's ACL and puts an object of a few words.
func (s *Store) reach(ctx context.Context, doc exportDoc) error {
	subject := "export destination " + doc.Bucket
	service := ExportCaller(doc.Caller, doc.Group)
	_, err := s.lake.Owner(doc.Bucket)
	call := "GetBucketAcl"
	if err == nil {
		_, _, err = s.lake.BucketACL(ctx, service, doc.Bucket)
	}
	if err == nil {
		const text = "Permission Check Successful"
		call = "PutObject"
		_, err = s.lake.Put(ctx, service, lake.PutInput{Bucket: doc.Bucket, Key: doc.Prefix + "/aws-logs-write-test",
			Body: strings.NewReader(text), Size: int64(len(text)), ACL: exportACL})
	}
	switch {
	case err == nil || ctx.Err() != nil:
		return err
	case fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid) && fault.HasNoun(err, "bucket"):
		return fault.Newf(fault.Invalid, subject, "The given bucket does not exist. Please make sure the bucket is valid.")
	case fault.Is(err, fault.Denied):
		var more error
		if call == "GetBucketAcl" { // who is to change the policy learns of both at once
			more = s.lake.MayPut(ctx, service, lake.PutInput{Bucket: doc.Bucket, Key: doc.Prefix + "/aws-logs-write-test", ACL: exportACL})
		}
		return fault.Newf(fault.Invalid, subject, "%s", refusedCall(call, doc, err, more))
	}
	return fault.Newf(fault.KindOf(err), subject, "write the permission test: %w", err)
}

// refusedCall is AWS's sentence for a call of the service that the bucket refuses, and what the bucket's policy lacks: for
// all objects of the export, and not for the one that was tried.
func refusedCall(call string, doc exportDoc, errs ...error) string {
	text := call + " call on the given bucket failed. Please check if CloudWatch Logs has been granted permission to perform this operation. " + access.Explain(errs[0])
	first, ok := errors.AsType[*access.Refusal](errs[0])
	if !ok || first.Statement == "" {
		return text
	}
	var statements []string
	for _, err := range errs {
		if r, ok := errors.AsType[*access.Refusal](err); ok && r.Statement != "" {
			if r.Action == "s3:PutObject" {
				statements = append(statements, r.StatementFor(policy.Literal(lake.ARN(doc.Bucket, doc.Prefix+"/"))+"*"))
			} else {
				statements = append(statements, r.Statement)
			}
		}
	}
	return strings.Replace(text, first.Statement, strings.Join(statements, ",\n"), 1)
}

// exportACL lets the bucket's owner read what the service writes.
const exportACL = "bucket-owner-full-control"

// Export describes one task, or returns fault.NotFound.
func (s *Store) Export(ctx context.Context, c access.Caller, id string) (Export, error) {
	var doc exportDoc
	err := s.state.View(ctx, func(tx *state.Tx) error {
		_, err := tx.Get(exportID(c, id), &doc)
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return Export{}, noExport(id)
	}
	return doc.describe(id), err
}

func noExport(id string) error {
	return fault.Newf(fault.NotFound, exportKind+" "+id, "The specified export task does not exist.")
}

// ExportQuery selects tasks.
type ExportQuery struct {
	Status ExportStatus // "": any
	Limit  int          // 1 to 50; 0 is 50
	Token  string       // the Next of the page before
}

// ExportPage is a page of tasks in the order of their creation. Next is empty at the end.
type ExportPage struct {
	Exports []Export
	Next    string
}

// Exports lists tasks.
func (s *Store) Exports(ctx context.Context, c access.Caller, q ExportQuery) (ExportPage, error) {
	var page ExportPage
	limit, err := pageLimit(q.Limit, 50)
	if err != nil {
		return page, err
	}
	bound := s.bind("exports", c.Account, c.Region, string(q.Status))
	after, err := bound.name(q.Token)
	if err != nil {
		return page, err
	}
	err = s.state.View(ctx, func(tx *state.Tx) error {
		for row, err := range tx.List(exportID(c, ""), after) {
			if err != nil {
				return err
			}
			var doc exportDoc
			if err := row.Decode(&doc); err != nil {
				return err
			}
			if q.Status != "" && doc.Status != q.Status {
				continue
			}
			if len(page.Exports) == limit {
				page.Next = bound.nameToken(page.Exports[limit-1].ID)
				return nil
			}
			page.Exports = append(page.Exports, doc.describe(row.Key))
		}
		return nil
	})
	return page, err
}

// CancelExport cancels a task. One that has not begun is cancelled at once, one that runs soon after. It returns
// fault.NotFound without the task, fault.Conflict when the task is at its end or being cancelled.
func (s *Store) CancelExport(ctx context.Context, c access.Caller, id string) error {
	err := s.changeExport(ctx, c, id, func(tx *state.Tx, doc *exportDoc) error {
		switch doc.Status {
		case ExportPending:
			return doc.finish(tx, ExportCancelled, "Cancelled by user")
		case ExportRunning:
			doc.Status, doc.Message = ExportPendingCancel, "Cancellation requested by user"
			return nil
		}
		return fault.Newf(fault.Conflict, exportKind+" "+id, "The specified export task cannot be cancelled: it is %s", doc.Status)
	})
	if err == nil {
		s.export.cancel(id)
	}
	return err
}

// changeExport changes a task's document in one transaction.
func (s *Store) changeExport(ctx context.Context, c access.Caller, id string, change func(*state.Tx, *exportDoc) error) error {
	return s.state.Update(ctx, func(tx *state.Tx) error {
		var doc exportDoc
		version, err := tx.Get(exportID(c, id), &doc)
		if fault.Is(err, fault.NotFound) {
			return noExport(id)
		}
		if err != nil {
			return err
		}
		if err := change(tx, &doc); err != nil {
			return err
		}
		return tx.Replace(exportID(c, id), version, doc)
	})
}

// finish ends the task, and lets the account's next one in.
func (d *exportDoc) finish(tx *state.Tx, status ExportStatus, message string) error {
	d.Status, d.Message, d.Completed = status, message, time.Now().UnixMilli()
	if err := tx.Delete(slotID(d.Caller)); err != nil {
		return fmt.Errorf("end %s: %w", exportKind, err)
	}
	return nil
}
