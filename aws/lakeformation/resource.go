package lakeformation

import (
	"github.com/aws/aws-sdk-go-v2/service/lakeformation/types"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/fault"
)

// allTables is the name that Lake Formation answers beside a table wildcard.
const allTables = "ALL_TABLES"

// resourceOf reads a resource. It names exactly one thing.
func resourceOf(c access.Caller, in *types.Resource) (formation.Resource, error) {
	var found []formation.Resource
	var catalogs []*string
	if in == nil {
		return formation.Resource{}, fault.Newf(fault.Invalid, "Resource", "is missing")
	}
	add := func(r formation.Resource, catalog *string) {
		found, catalogs = append(found, r), append(catalogs, catalog)
	}
	if in.Catalog != nil {
		add(formation.Catalog(), in.Catalog.Id)
	}
	if r := in.Database; r != nil {
		add(formation.InDatabase(text(r.Name)), r.CatalogId)
	}
	if r := in.Table; r != nil {
		switch {
		case r.TableWildcard != nil && (r.Name == nil || *r.Name == allTables):
			add(formation.Resource{Kind: formation.OfAllTables, Database: text(r.DatabaseName)}, r.CatalogId)
		case r.Name != nil && r.TableWildcard == nil:
			add(formation.OnTable(text(r.DatabaseName), text(r.Name)), r.CatalogId)
		default:
			return formation.Resource{}, fault.Newf(fault.Invalid, "Resource.Table", "it has a Name or a TableWildcard")
		}
	}
	if r := in.TableWithColumns; r != nil {
		t := formation.Resource{Kind: formation.OfColumns, Database: text(r.DatabaseName), Table: text(r.Name), Columns: r.ColumnNames}
		if r.ColumnWildcard != nil {
			t.AllColumns, t.Excluded = true, r.ColumnWildcard.ExcludedColumnNames
		}
		add(t, r.CatalogId)
	}
	if r := in.DataCellsFilter; r != nil {
		add(formation.Resource{Kind: formation.OfCells, Database: text(r.DatabaseName), Table: text(r.TableName), Filter: text(r.Name)}, r.TableCatalogId)
	}
	if r := in.DataLocation; r != nil {
		add(formation.AtLocation(text(r.ResourceArn)), r.CatalogId)
	}
	if r := in.LFTag; r != nil {
		add(formation.Resource{Kind: formation.OfTag, Tag: formation.Tag{Key: text(r.TagKey), Values: r.TagValues}}, r.CatalogId)
	}
	if r := in.LFTagPolicy; r != nil {
		add(formation.Resource{Kind: formation.OfTagPolicy, Policy: &formation.TagPolicy{
			Tables: r.ResourceType == types.ResourceTypeTable, Expression: tagsOf(r.Expression), Name: text(r.ExpressionName)}}, r.CatalogId)
	}
	if r := in.LFTagExpression; r != nil {
		add(formation.Resource{Kind: formation.OfTagExpression, Expression: text(r.Name)}, r.CatalogId)
	}
	if len(found) != 1 {
		return formation.Resource{}, fault.Newf(fault.Invalid, "Resource", "it names %d things; exactly one is expected", len(found))
	}
	return found[0], account(c, catalogs...)
}

// resource writes a resource.
func resource(c access.Caller, r formation.Resource) *types.Resource {
	id := &c.Account
	switch r.Kind {
	case formation.OfDatabase:
		return &types.Resource{Database: &types.DatabaseResource{CatalogId: id, Name: &r.Database}}
	case formation.OfTable:
		return &types.Resource{Table: &types.TableResource{CatalogId: id, DatabaseName: &r.Database, Name: &r.Table}}
	case formation.OfAllTables:
		all := allTables
		return &types.Resource{Table: &types.TableResource{CatalogId: id, DatabaseName: &r.Database, Name: &all, TableWildcard: &types.TableWildcard{}}}
	case formation.OfColumns:
		t := &types.TableWithColumnsResource{CatalogId: id, DatabaseName: &r.Database, Name: &r.Table, ColumnNames: r.Columns}
		if r.AllColumns {
			t.ColumnWildcard = &types.ColumnWildcard{ExcludedColumnNames: r.Excluded}
		}
		return &types.Resource{TableWithColumns: t}
	case formation.OfCells:
		return &types.Resource{DataCellsFilter: &types.DataCellsFilterResource{TableCatalogId: id, DatabaseName: &r.Database, TableName: &r.Table, Name: &r.Filter}}
	case formation.OfLocation:
		return &types.Resource{DataLocation: &types.DataLocationResource{CatalogId: id, ResourceArn: &r.Location}}
	case formation.OfTag:
		values := r.Tag.Values
		if len(values) == 0 {
			values = []string{"*"}
		}
		return &types.Resource{LFTag: &types.LFTagKeyResource{CatalogId: id, TagKey: &r.Tag.Key, TagValues: values}}
	case formation.OfTagPolicy:
		kind := types.ResourceTypeDatabase
		if r.Policy.Tables {
			kind = types.ResourceTypeTable
		}
		return &types.Resource{LFTagPolicy: &types.LFTagPolicyResource{CatalogId: id, ResourceType: kind, Expression: tags(r.Policy.Expression), ExpressionName: ref(r.Policy.Name)}}
	case formation.OfTagExpression:
		return &types.Resource{LFTagExpression: &types.LFTagExpressionResource{CatalogId: id, Name: &r.Expression}}
	}
	return &types.Resource{Catalog: &types.CatalogResource{Id: id}}
}

func tagsOf(in []types.LFTag) []formation.Tag {
	out := make([]formation.Tag, len(in))
	for i, t := range in {
		out[i] = formation.Tag{Key: text(t.TagKey), Values: t.TagValues}
	}
	return out
}

func tags(in []formation.Tag) []types.LFTag {
	out := make([]types.LFTag, len(in))
	for i, t := range in {
		values := t.Values
		if len(values) == 0 {
			values = []string{"*"}
		}
		out[i] = types.LFTag{TagKey: &t.Key, TagValues: values}
	}
	return out
}

func permissionsOf(in []types.Permission) []formation.Permission {
	out := make([]formation.Permission, len(in))
	for i, p := range in {
		out[i] = formation.Permission(p)
	}
	return out
}

func permissions(in []formation.Permission) []types.Permission {
	out := make([]types.Permission, len(in))
	for i, p := range in {
		out[i] = types.Permission(p)
	}
	return out
}

func principal(p *types.DataLakePrincipal) string {
	if p == nil {
		return ""
	}
	return text(p.DataLakePrincipalIdentifier)
}

func principals(in []formation.Principal) []types.DataLakePrincipal {
	out := make([]types.DataLakePrincipal, len(in))
	for i, p := range in {
		out[i] = types.DataLakePrincipal{DataLakePrincipalIdentifier: &p.ARN}
	}
	return out
}
