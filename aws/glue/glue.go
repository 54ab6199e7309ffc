// Package glue is the door of AWS Glue's catalogue and crawlers: one table of operations, each of which calls
// catalog or crawler. It turns Glue's shapes into the rooms' and back, holds batch and page limits, and
// decides nothing else.
package glue

import (
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/glue/types"

	"flowlake/access"
	"flowlake/aws/wire"
	"flowlake/catalog"
	"flowlake/catalog/crawler"
	"flowlake/fault"
)

type door struct {
	cat      *catalog.Catalog
	crawlers *crawler.Crawlers
}

// Service returns the table of the service's operations.
func Service(cat *catalog.Catalog, crawlers *crawler.Crawlers) wire.Service {
	d := &door{cat, crawlers}
	s := wire.Service{Name: "glue", Title: "Glue", Protocol: wire.JSON11, Target: "AWSGlue.", Faults: faults}
	for _, rows := range [][]wire.Operation{d.databases(), d.tables(), d.partitions(), d.classifiers(), d.crawlerRows(), d.statistics()} {
		s.Operations = append(s.Operations, rows...)
	}
	return s
}

// faults maps what the rooms return; itemError does the same for the items of a batch.
var faults = []wire.FaultRule{
	{Kind: fault.NotFound, Code: "EntityNotFoundException"},
	{Kind: fault.Exists, Code: "AlreadyExistsException"},
	{Kind: fault.Invalid, Code: "InvalidInputException"},
	{Kind: fault.Unsupported, Code: "InvalidInputException"},
	{Kind: fault.TooLarge, Code: "InvalidInputException"},
	{Kind: fault.Conflict, Noun: "running crawler", Code: "CrawlerRunningException"},
	{Kind: fault.Conflict, Noun: "stopping crawler", Code: "CrawlerStoppingException"},
	{Kind: fault.Conflict, Noun: "idle crawler", Code: "CrawlerNotRunningException"},
	{Kind: fault.Conflict, Code: "ConcurrentModificationException"},
	{Kind: fault.Limit, Code: "ResourceNumberLimitExceededException"},
	{Kind: fault.Denied, Code: "AccessDeniedException"},
	{Kind: fault.Throttled, Code: "ThrottlingException"},
	{Kind: fault.Internal, Code: "InternalServiceException", Status: http.StatusInternalServerError},
	{Kind: fault.Unavailable, Code: "InternalServiceException", Status: http.StatusInternalServerError},
}

// itemError says why one item of a batch was refused.
func itemError(err error) *types.ErrorDetail {
	svc := wire.Service{Protocol: wire.JSON11, Faults: faults}
	e := svc.Explain(err)
	return &types.ErrorDetail{ErrorCode: &e.Code, ErrorMessage: &e.Message}
}

// account refuses another account's catalogue: there is none here.
func account(c access.Caller, catalogID *string) error {
	if catalogID == nil || *catalogID == c.Account {
		return nil
	}
	return fault.Newf(fault.NotFound, "catalog "+*catalogID, "not found; this account's is %s", c.Account)
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func ref(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

func required[T any](v *T, name string) error {
	if v == nil {
		return fault.Newf(fault.Invalid, "member "+name, "is missing")
	}
	return nil
}

// on builds the ARNs that a Glue policy names: the catalogue and what lies on the path to the resource.
func on(c access.Caller, resources ...string) []string {
	arns := []string{c.ARN("glue", "catalog")}
	for _, r := range resources {
		arns = append(arns, c.ARN("glue", r))
	}
	return arns
}

func with(prefix string, names ...string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = prefix + n
	}
	return out
}
