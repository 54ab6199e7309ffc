package athena

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	"github.com/aws/aws-sdk-go-v2/service/athena/types"

	"flowlake/access"
	"flowlake/aws/wire"
	"flowlake/fault"
	"flowlake/query"
)

func (d *door) startQueryExecution(ctx context.Context, c access.Caller, in *athena.StartQueryExecutionInput) (*athena.StartQueryExecutionOutput, error) {
	start := query.StartInput{
		Text: *in.QueryString, Workgroup: aws.ToString(in.WorkGroup), Token: aws.ToString(in.ClientRequestToken), Output: resultConfig(in.ResultConfiguration),
	}
	if x := in.QueryExecutionContext; x != nil {
		start.Database, start.Catalog = aws.ToString(x.Database), aws.ToString(x.Catalog)
	}
	if r := in.ResultReuseConfiguration; r != nil && r.ResultReuseByAgeConfiguration != nil && r.ResultReuseByAgeConfiguration.Enabled {
		return nil, fault.Newf(fault.Unsupported, "ResultReuseConfiguration", "flowlake does not reuse results")
	}
	id, err := d.q.Start(ctx, c, start)
	if err != nil {
		return nil, err
	}
	return &athena.StartQueryExecutionOutput{QueryExecutionId: &id}, nil
}

func (d *door) getQueryExecution(ctx context.Context, c access.Caller, in *athena.GetQueryExecutionInput) (*athena.GetQueryExecutionOutput, error) {
	e, err := d.q.Execution(ctx, c, *in.QueryExecutionId)
	if err != nil {
		return nil, err
	}
	return &athena.GetQueryExecutionOutput{QueryExecution: show(e)}, nil
}

func show(e query.Execution) *types.QueryExecution {
	out := &types.QueryExecution{
		QueryExecutionId: &e.ID, Query: &e.Text, WorkGroup: &e.Workgroup, EngineVersion: &types.EngineVersion{SelectedEngineVersion: aws.String("AUTO"), EffectiveEngineVersion: aws.String(query.EngineVersion)},
		StatementType: types.StatementType(e.Kind), SubstatementType: &e.Statement,
		QueryExecutionContext: &types.QueryExecutionContext{Database: textOrNil(e.Database), Catalog: textOrNil(e.Catalog)},
		ResultConfiguration:   showResultConfig(e.Output),
		Status:                &types.QueryExecutionStatus{State: types.QueryExecutionState(e.State), SubmissionDateTime: &e.Submitted},
		Statistics: &types.QueryExecutionStatistics{
			DataScannedInBytes:          &e.Scanned,
			EngineExecutionTimeInMillis: aws.Int64(e.Took.Milliseconds()),
			QueryQueueTimeInMillis:      aws.Int64(e.QueueTime().Milliseconds()),
			TotalExecutionTimeInMillis:  aws.Int64(e.TotalTime().Milliseconds()),
			ResultReuseInformation:      &types.ResultReuseInformation{ReusedPreviousResult: false},
		},
	}
	if e.Reason != "" {
		out.Status.StateChangeReason = &e.Reason
	}
	if !e.Completed.IsZero() {
		out.Status.CompletionDateTime = &e.Completed
	}
	if f := e.Failure; f != nil {
		out.Status.AthenaError = &types.AthenaError{ErrorCategory: &f.Category, ErrorType: &f.Type, ErrorMessage: &f.Message, Retryable: f.Retryable}
	}
	return out
}

func (d *door) batchGetQueryExecution(ctx context.Context, c access.Caller, in *athena.BatchGetQueryExecutionInput) (*athena.BatchGetQueryExecutionOutput, error) {
	if n := len(in.QueryExecutionIds); n < 1 || n > 50 {
		return nil, fault.Newf(fault.Invalid, "QueryExecutionIds", "has %d ids, 1 to 50 are taken", n)
	}
	out := &athena.BatchGetQueryExecutionOutput{QueryExecutions: []types.QueryExecution{}, UnprocessedQueryExecutionIds: []types.UnprocessedQueryExecutionId{}}
	found, refused, err := d.q.Batch(ctx, c, in.QueryExecutionIds)
	if err != nil {
		return nil, err
	}
	for _, e := range found {
		out.QueryExecutions = append(out.QueryExecutions, *show(e))
	}
	for _, id := range in.QueryExecutionIds {
		var why *wire.Error
		if errors.As(worded(refused[id]), &why) {
			out.UnprocessedQueryExecutionIds = append(out.UnprocessedQueryExecutionIds, types.UnprocessedQueryExecutionId{
				QueryExecutionId: &id, ErrorCode: aws.String(why.Fields["AthenaErrorCode"]), ErrorMessage: &why.Message,
			})
		}
	}
	return out, nil
}

func (d *door) listQueryExecutions(ctx context.Context, c access.Caller, in *athena.ListQueryExecutionsInput) (*athena.ListQueryExecutionsOutput, error) {
	max, err := pageSize(in.MaxResults, 50)
	if err != nil {
		return nil, err
	}
	group := query.PrimaryWorkgroup
	if w := aws.ToString(in.WorkGroup); w != "" {
		group = w
	}
	ids, next, err := d.q.Executions(ctx, c, group, aws.ToString(in.NextToken), max)
	if err != nil {
		return nil, err
	}
	out := &athena.ListQueryExecutionsOutput{QueryExecutionIds: ids}
	if out.QueryExecutionIds == nil {
		out.QueryExecutionIds = []string{}
	}
	if next != "" {
		out.NextToken = &next
	}
	return out, nil
}

func (d *door) stopQueryExecution(ctx context.Context, c access.Caller, in *athena.StopQueryExecutionInput) (*athena.StopQueryExecutionOutput, error) {
	return nil, d.q.Stop(ctx, c, *in.QueryExecutionId)
}

func (d *door) getQueryResults(ctx context.Context, c access.Caller, in *athena.GetQueryResultsInput) (*athena.GetQueryResultsOutput, error) {
	max, err := pageSize(in.MaxResults, query.MaxPage)
	if err != nil {
		return nil, err
	}
	page, err := d.q.Results(ctx, c, *in.QueryExecutionId, aws.ToString(in.NextToken), max)
	if err != nil {
		return nil, err
	}
	set := &types.ResultSet{Rows: make([]types.Row, len(page.Rows)), ResultSetMetadata: &types.ResultSetMetadata{ColumnInfo: []types.ColumnInfo{}}}
	for _, col := range page.Columns {
		set.ResultSetMetadata.ColumnInfo = append(set.ResultSetMetadata.ColumnInfo, types.ColumnInfo{
			CatalogName: aws.String("hive"), SchemaName: aws.String(""), TableName: aws.String(""),
			Name: &col.Name, Label: &col.Name, Type: &col.Type, Precision: col.Precision, Scale: col.Scale,
			Nullable: types.ColumnNullable(col.Nullable), CaseSensitive: col.Type == "varchar" || col.Type == "char",
		})
	}
	for i, row := range page.Rows {
		set.Rows[i].Data = make([]types.Datum, len(row))
		for j, v := range row {
			set.Rows[i].Data[j].VarCharValue = v
		}
	}
	out := &athena.GetQueryResultsOutput{ResultSet: set}
	if len(page.Columns) > 0 { // not of DDL
		out.UpdateCount = aws.Int64(0)
	}
	if page.Next != "" {
		out.NextToken = &page.Next
	}
	return out, nil
}
