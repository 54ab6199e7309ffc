package process

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
)

// maxPayload bounds what goes to a function and what comes back. Source: Firehose developer guide, "Required parameters for data
// transformation": 6 MB
const maxPayload = 6 << 20

// lambda is a function and how it is invoked.
type lambda struct {
	arn     string
	retries int
	bytes   int // of records in one invocation
}

// The bodies of an invocation. Source: Firehose developer guide, "Required parameters for data transformation"
type (
	request struct {
		InvocationID string          `json:"invocationId"`
		StreamARN    string          `json:"deliveryStreamArn"`
		Region       string          `json:"region"`
		Records      []requestRecord `json:"records"`
	}
	requestRecord struct {
		ID      string `json:"recordId"`
		Arrival int64  `json:"approximateArrivalTimestamp"`
		Data    []byte `json:"data"`
	}
	response struct {
		Records []responseRecord `json:"records"`
	}
	responseRecord struct {
		ID       string  `json:"recordId"`
		Result   string  `json:"result"`
		Data     *string `json:"data"`
		Metadata struct {
			Keys map[string]string `json:"partitionKeys"`
		} `json:"metadata"`
	}
	// outcome is what is kept of an invocation, so that a batch that is delivered again does not ask again.
	outcome struct {
		Attempts int             `json:"attempts"`
		Error    string          `json:"error,omitempty"`
		Answer   json.RawMessage `json:"answer,omitempty"`
	}
)

// errNoFunctions is a defect: New refuses a function where there are none.
var errNoFunctions = errors.New("process: a stream has a function, and there are none")

// invoke hands items to the function and on what it answers for each.
func (r *Run) invoke(ctx context.Context, items []*Item) error {
	if r.env.Output == nil || r.env.Output.Transform == nil {
		return errNoFunctions
	}
	name := "lambda-" + strconv.Itoa(r.calls)
	kept, err := r.env.Output.Keep(ctx, name, func() ([]byte, error) { return r.ask(ctx, name, items) })
	if err != nil {
		return err
	}
	var out outcome
	if err := json.Unmarshal(kept, &out); err != nil {
		return err
	}
	fail := func(it *Item, code, message string) error {
		f := failed(code, "%s", message)
		f.Attempts, f.Lambda = out.Attempts, r.p.lambda.arn
		return r.sink.Fail(ctx, it, f)
	}
	if out.Error != "" {
		for _, it := range items {
			if err := fail(it, "Lambda.FunctionError", out.Error); err != nil {
				return err
			}
		}
		return nil
	}
	var answer response
	if err := json.Unmarshal(out.Answer, &answer); err != nil {
		answer = response{} // then no record's id was returned
	}
	results := make(map[string]*responseRecord, len(answer.Records))
	twice := map[string]bool{}
	for i := range answer.Records {
		id := answer.Records[i].ID
		twice[id] = results[id] != nil
		results[id] = &answer.Records[i]
	}
	for i, it := range items {
		id := r.recordID(i)
		res := results[id]
		var err error
		switch {
		case res == nil:
			err = fail(it, "Lambda.MissingRecordId", "One or more record Ids were not returned. Ensure that the Lambda function returns all received record Ids.")
		case twice[id]:
			err = fail(it, "Lambda.DuplicatedRecordId", "Multiple records were returned with the same record Id. Ensure that the Lambda function returns a unique record Id for each record.")
		case res.Result == "Dropped":
			r.sink.Drop(it.Rows)
		case res.Result == "ProcessingFailed":
			err = fail(it, "Lambda.ProcessingFailedStatus", "ProcessingFailed status set for record")
		case res.Result != "Ok":
			err = fail(it, "Lambda.InvalidReturnFormat", "The result of a record is neither Ok, Dropped nor ProcessingFailed.")
		case res.Data == nil:
			err = fail(it, "Lambda.InvalidReturnFormat", "The data field cannot be null when the processing result is Ok.")
		default:
			data, bad := base64.StdEncoding.DecodeString(*res.Data)
			if bad != nil {
				err = fail(it, "Lambda.InvalidReturnFormat", "The data field is not base64: "+bad.Error())
				break
			}
			it.Data, it.Lambda = data, res.Metadata.Keys
			err = r.keys(ctx, it)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// recordID names the i-th record of the invocation that is under way.
func (r *Run) recordID(i int) string {
	return r.env.Batch.ID.String() + "-" + strconv.Itoa(r.calls) + "-" + strconv.Itoa(i)
}

// ask invokes the function, and again as often as the settings say. A function that keeps failing is an outcome too.
func (r *Run) ask(ctx context.Context, name string, items []*Item) ([]byte, error) {
	in := request{InvocationID: r.env.Batch.UUID(name).String(), StreamARN: r.env.Batch.Stream.ARN, Region: r.env.Batch.Stream.Region}
	for i, it := range items {
		in.Records = append(in.Records, requestRecord{r.recordID(i), it.Source.Arrival.UnixMilli(), it.Data})
	}
	payload, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	var out outcome
	if len(payload) > maxPayload {
		out = outcome{Attempts: 1, Error: "The record is too large: the payload of an invocation may have 6 MB."}
		return json.Marshal(out)
	}
	caller := r.env.Batch.Stream.Caller
	for out.Attempts = 1; ; out.Attempts++ {
		answer, err := r.env.Output.Transform.Invoke(ctx, caller, r.p.lambda.arn, payload)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		switch {
		case err != nil:
			out.Error = "The Lambda function was invoked but it returned an error result: " + err.Error()
		case len(answer) > maxPayload:
			out.Error = "The Lambda function's answer is larger than 6 MB."
		default:
			out.Error, out.Answer = "", answer
			if !json.Valid(answer) {
				out.Answer = json.RawMessage("{}")
			}
			return json.Marshal(out)
		}
		if out.Attempts > r.p.lambda.retries {
			return json.Marshal(out)
		}
	}
}
