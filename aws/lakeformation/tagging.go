package lakeformation

import (
	"context"
	"maps"
	"slices"

	api "github.com/aws/aws-sdk-go-v2/service/lakeformation"
	"github.com/aws/aws-sdk-go-v2/service/lakeformation/types"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/aws/wire"
)

func (d *door) tagging() []wire.Operation {
	assign := []string{"CatalogId", "Resource", "LFTags"}
	search := []string{"CatalogId", "Expression", "MaxResults", "NextToken"}
	return []wire.Operation{
		wire.Op("AddLFTagsToResource", wire.Row[api.AddLFTagsToResourceInput]{
			Permissions: permit[api.AddLFTagsToResourceInput]("AddLFTagsToResource"), Honoured: assign, Required: []string{"Resource", "LFTags", "LFTags.TagKey", "LFTags.TagValues"},
		}, func(ctx context.Context, c access.Caller, in *api.AddLFTagsToResourceInput) (*api.AddLFTagsToResourceOutput, error) {
			failures, err := assigned(ctx, c, in.CatalogId, in.Resource, in.LFTags, d.f.SetTags)
			return &api.AddLFTagsToResourceOutput{Failures: failures}, err
		}),
		wire.Op("RemoveLFTagsFromResource", wire.Row[api.RemoveLFTagsFromResourceInput]{
			Permissions: permit[api.RemoveLFTagsFromResourceInput]("RemoveLFTagsFromResource"), Honoured: assign, Required: []string{"Resource", "LFTags", "LFTags.TagKey", "LFTags.TagValues"},
		}, func(ctx context.Context, c access.Caller, in *api.RemoveLFTagsFromResourceInput) (*api.RemoveLFTagsFromResourceOutput, error) {
			failures, err := assigned(ctx, c, in.CatalogId, in.Resource, in.LFTags, d.f.UnsetTags)
			return &api.RemoveLFTagsFromResourceOutput{Failures: failures}, err
		}),
		wire.Op("GetResourceLFTags", wire.Row[api.GetResourceLFTagsInput]{
			Permissions: permit[api.GetResourceLFTagsInput]("GetResourceLFTags"), Honoured: []string{"CatalogId", "Resource", "ShowAssignedLFTags"}, Required: []string{"Resource"},
		}, func(ctx context.Context, c access.Caller, in *api.GetResourceLFTagsInput) (*api.GetResourceLFTagsOutput, error) {
			if err := account(c, in.CatalogId); err != nil {
				return nil, err
			}
			r, err := resourceOf(c, in.Resource)
			if err != nil {
				return nil, err
			}
			t, err := d.f.TagsOf(ctx, c, r, !yes(in.ShowAssignedLFTags))
			return &api.GetResourceLFTagsOutput{LFTagOnDatabase: pairs(c, t.OnDatabase), LFTagsOnTable: pairs(c, t.OnTable), LFTagsOnColumns: columnPairs(c, t.OnColumns)}, err
		}),
		wire.Op("SearchDatabasesByLFTags", wire.Row[api.SearchDatabasesByLFTagsInput]{
			Permissions: permit[api.SearchDatabasesByLFTagsInput]("SearchDatabasesByLFTags"), Honoured: search, Required: []string{"Expression"},
		}, func(ctx context.Context, c access.Caller, in *api.SearchDatabasesByLFTagsInput) (*api.SearchDatabasesByLFTagsOutput, error) {
			list, next, err := d.found(ctx, c, false, in.CatalogId, in.Expression, in.NextToken, in.MaxResults)
			out := &api.SearchDatabasesByLFTagsOutput{NextToken: next, DatabaseList: []types.TaggedDatabase{}}
			for _, t := range list {
				out.DatabaseList = append(out.DatabaseList, types.TaggedDatabase{Database: resource(c, t.Resource).Database, LFTags: pairs(c, t.Tags.OnDatabase)})
			}
			return out, err
		}),
		wire.Op("SearchTablesByLFTags", wire.Row[api.SearchTablesByLFTagsInput]{
			Permissions: permit[api.SearchTablesByLFTagsInput]("SearchTablesByLFTags"), Honoured: search, Required: []string{"Expression"},
		}, func(ctx context.Context, c access.Caller, in *api.SearchTablesByLFTagsInput) (*api.SearchTablesByLFTagsOutput, error) {
			list, next, err := d.found(ctx, c, true, in.CatalogId, in.Expression, in.NextToken, in.MaxResults)
			out := &api.SearchTablesByLFTagsOutput{NextToken: next, TableList: []types.TaggedTable{}}
			for _, t := range list {
				out.TableList = append(out.TableList, types.TaggedTable{Table: resource(c, t.Resource).Table, LFTagOnDatabase: pairs(c, t.Tags.OnDatabase),
					LFTagsOnTable: pairs(c, t.Tags.OnTable), LFTagsOnColumns: columnPairs(c, t.Tags.OnColumns)})
			}
			return out, err
		}),
	}
}

// assigned assigns LF-tags or takes them away; what was wrong with single ones is in the answer.
func assigned(ctx context.Context, c access.Caller, catalog *string, on *types.Resource, list []types.LFTagPair,
	do func(context.Context, access.Caller, formation.Resource, []formation.Tag) (map[string]error, error)) ([]types.LFTagError, error) {
	if err := account(c, catalog); err != nil {
		return nil, err
	}
	r, err := resourceOf(c, on)
	if err != nil {
		return nil, err
	}
	var tags []formation.Tag
	for _, t := range list {
		if err := account(c, t.CatalogId); err != nil {
			return nil, err
		}
		tags = append(tags, formation.Tag{Key: *t.TagKey, Values: t.TagValues})
	}
	wrong, err := do(ctx, c, r, tags)
	failures := []types.LFTagError{}
	for _, key := range slices.Sorted(maps.Keys(wrong)) {
		code, message := explain(wrong[key])
		failures = append(failures, types.LFTagError{LFTag: &types.LFTagPair{CatalogId: &c.Account, TagKey: &key}, Error: &types.ErrorDetail{ErrorCode: code, ErrorMessage: message}})
	}
	return failures, err
}

func (d *door) found(ctx context.Context, c access.Caller, tables bool, catalog *string, expression []types.LFTag, token *string, max *int32) ([]formation.Tagged, *string, error) {
	if err := account(c, catalog); err != nil {
		return nil, nil, err
	}
	tags := tagsOf(expression)
	all, err := d.f.Search(ctx, c, tables, tags)
	if err != nil {
		return nil, nil, err
	}
	return page(all, token, max, "Search", tables, tags)
}

func pairs(c access.Caller, tags map[string]string) []types.LFTagPair {
	var out []types.LFTagPair
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, types.LFTagPair{CatalogId: &c.Account, TagKey: &key, TagValues: []string{tags[key]}})
	}
	return out
}

func columnPairs(c access.Caller, columns map[string]map[string]string) []types.ColumnLFTag {
	var out []types.ColumnLFTag
	for _, name := range slices.Sorted(maps.Keys(columns)) {
		out = append(out, types.ColumnLFTag{Name: &name, LFTags: pairs(c, columns[name])})
	}
	return out
}
