// Package athena is Athena's door: one row per operation, each of which calls query. No behaviour
// lives here.
package athena

import (
	"github.com/aws/aws-sdk-go-v2/service/athena"

	"flowlake/access"
	"flowlake/aws/wire"
	"flowlake/fault"
	"flowlake/query"
)

// Service returns Athena's table over the query room.
func Service(q *query.Queries) wire.Service {
	d := &door{q}
	return wire.Service{
		Name: "athena", Title: "Athena", Protocol: wire.JSON11, Target: "AmazonAthena.",
		Faults: []wire.FaultRule{
			{Kind: fault.Invalid, Code: "InvalidRequestException", Status: 400},
			{Kind: fault.NotFound, Code: "InvalidRequestException", Status: 400},
			{Kind: fault.Exists, Code: "InvalidRequestException", Status: 400},
			{Kind: fault.Conflict, Code: "InvalidRequestException", Status: 400},
			{Kind: fault.Unsupported, Code: "InvalidRequestException", Status: 400},
			{Kind: fault.TooLarge, Code: "InvalidRequestException", Status: 400},
			{Kind: fault.Throttled, Code: "TooManyRequestsException", Status: 400},
			{Kind: fault.Unavailable, Code: "InternalServerException", Status: 503},
			{Kind: fault.Internal, Code: "InternalServerException", Status: 500},
		},
		Operations: []wire.Operation{
			wire.Op("CreateWorkGroup", wire.Row[athena.CreateWorkGroupInput]{
				Permissions: permit("athena:CreateWorkGroup", func(in *athena.CreateWorkGroupInput) *string { return in.Name }),
				Honoured: append([]string{"Name", "Description"}, under("Configuration", "ResultConfiguration.OutputLocation",
					"EnforceWorkGroupConfiguration", "BytesScannedCutoffPerQuery")...),
				Recorded: append([]string{"Tags"}, under("Configuration", recordedSettings...)...),
				Required: []string{"Name"},
			}, d.createWorkGroup),
			wire.Op("GetWorkGroup", wire.Row[athena.GetWorkGroupInput]{
				Permissions: permit("athena:GetWorkGroup", func(in *athena.GetWorkGroupInput) *string { return in.WorkGroup }),
				Honoured:    []string{"WorkGroup"}, Required: []string{"WorkGroup"},
			}, d.getWorkGroup),
			wire.Op("ListWorkGroups", wire.Row[athena.ListWorkGroupsInput]{
				Permissions: []wire.Permission[athena.ListWorkGroupsInput]{{Action: "athena:ListWorkGroups"}},
				Honoured:    []string{"MaxResults", "NextToken"},
			}, d.listWorkGroups),
			wire.Op("UpdateWorkGroup", wire.Row[athena.UpdateWorkGroupInput]{
				Permissions: permit("athena:UpdateWorkGroup", func(in *athena.UpdateWorkGroupInput) *string { return in.WorkGroup }),
				Honoured: append([]string{"WorkGroup", "Description", "State"}, under("ConfigurationUpdates",
					"ResultConfigurationUpdates.OutputLocation", "ResultConfigurationUpdates.RemoveOutputLocation",
					"EnforceWorkGroupConfiguration", "BytesScannedCutoffPerQuery", "RemoveBytesScannedCutoffPerQuery")...),
				Recorded: under("ConfigurationUpdates", recordedUpdates...),
				Required: []string{"WorkGroup"},
			}, d.updateWorkGroup),
			wire.Op("DeleteWorkGroup", wire.Row[athena.DeleteWorkGroupInput]{
				Permissions: permit("athena:DeleteWorkGroup", func(in *athena.DeleteWorkGroupInput) *string { return in.WorkGroup }),
				Honoured:    []string{"WorkGroup", "RecursiveDeleteOption"}, Required: []string{"WorkGroup"},
			}, d.deleteWorkGroup),
			wire.Op("StartQueryExecution", wire.Row[athena.StartQueryExecutionInput]{
				Permissions: permit("athena:StartQueryExecution", func(in *athena.StartQueryExecutionInput) *string { return in.WorkGroup }),
				Honoured: []string{"QueryString", "ClientRequestToken", "QueryExecutionContext", "WorkGroup",
					"ResultConfiguration.OutputLocation"},
				Recorded: under("ResultConfiguration", "EncryptionConfiguration.EncryptionOption", "AclConfiguration", "ExpectedBucketOwner"),
				Required: []string{"QueryString"},
			}, d.startQueryExecution),
			wire.Op("GetQueryExecution", wire.Row[athena.GetQueryExecutionInput]{
				Permissions: []wire.Permission[athena.GetQueryExecutionInput]{{Action: "athena:GetQueryExecution", Resource: anyWorkgroup[athena.GetQueryExecutionInput]}},
				Honoured:    []string{"QueryExecutionId"}, Required: []string{"QueryExecutionId"},
			}, d.getQueryExecution),
			wire.Op("BatchGetQueryExecution", wire.Row[athena.BatchGetQueryExecutionInput]{
				Permissions: []wire.Permission[athena.BatchGetQueryExecutionInput]{{Action: "athena:BatchGetQueryExecution", Resource: anyWorkgroup[athena.BatchGetQueryExecutionInput]}},
				Honoured:    []string{"QueryExecutionIds"}, Required: []string{"QueryExecutionIds"},
			}, d.batchGetQueryExecution),
			wire.Op("ListQueryExecutions", wire.Row[athena.ListQueryExecutionsInput]{
				Permissions: permit("athena:ListQueryExecutions", func(in *athena.ListQueryExecutionsInput) *string { return in.WorkGroup }),
				Honoured:    []string{"WorkGroup", "MaxResults", "NextToken"},
			}, d.listQueryExecutions),
			wire.Op("StopQueryExecution", wire.Row[athena.StopQueryExecutionInput]{
				Permissions: []wire.Permission[athena.StopQueryExecutionInput]{{Action: "athena:StopQueryExecution", Resource: anyWorkgroup[athena.StopQueryExecutionInput]}},
				Honoured:    []string{"QueryExecutionId"}, Required: []string{"QueryExecutionId"},
			}, d.stopQueryExecution),
			wire.Op("GetQueryResults", wire.Row[athena.GetQueryResultsInput]{
				Permissions: []wire.Permission[athena.GetQueryResultsInput]{{Action: "athena:GetQueryResults", Resource: anyWorkgroup[athena.GetQueryResultsInput]}},
				Honoured:    []string{"QueryExecutionId", "MaxResults", "NextToken"}, Required: []string{"QueryExecutionId"},
			}, d.getQueryResults),
		},
	}
}

// recordedSettings are kept and given back, and have no effect: there is no KMS, no CloudWatch
// metric for queries yet, and one engine.
var recordedSettings = []string{"ResultConfiguration.EncryptionConfiguration.EncryptionOption", "ResultConfiguration.AclConfiguration",
	"ResultConfiguration.ExpectedBucketOwner", "PublishCloudWatchMetricsEnabled", "RequesterPaysEnabled", "EngineVersion"}

var recordedUpdates = []string{"ResultConfigurationUpdates.EncryptionConfiguration.EncryptionOption", "ResultConfigurationUpdates.RemoveEncryptionConfiguration",
	"ResultConfigurationUpdates.AclConfiguration", "ResultConfigurationUpdates.RemoveAclConfiguration",
	"ResultConfigurationUpdates.ExpectedBucketOwner", "ResultConfigurationUpdates.RemoveExpectedBucketOwner",
	"PublishCloudWatchMetricsEnabled", "RequesterPaysEnabled", "EngineVersion"}

func under(prefix string, paths ...string) []string {
	out := make([]string, len(paths))
	for i, p := range paths {
		out[i] = prefix + "." + p
	}
	return out
}

// permit is one permission on the workgroup that name finds, primary when the input names none.
func permit[In any](action string, name func(*In) *string) []wire.Permission[In] {
	return []wire.Permission[In]{{Action: action, Resource: func(c access.Caller, in *In) string {
		group := query.PrimaryWorkgroup
		if n := name(in); n != nil {
			group = *n
		}
		return c.ARN("athena", "workgroup/"+group)
	}}}
}

// anyWorkgroup is for operations on an execution, whose workgroup its id does not tell.
func anyWorkgroup[In any](c access.Caller, _ *In) string { return c.ARN("athena", "workgroup/*") }

type door struct{ q *query.Queries }
