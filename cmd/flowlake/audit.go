package main

import (
	"bytes"
	"context"
	"errors"
	"time"

	"flowlake/access"
	"flowlake/access/audit"
	"flowlake/lake"
	"flowlake/pipeline"
)

// auditEvery is how often the audit log's files go to their bucket, as CloudTrail's do.
const auditEvery = 5 * time.Minute

// deliverAudit delivers the audit log to its bucket until ctx ends. What cannot be delivered, for the bucket or its policy is
// not there yet, stays on disk and is tried again.
func (h *house) deliverAudit(ctx context.Context) error {
	if h.auditBucket == "" {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(auditEvery)
	defer tick.Stop()
	for {
		if err := h.deliverAuditFiles(ctx); err != nil && ctx.Err() == nil {
			h.log.Warn("audit log not delivered yet", "room", "audit", "bucket", h.auditBucket, "err", access.Explain(err))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// deliverAuditFiles puts each finished file into the bucket, one object a region.
func (h *house) deliverAuditFiles(ctx context.Context) error {
	if err := h.audit.Seal(); err != nil {
		return err
	}
	paths, err := h.audit.Undelivered()
	if err != nil {
		return err
	}
	var errs []error
	for _, path := range paths {
		objects, err := audit.Objects(path, h.account)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, o := range objects {
			as := pipeline.AuditCaller(h.account, o.Region) // the bucket's policy lets it, as for CloudTrail
			if _, err := h.lake.Put(ctx, as, lake.PutInput{Bucket: h.auditBucket, Key: o.Key, Body: bytes.NewReader(o.Body), Size: int64(len(o.Body)),
				ACL: "bucket-owner-full-control"}); err != nil {
				return errors.Join(append(errs, err)...) // the next would fail alike
			}
		}
		if err := h.audit.Delivered(path); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
