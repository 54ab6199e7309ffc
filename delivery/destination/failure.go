package destination

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"time"

	"flowlake/delivery/convert"
	"flowlake/delivery/prefix"
	"flowlake/delivery/process"
	"flowlake/lake"
)

// processingFailure is a record below the error prefix that a processor could not take.
//
// Source: Firehose developer guide, "Handle failure in data transformation"
type processingFailure struct {
	Attempts int    `json:"attemptsMade"`
	Arrival  int64  `json:"arrivalTimestamp"` // milliseconds since 1970
	Code     string `json:"errorCode"`
	Message  string `json:"errorMessage"`
	Ending   int64  `json:"attemptEndingTimestamp"`
	Raw      []byte `json:"rawData"`
	Lambda   string `json:"lambdaArn,omitempty"`
}

// conversionFailure is one that was not converted.
//
// Source: Firehose developer guide, "Handle errors for data format conversion"
type conversionFailure struct {
	Attempts int         `json:"attemptsMade"`
	Arrival  int64       `json:"arrivalTimestamp"`
	Code     string      `json:"lastErrorCode"`
	Message  string      `json:"lastErrorMessage"`
	Ending   int64       `json:"attemptEndingTimestamp"`
	Raw      []byte      `json:"rawData"`
	Sequence string      `json:"sequenceNumber"`
	Sub      *int64      `json:"subSequenceNumber"`
	Table    failedTable `json:"dataCatalogTable"`
}

type failedTable struct {
	Catalog  string `json:"catalogId"`
	Database string `json:"databaseName"`
	Table    string `json:"tableName"`
	Region   string `json:"region"`
	Version  string `json:"versionId"`
	RoleARN  string `json:"roleArn"`
}

// Fail writes a record below the error prefix. It meets process.Sink.
func (r *run) Fail(ctx context.Context, it *process.Item, f *process.Failure) error {
	if r.fresh != nil {
		return nil
	}
	raw, err := it.Source.Raw()
	if err != nil {
		return err
	}
	r.out.Failed(it.Rows)
	return r.write(ctx, f.Kind, processingFailure{
		Attempts: f.Attempts, Arrival: it.Source.Arrival.UnixMilli(), Code: f.Code, Message: f.Message, Ending: time.Now().UnixMilli(), Raw: raw, Lambda: f.Lambda})
}

// unconverted writes a record below the error prefix that does not convert.
func (r *run) unconverted(ctx context.Context, it *process.Item, problem error) error {
	p, ok := errors.AsType[*convert.Problem](problem)
	if !ok {
		return problem
	}
	if r.fresh != nil {
		return nil
	}
	raw, err := it.Source.Raw()
	if err != nil {
		return err
	}
	r.out.Failed(it.Rows)
	return r.write(ctx, prefix.ConversionFailed, conversionFailure{
		Attempts: 1, Arrival: it.Source.Arrival.UnixMilli(), Code: p.Code, Message: p.Message, Ending: time.Now().UnixMilli(), Raw: raw,
		Sequence: strconv.FormatUint(it.Source.Sequence, 10), Table: r.failedTable(r.plan.Name, strconv.FormatInt(r.plan.Version, 10)),
	})
}

// failedTable is the conversion's table.
func (r *run) failedTable(name, version string) failedTable {
	ref := r.settings.Settings.table(r.batch.Stream)
	return failedTable{Catalog: r.batch.Stream.Account, Database: ref.Database, Table: name, Region: ref.Region, Version: version, RoleARN: r.settings.Conversion.Schema.RoleARN}
}

// write appends a failure to the object of its kind: JSON, one a line.
func (r *run) write(ctx context.Context, kind string, failure any) error {
	to := r.failures[kind]
	if to == nil {
		key, err := r.settings.layout.ErrorKey(r.key(r.batch.ID), kind)
		if err != nil {
			return err
		}
		if to, err = r.out.Create(ctx, r.batch.Stream.Caller, lake.PutInput{Bucket: r.settings.bucket, Key: key, Size: -1, Headers: lake.Headers{ContentType: contentType}}); err != nil {
			return err
		}
		if r.failures == nil {
			r.failures = map[string]io.WriteCloser{}
		}
		r.failures[kind] = to
	}
	line, err := json.Marshal(failure)
	if err != nil {
		return err
	}
	_, err = to.Write(append(line, '\n'))
	return err
}
