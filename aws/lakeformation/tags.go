package lakeformation

import (
	"context"

	api "github.com/aws/aws-sdk-go-v2/service/lakeformation"
	"github.com/aws/aws-sdk-go-v2/service/lakeformation/types"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/aws/wire"
)

// maxListed is more than the LF-tags or expressions that there can be.
const maxListed = 10_000

func (d *door) tags() []wire.Operation {
	key := []string{"CatalogId", "TagKey"}
	return []wire.Operation{
		wire.Op("CreateLFTag", wire.Row[api.CreateLFTagInput]{
			Permissions: permit[api.CreateLFTagInput]("CreateLFTag"), Honoured: append(key, "TagValues"), Required: []string{"TagKey", "TagValues"},
		}, func(ctx context.Context, c access.Caller, in *api.CreateLFTagInput) (*api.CreateLFTagOutput, error) {
			if err := account(c, in.CatalogId); err != nil {
				return nil, err
			}
			return nil, d.f.CreateTag(ctx, c, formation.Tag{Key: *in.TagKey, Values: in.TagValues})
		}),
		wire.Op("UpdateLFTag", wire.Row[api.UpdateLFTagInput]{
			Permissions: permit[api.UpdateLFTagInput]("UpdateLFTag"), Honoured: append(key, "TagValuesToAdd", "TagValuesToDelete"), Required: []string{"TagKey"},
		}, func(ctx context.Context, c access.Caller, in *api.UpdateLFTagInput) (*api.UpdateLFTagOutput, error) {
			if err := account(c, in.CatalogId); err != nil {
				return nil, err
			}
			return nil, d.f.UpdateTag(ctx, c, *in.TagKey, in.TagValuesToAdd, in.TagValuesToDelete)
		}),
		wire.Op("DeleteLFTag", wire.Row[api.DeleteLFTagInput]{
			Permissions: permit[api.DeleteLFTagInput]("DeleteLFTag"), Honoured: key, Required: []string{"TagKey"},
		}, func(ctx context.Context, c access.Caller, in *api.DeleteLFTagInput) (*api.DeleteLFTagOutput, error) {
			if err := account(c, in.CatalogId); err != nil {
				return nil, err
			}
			return nil, d.f.DeleteTag(ctx, c, *in.TagKey)
		}),
		wire.Op("GetLFTag", wire.Row[api.GetLFTagInput]{
			Permissions: permit[api.GetLFTagInput]("GetLFTag"), Honoured: key, Required: []string{"TagKey"},
		}, func(ctx context.Context, c access.Caller, in *api.GetLFTagInput) (*api.GetLFTagOutput, error) {
			if err := account(c, in.CatalogId); err != nil {
				return nil, err
			}
			t, err := d.f.Tag(ctx, c, *in.TagKey)
			return &api.GetLFTagOutput{CatalogId: &c.Account, TagKey: &t.Key, TagValues: t.Values}, err
		}),
		wire.Op("ListLFTags", wire.Row[api.ListLFTagsInput]{
			Permissions: permit[api.ListLFTagsInput]("ListLFTags"), Honoured: []string{"CatalogId", "MaxResults", "NextToken", "ResourceShareType"},
		}, func(ctx context.Context, c access.Caller, in *api.ListLFTagsInput) (*api.ListLFTagsOutput, error) {
			if err := account(c, in.CatalogId); err != nil {
				return nil, err
			}
			all, _, err := d.f.Tags(ctx, c, "", maxListed)
			if err != nil {
				return nil, err
			}
			if in.ResourceShareType == types.ResourceShareTypeForeign { // no other account shares any
				all = nil
			}
			list, next, err := page(all, in.NextToken, in.MaxResults, "ListLFTags", in.ResourceShareType)
			out := &api.ListLFTagsOutput{NextToken: next, LFTags: []types.LFTagPair{}}
			for _, t := range list {
				out.LFTags = append(out.LFTags, types.LFTagPair{CatalogId: &c.Account, TagKey: &t.Key, TagValues: t.Values})
			}
			return out, err
		}),
	}
}

func (d *door) expressions() []wire.Operation {
	whole, name := []string{"CatalogId", "Name", "Description", "Expression"}, []string{"CatalogId", "Name"}
	return []wire.Operation{
		wire.Op("CreateLFTagExpression", wire.Row[api.CreateLFTagExpressionInput]{
			Permissions: permit[api.CreateLFTagExpressionInput]("CreateLFTagExpression"), Honoured: whole, Required: []string{"Name", "Expression"},
		}, func(ctx context.Context, c access.Caller, in *api.CreateLFTagExpressionInput) (*api.CreateLFTagExpressionOutput, error) {
			if err := account(c, in.CatalogId); err != nil {
				return nil, err
			}
			return nil, d.f.CreateExpression(ctx, c, formation.Expression{Name: *in.Name, Description: text(in.Description), Tags: tagsOf(in.Expression)})
		}),
		wire.Op("UpdateLFTagExpression", wire.Row[api.UpdateLFTagExpressionInput]{
			Permissions: permit[api.UpdateLFTagExpressionInput]("UpdateLFTagExpression"), Honoured: whole, Required: []string{"Name", "Expression"},
		}, func(ctx context.Context, c access.Caller, in *api.UpdateLFTagExpressionInput) (*api.UpdateLFTagExpressionOutput, error) {
			if err := account(c, in.CatalogId); err != nil {
				return nil, err
			}
			return nil, d.f.UpdateExpression(ctx, c, formation.Expression{Name: *in.Name, Description: text(in.Description), Tags: tagsOf(in.Expression)})
		}),
		wire.Op("DeleteLFTagExpression", wire.Row[api.DeleteLFTagExpressionInput]{
			Permissions: permit[api.DeleteLFTagExpressionInput]("DeleteLFTagExpression"), Honoured: name, Required: []string{"Name"},
		}, func(ctx context.Context, c access.Caller, in *api.DeleteLFTagExpressionInput) (*api.DeleteLFTagExpressionOutput, error) {
			if err := account(c, in.CatalogId); err != nil {
				return nil, err
			}
			return nil, d.f.DeleteExpression(ctx, c, *in.Name)
		}),
		wire.Op("GetLFTagExpression", wire.Row[api.GetLFTagExpressionInput]{
			Permissions: permit[api.GetLFTagExpressionInput]("GetLFTagExpression"), Honoured: name, Required: []string{"Name"},
		}, func(ctx context.Context, c access.Caller, in *api.GetLFTagExpressionInput) (*api.GetLFTagExpressionOutput, error) {
			if err := account(c, in.CatalogId); err != nil {
				return nil, err
			}
			e, err := d.f.Expression(ctx, c, *in.Name)
			return &api.GetLFTagExpressionOutput{CatalogId: &c.Account, Name: &e.Name, Description: ref(e.Description), Expression: tags(e.Tags)}, err
		}),
		wire.Op("ListLFTagExpressions", wire.Row[api.ListLFTagExpressionsInput]{
			Permissions: permit[api.ListLFTagExpressionsInput]("ListLFTagExpressions"), Honoured: []string{"CatalogId", "MaxResults", "NextToken"},
		}, func(ctx context.Context, c access.Caller, in *api.ListLFTagExpressionsInput) (*api.ListLFTagExpressionsOutput, error) {
			if err := account(c, in.CatalogId); err != nil {
				return nil, err
			}
			all, _, err := d.f.Expressions(ctx, c, "", maxListed)
			if err != nil {
				return nil, err
			}
			list, next, err := page(all, in.NextToken, in.MaxResults, "ListLFTagExpressions")
			out := &api.ListLFTagExpressionsOutput{NextToken: next, LFTagExpressions: []types.LFTagExpression{}}
			for _, e := range list {
				out.LFTagExpressions = append(out.LFTagExpressions, types.LFTagExpression{CatalogId: &c.Account, Name: &e.Name, Description: ref(e.Description), Expression: tags(e.Tags)})
			}
			return out, err
		}),
	}
}
