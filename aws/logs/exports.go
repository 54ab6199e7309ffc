package logs

import (
	"context"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/logs"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

func (d door) createExportTask(ctx context.Context, c access.Caller, in *api.CreateExportTaskInput) (*api.CreateExportTaskOutput, error) {
	id, err := d.room.CreateExport(ctx, c, logs.ExportInput{
		Name:         text(in.TaskName),
		Group:        *in.LogGroupName,
		StreamPrefix: text(in.LogStreamNamePrefix),
		FromMillis:   *in.From,
		ToMillis:     *in.To,
		Bucket:       *in.Destination,
		Prefix:       text(in.DestinationPrefix),
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateExportTaskOutput{TaskId: aws.String(id)}, nil
}

func (d door) describeExportTasks(ctx context.Context, c access.Caller, in *api.DescribeExportTasksInput) (*api.DescribeExportTasksOutput, error) {
	out := &api.DescribeExportTasksOutput{ExportTasks: []types.ExportTask{}}
	if in.TaskId != nil {
		task, err := d.room.Export(ctx, c, *in.TaskId)
		if fault.Is(err, fault.NotFound) {
			return out, nil // the id is a filter, which lets one task through or none
		}
		if err != nil {
			return nil, err
		}
		if in.StatusCode == "" || task.Status == logs.ExportStatus(in.StatusCode) {
			out.ExportTasks = append(out.ExportTasks, shownTask(task))
		}
		return out, nil
	}
	page, err := d.room.Exports(ctx, c, logs.ExportQuery{Status: logs.ExportStatus(in.StatusCode), Limit: pageLimit(in.Limit), Token: text(in.NextToken)})
	if err != nil {
		return nil, err
	}
	for _, task := range page.Exports {
		out.ExportTasks = append(out.ExportTasks, shownTask(task))
	}
	out.NextToken = token(page.Next)
	return out, nil
}

func shownTask(t logs.Export) types.ExportTask {
	shown := types.ExportTask{
		TaskId:            aws.String(t.ID),
		LogGroupName:      aws.String(t.Group),
		From:              aws.Int64(t.FromMillis),
		To:                aws.Int64(t.ToMillis),
		Destination:       aws.String(t.Bucket),
		DestinationPrefix: aws.String(t.Prefix),
		Status:            &types.ExportTaskStatus{Code: types.ExportTaskStatusCode(t.Status), Message: token(t.Message)},
		ExecutionInfo:     &types.ExportTaskExecutionInfo{CreationTime: aws.Int64(t.CreatedMillis)},
		TaskName:          token(t.Name),
	}
	if t.CompletedMillis != 0 {
		shown.ExecutionInfo.CompletionTime = aws.Int64(t.CompletedMillis)
	}
	return shown
}

func (d door) cancelExportTask(ctx context.Context, c access.Caller, in *api.CancelExportTaskInput) (*api.CancelExportTaskOutput, error) {
	return nil, d.room.CancelExport(ctx, c, *in.TaskId)
}
