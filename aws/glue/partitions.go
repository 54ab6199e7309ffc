package glue

import (
	"context"

	api "github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"

	"flowlake/access"
	"flowlake/aws/wire"
	"flowlake/catalog"
	"flowlake/fault"
)

// Glue's limits of batches.
const (
	maxCreate = 100
	maxGet    = 1000
	maxDelete = 25
)

func partitionPaths(prefix string) (honoured, recorded []string) {
	honoured = append(with(prefix, "Values", "Parameters"), with(prefix+"StorageDescriptor.", descriptorHonoured...)...)
	recorded = append(with(prefix, "LastAccessTime", "LastAnalyzedTime"), with(prefix+"StorageDescriptor.", descriptorRecorded...)...)
	return honoured, recorded
}

func (d *door) partitions() []wire.Operation {
	named := []string{"CatalogId", "DatabaseName", "TableName"}
	needs := func(more ...string) []string { return append([]string{"DatabaseName", "TableName"}, more...) }
	one, oneKept := partitionPaths("PartitionInput.")
	many, manyKept := partitionPaths("PartitionInputList.")
	return []wire.Operation{
		wire.Op("CreatePartition", wire.Row[api.CreatePartitionInput]{
			Permissions: []wire.Permission[api.CreatePartitionInput]{{Action: "glue:CreatePartition", Resources: func(c access.Caller, in *api.CreatePartitionInput) []string {
				return tableARNs(c, in.DatabaseName, text(in.TableName))
			}}},
			Honoured: append(one, named...), Recorded: oneKept, Required: needs("PartitionInput"),
		}, d.createPartition),
		wire.Op("BatchCreatePartition", wire.Row[api.BatchCreatePartitionInput]{
			Permissions: []wire.Permission[api.BatchCreatePartitionInput]{{Action: "glue:BatchCreatePartition", Resources: func(c access.Caller, in *api.BatchCreatePartitionInput) []string {
				return tableARNs(c, in.DatabaseName, text(in.TableName))
			}}},
			Honoured: append(many, named...), Recorded: manyKept, Required: needs("PartitionInputList"), MaxBody: 8 << 20,
		}, d.batchCreatePartition),
		wire.Op("GetPartition", wire.Row[api.GetPartitionInput]{
			Permissions: []wire.Permission[api.GetPartitionInput]{{Action: "glue:GetPartition", Resources: func(c access.Caller, in *api.GetPartitionInput) []string {
				return tableARNs(c, in.DatabaseName, text(in.TableName))
			}}},
			Honoured: append([]string{"PartitionValues"}, named...), Required: needs("PartitionValues"),
		}, d.getPartition),
		wire.Op("GetPartitions", wire.Row[api.GetPartitionsInput]{
			Permissions: []wire.Permission[api.GetPartitionsInput]{{Action: "glue:GetPartitions", Resources: func(c access.Caller, in *api.GetPartitionsInput) []string {
				return tableARNs(c, in.DatabaseName, text(in.TableName))
			}}},
			Honoured: append([]string{"Expression", "Segment", "MaxResults", "NextToken", "ExcludeColumnSchema"}, named...), Required: needs(),
		}, d.getPartitions),
		wire.Op("BatchGetPartition", wire.Row[api.BatchGetPartitionInput]{
			Permissions: []wire.Permission[api.BatchGetPartitionInput]{{Action: "glue:BatchGetPartition", Resources: func(c access.Caller, in *api.BatchGetPartitionInput) []string {
				return tableARNs(c, in.DatabaseName, text(in.TableName))
			}}},
			Honoured: append([]string{"PartitionsToGet"}, named...), Required: needs("PartitionsToGet"),
		}, d.batchGetPartition),
		wire.Op("UpdatePartition", wire.Row[api.UpdatePartitionInput]{
			Permissions: []wire.Permission[api.UpdatePartitionInput]{{Action: "glue:UpdatePartition", Resources: func(c access.Caller, in *api.UpdatePartitionInput) []string {
				return tableARNs(c, in.DatabaseName, text(in.TableName))
			}}},
			Honoured: append(append([]string{"PartitionValueList"}, named...), one...), Recorded: oneKept,
			Required: needs("PartitionInput", "PartitionValueList"),
		}, d.updatePartition),
		wire.Op("DeletePartition", wire.Row[api.DeletePartitionInput]{
			Permissions: []wire.Permission[api.DeletePartitionInput]{{Action: "glue:DeletePartition", Resources: func(c access.Caller, in *api.DeletePartitionInput) []string {
				return tableARNs(c, in.DatabaseName, text(in.TableName))
			}}},
			Honoured: append([]string{"PartitionValues"}, named...), Required: needs("PartitionValues"),
		}, d.deletePartition),
		wire.Op("BatchDeletePartition", wire.Row[api.BatchDeletePartitionInput]{
			Permissions: []wire.Permission[api.BatchDeletePartitionInput]{{Action: "glue:BatchDeletePartition", Resources: func(c access.Caller, in *api.BatchDeletePartitionInput) []string {
				return tableARNs(c, in.DatabaseName, text(in.TableName))
			}}},
			Honoured: append([]string{"PartitionsToDelete"}, named...), Required: needs("PartitionsToDelete"),
		}, d.batchDeletePartition),
	}
}

func (d *door) createPartition(ctx context.Context, c access.Caller, in *api.CreatePartitionInput) (*api.CreatePartitionOutput, error) {
	if err := account(c, in.CatalogId); err != nil {
		return nil, err
	}
	return nil, d.cat.CreatePartition(ctx, c, text(in.DatabaseName), text(in.TableName), partitionOf(*in.PartitionInput))
}

func (d *door) batchCreatePartition(ctx context.Context, c access.Caller, in *api.BatchCreatePartitionInput) (*api.BatchCreatePartitionOutput, error) {
	if err := account(c, in.CatalogId); err != nil {
		return nil, err
	}
	if err := batch("PartitionInputList", len(in.PartitionInputList), maxCreate); err != nil {
		return nil, err
	}
	ps := make([]catalog.Partition, len(in.PartitionInputList))
	for i, p := range in.PartitionInputList {
		ps[i] = partitionOf(p)
	}
	failures, err := d.cat.CreatePartitions(ctx, c, text(in.DatabaseName), text(in.TableName), ps)
	return &api.BatchCreatePartitionOutput{Errors: partitionErrors(failures)}, err
}

func (d *door) getPartition(ctx context.Context, c access.Caller, in *api.GetPartitionInput) (*api.GetPartitionOutput, error) {
	if err := account(c, in.CatalogId); err != nil {
		return nil, err
	}
	p, err := d.cat.Partition(ctx, c, text(in.DatabaseName), text(in.TableName), in.PartitionValues)
	if err != nil {
		return nil, err
	}
	shown := partitionShape(c, lower(in.DatabaseName), lower(in.TableName), p)
	return &api.GetPartitionOutput{Partition: &shown}, nil
}

func (d *door) getPartitions(ctx context.Context, c access.Caller, in *api.GetPartitionsInput) (*api.GetPartitionsOutput, error) {
	if err := account(c, in.CatalogId); err != nil {
		return nil, err
	}
	size, err := pageSize(in.MaxResults, maxGet)
	if err != nil {
		return nil, err
	}
	f := catalog.PartitionFilter{Expression: text(in.Expression), Max: size}
	if in.Segment != nil {
		if err := required(in.Segment.TotalSegments, "Segment.TotalSegments"); err != nil {
			return nil, err
		}
		f.Segment = catalog.Segment{Number: int(in.Segment.SegmentNumber), Total: int(*in.Segment.TotalSegments)}
		if f.Segment.Total == 0 { // the zero Segment would be the whole
			return nil, fault.Newf(fault.Invalid, "member Segment.TotalSegments", "is 0; 1 to 10 are allowed")
		}
	}
	q := question("GetPartitions", lower(in.DatabaseName), lower(in.TableName), f.Expression, f.Segment.Number, f.Segment.Total)
	if f.After, err = openToken(in.NextToken, q); err != nil {
		return nil, err
	}
	page, more, err := d.cat.Partitions(ctx, c, text(in.DatabaseName), text(in.TableName), f)
	if err != nil {
		return nil, err
	}
	out := &api.GetPartitionsOutput{Partitions: []types.Partition{}}
	for _, p := range page {
		shown := partitionShape(c, lower(in.DatabaseName), lower(in.TableName), p)
		if in.ExcludeColumnSchema != nil && *in.ExcludeColumnSchema {
			shown.StorageDescriptor.Columns = nil
		}
		out.Partitions = append(out.Partitions, shown)
	}
	if more {
		out.NextToken = makeToken(q, page[len(page)-1].Values)
	}
	return out, nil
}

func (d *door) batchGetPartition(ctx context.Context, c access.Caller, in *api.BatchGetPartitionInput) (*api.BatchGetPartitionOutput, error) {
	if err := account(c, in.CatalogId); err != nil {
		return nil, err
	}
	if err := batch("PartitionsToGet", len(in.PartitionsToGet), maxGet); err != nil {
		return nil, err
	}
	// Keys that do not exist are left out of the answer, as in Glue. UnprocessedKeys are those that the
	// service had no time for: there are none here.
	found, _, err := d.cat.PartitionsOf(ctx, c, text(in.DatabaseName), text(in.TableName), valuesOf(in.PartitionsToGet))
	if err != nil {
		return nil, err
	}
	out := &api.BatchGetPartitionOutput{Partitions: []types.Partition{}, UnprocessedKeys: []types.PartitionValueList{}}
	for _, p := range found {
		out.Partitions = append(out.Partitions, partitionShape(c, lower(in.DatabaseName), lower(in.TableName), p))
	}
	return out, nil
}

func (d *door) updatePartition(ctx context.Context, c access.Caller, in *api.UpdatePartitionInput) (*api.UpdatePartitionOutput, error) {
	if err := account(c, in.CatalogId); err != nil {
		return nil, err
	}
	p := partitionOf(*in.PartitionInput)
	if p.Values == nil {
		p.Values = in.PartitionValueList
	}
	return nil, d.cat.UpdatePartition(ctx, c, text(in.DatabaseName), text(in.TableName), in.PartitionValueList, p)
}

func (d *door) deletePartition(ctx context.Context, c access.Caller, in *api.DeletePartitionInput) (*api.DeletePartitionOutput, error) {
	if err := account(c, in.CatalogId); err != nil {
		return nil, err
	}
	return nil, d.cat.DeletePartition(ctx, c, text(in.DatabaseName), text(in.TableName), in.PartitionValues)
}

func (d *door) batchDeletePartition(ctx context.Context, c access.Caller, in *api.BatchDeletePartitionInput) (*api.BatchDeletePartitionOutput, error) {
	if err := account(c, in.CatalogId); err != nil {
		return nil, err
	}
	if err := batch("PartitionsToDelete", len(in.PartitionsToDelete), maxDelete); err != nil {
		return nil, err
	}
	failures, err := d.cat.DeletePartitions(ctx, c, text(in.DatabaseName), text(in.TableName), valuesOf(in.PartitionsToDelete))
	return &api.BatchDeletePartitionOutput{Errors: partitionErrors(failures)}, err
}

func batch(member string, n, most int) error {
	if n > most {
		return fault.Newf(fault.Invalid, "member "+member, "has %d items; at most %d are allowed", n, most)
	}
	return nil
}

func valuesOf(lists []types.PartitionValueList) [][]string {
	out := make([][]string, len(lists))
	for i, l := range lists {
		out[i] = l.Values
	}
	return out
}

func partitionErrors(failures []catalog.PartitionError) []types.PartitionError {
	out := make([]types.PartitionError, 0, len(failures))
	for _, f := range failures {
		out = append(out, types.PartitionError{PartitionValues: f.Values, ErrorDetail: itemError(f.Err)})
	}
	return out
}

func partitionOf(in types.PartitionInput) catalog.Partition {
	return catalog.Partition{Values: in.Values, Storage: storageOf(in.StorageDescriptor), Parameters: in.Parameters,
		LastAccess: timeOf(in.LastAccessTime), LastAnalyzed: timeOf(in.LastAnalyzedTime)}
}

func partitionShape(c access.Caller, database, table string, p catalog.Partition) types.Partition {
	return types.Partition{Values: p.Values, DatabaseName: &database, TableName: &table, CatalogId: &c.Account,
		CreationTime: moment(p.Created), LastAccessTime: moment(p.LastAccess), LastAnalyzedTime: moment(p.LastAnalyzed),
		Parameters: p.Parameters, StorageDescriptor: storageShape(p.Storage)}
}
