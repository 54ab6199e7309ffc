// Package athena is Athena's door: one row per operation, each of which calls query. No behaviour
// lives here.
package athena

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/athena"

	"flowlake/access"
	"flowlake/aws/wire"
	"flowlake/query"
)

type door struct{ q *query.Queries }

// Service returns Athena's table over the query room.
func Service(q *query.Queries) wire.Service {
	d := &door{q}
	s := wire.Service{Name: "athena", Title: "Athena", Protocol: wire.JSON11, Target: "AmazonAthena.", Faults: faults}
	for _, rows := range [][]wire.Operation{d.workgroups(), d.executions(), d.metadata(), d.tags()} {
		s.Operations = append(s.Operations, rows...)
	}
	return s
}

func (d *door) workgroups() []wire.Operation {
	return []wire.Operation{
		op("CreateWorkGroup", wire.Row[athena.CreateWorkGroupInput]{
			Permissions: permit("athena:CreateWorkGroup", func(in *athena.CreateWorkGroupInput) *string { return in.Name }),
			Honoured:    append([]string{"Name", "Description", "Tags"}, under("Configuration", "ResultConfiguration", honouredSettings)...),
			Recorded:    under("Configuration", "ResultConfiguration", recordedSettings),
			Required:    []string{"Name", "Tags.Key"},
		}, d.createWorkGroup),
		op("GetWorkGroup", wire.Row[athena.GetWorkGroupInput]{
			Permissions: permit("athena:GetWorkGroup", func(in *athena.GetWorkGroupInput) *string { return in.WorkGroup }),
			Honoured:    []string{"WorkGroup"}, Required: []string{"WorkGroup"},
		}, d.getWorkGroup),
		op("ListWorkGroups", wire.Row[athena.ListWorkGroupsInput]{
			Permissions: []wire.Permission[athena.ListWorkGroupsInput]{{Action: "athena:ListWorkGroups"}},
			Honoured:    []string{"MaxResults", "NextToken"},
		}, d.listWorkGroups),
		op("UpdateWorkGroup", wire.Row[athena.UpdateWorkGroupInput]{
			Permissions: permit("athena:UpdateWorkGroup", func(in *athena.UpdateWorkGroupInput) *string { return in.WorkGroup }),
			Honoured: append([]string{"WorkGroup", "Description", "State", "ConfigurationUpdates.RemoveBytesScannedCutoffPerQuery",
				"ConfigurationUpdates.ResultConfigurationUpdates.RemoveOutputLocation",
				"ConfigurationUpdates.ResultConfigurationUpdates.RemoveExpectedBucketOwner"},
				under("ConfigurationUpdates", "ResultConfigurationUpdates", honouredSettings)...),
			Recorded: append([]string{"ConfigurationUpdates.ResultConfigurationUpdates.RemoveEncryptionConfiguration",
				"ConfigurationUpdates.ResultConfigurationUpdates.RemoveAclConfiguration"},
				under("ConfigurationUpdates", "ResultConfigurationUpdates", recordedSettings)...),
			Required: []string{"WorkGroup"},
		}, d.updateWorkGroup),
		op("DeleteWorkGroup", wire.Row[athena.DeleteWorkGroupInput]{
			Permissions: permit("athena:DeleteWorkGroup", func(in *athena.DeleteWorkGroupInput) *string { return in.WorkGroup }),
			Honoured:    []string{"WorkGroup", "RecursiveDeleteOption"}, Required: []string{"WorkGroup"},
		}, d.deleteWorkGroup),
	}
}

func (d *door) executions() []wire.Operation {
	return []wire.Operation{
		op("StartQueryExecution", wire.Row[athena.StartQueryExecutionInput]{
			Permissions: permit("athena:StartQueryExecution", func(in *athena.StartQueryExecutionInput) *string { return in.WorkGroup }),
			Honoured: []string{"QueryString", "ClientRequestToken", "QueryExecutionContext", "WorkGroup",
				"ResultConfiguration.OutputLocation", "ResultConfiguration.ExpectedBucketOwner",
				"ResultReuseConfiguration.ResultReuseByAgeConfiguration.Enabled"}, // false: true is refused
			Recorded: []string{"ResultConfiguration.EncryptionConfiguration.EncryptionOption", "ResultConfiguration.AclConfiguration",
				"ResultReuseConfiguration.ResultReuseByAgeConfiguration.MaxAgeInMinutes"},
			Required: []string{"QueryString"},
		}, d.startQueryExecution),
		op("GetQueryExecution", wire.Row[athena.GetQueryExecutionInput]{
			Permissions: asked[athena.GetQueryExecutionInput]("athena:GetQueryExecution"),
			Honoured:    []string{"QueryExecutionId"}, Required: []string{"QueryExecutionId"},
		}, d.getQueryExecution),
		op("BatchGetQueryExecution", wire.Row[athena.BatchGetQueryExecutionInput]{
			Permissions: asked[athena.BatchGetQueryExecutionInput]("athena:BatchGetQueryExecution"),
			Honoured:    []string{"QueryExecutionIds"}, Required: []string{"QueryExecutionIds"},
		}, d.batchGetQueryExecution),
		op("ListQueryExecutions", wire.Row[athena.ListQueryExecutionsInput]{
			Permissions: permit("athena:ListQueryExecutions", func(in *athena.ListQueryExecutionsInput) *string { return in.WorkGroup }),
			Honoured:    []string{"WorkGroup", "MaxResults", "NextToken"},
		}, d.listQueryExecutions),
		op("StopQueryExecution", wire.Row[athena.StopQueryExecutionInput]{
			Permissions: asked[athena.StopQueryExecutionInput]("athena:StopQueryExecution"),
			Honoured:    []string{"QueryExecutionId"}, Required: []string{"QueryExecutionId"},
		}, d.stopQueryExecution),
		op("GetQueryResults", wire.Row[athena.GetQueryResultsInput]{
			Permissions: asked[athena.GetQueryResultsInput]("athena:GetQueryResults"),
			Honoured:    []string{"QueryExecutionId", "MaxResults", "NextToken"}, Required: []string{"QueryExecutionId"},
		}, d.getQueryResults),
	}
}

// honouredSettings and recordedSettings are a workgroup's, in both shapes that name them; what begins with "." is
// below the result configuration. What is recorded is kept and given back, and has no effect: there is no KMS, no
// CloudWatch metric for queries yet, and one engine.
var (
	honouredSettings = []string{".OutputLocation", ".ExpectedBucketOwner", "EnforceWorkGroupConfiguration", "BytesScannedCutoffPerQuery",
		"RequesterPaysEnabled"} // false: true is refused
	recordedSettings = []string{".EncryptionConfiguration.EncryptionOption", ".AclConfiguration", "PublishCloudWatchMetricsEnabled",
		"EngineVersion"}
)

func under(configuration, results string, settings []string) []string {
	out := make([]string, len(settings))
	for i, s := range settings {
		if s[0] == '.' {
			s = results + s
		}
		out[i] = configuration + "." + s
	}
	return out
}

// permit is one permission on the workgroup that name finds, primary when the input names none.
func permit[In any](action string, name func(*In) *string) []wire.Permission[In] {
	return []wire.Permission[In]{{Action: action, Resource: func(c access.Caller, in *In) string {
		group := query.PrimaryWorkgroup
		if n := aws.ToString(name(in)); n != "" {
			group = n
		}
		return c.ARN("athena", "workgroup/"+group)
	}}}
}

// asked declares a permission that the room asks for: only it knows the workgroup of an execution.
func asked[In any](action string) []wire.Permission[In] {
	return []wire.Permission[In]{{Action: action, When: func(*In) bool { return false }}}
}
