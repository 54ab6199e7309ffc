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

// classifierMembers are what the three kinds have. XMLClassifier is not named: it is refused.
var classifierMembers = append(append(
	with("GrokClassifier.", "Name", "Classification", "GrokPattern", "CustomPatterns"),
	with("JsonClassifier.", "Name", "JsonPath")...),
	with("CsvClassifier.", "Name", "Delimiter", "QuoteSymbol", "ContainsHeader", "Header", "DisableValueTrimming", "AllowSingleColumn",
		"CustomDatatypeConfigured", "CustomDatatypes", "Serde")...)

func (d *door) classifiers() []wire.Operation {
	return []wire.Operation{
		wire.Op("CreateClassifier", wire.Row[api.CreateClassifierInput]{
			Permissions: []wire.Permission[api.CreateClassifierInput]{{Action: "glue:CreateClassifier"}}, Honoured: classifierMembers,
		}, d.createClassifier),
		wire.Op("GetClassifier", wire.Row[api.GetClassifierInput]{
			Permissions: []wire.Permission[api.GetClassifierInput]{{Action: "glue:GetClassifier"}},
			Honoured:    []string{"Name"}, Required: []string{"Name"},
		}, d.getClassifier),
		wire.Op("GetClassifiers", wire.Row[api.GetClassifiersInput]{
			Permissions: []wire.Permission[api.GetClassifiersInput]{{Action: "glue:GetClassifiers"}},
			Honoured:    []string{"MaxResults", "NextToken"},
		}, d.getClassifiers),
		wire.Op("UpdateClassifier", wire.Row[api.UpdateClassifierInput]{
			Permissions: []wire.Permission[api.UpdateClassifierInput]{{Action: "glue:UpdateClassifier"}}, Honoured: classifierMembers,
		}, d.updateClassifier),
		wire.Op("DeleteClassifier", wire.Row[api.DeleteClassifierInput]{
			Permissions: []wire.Permission[api.DeleteClassifierInput]{{Action: "glue:DeleteClassifier"}},
			Honoured:    []string{"Name"}, Required: []string{"Name"},
		}, d.deleteClassifier),
	}
}

func (d *door) createClassifier(ctx context.Context, c access.Caller, in *api.CreateClassifierInput) (*api.CreateClassifierOutput, error) {
	var cl catalog.Classifier
	if g := in.GrokClassifier; g != nil {
		cl.Name = text(g.Name)
		cl.Grok = &catalog.GrokClassifier{Classification: text(g.Classification), Pattern: text(g.GrokPattern), CustomPatterns: text(g.CustomPatterns)}
	}
	if j := in.JsonClassifier; j != nil {
		cl.Name = text(j.Name)
		cl.JSON = &catalog.JSONClassifier{Path: text(j.JsonPath)}
	}
	if v := in.CsvClassifier; v != nil {
		cl.Name = text(v.Name)
		cl.CSV = &catalog.CSVClassifier{Trim: true}
		setCSV(cl.CSV, types.UpdateCsvClassifierRequest(*v))
	}
	return nil, d.cat.CreateClassifier(ctx, c, cl)
}

// setCSV takes over what a request says of a CSV classifier, and leaves the rest.
func setCSV(to *catalog.CSVClassifier, v types.UpdateCsvClassifierRequest) {
	set(&to.Delimiter, v.Delimiter)
	set(&to.Quote, v.QuoteSymbol)
	set(&to.SingleColumn, v.AllowSingleColumn)
	set(&to.CustomTypesGiven, v.CustomDatatypeConfigured)
	if v.DisableValueTrimming != nil {
		to.Trim = !*v.DisableValueTrimming
	}
	if v.ContainsHeader != "" {
		to.ContainsHeader = string(v.ContainsHeader)
	}
	if v.Header != nil {
		to.Header = v.Header
	}
	if v.CustomDatatypes != nil {
		to.CustomTypes = v.CustomDatatypes
	}
	if v.Serde != "" {
		to.SerDe = string(v.Serde)
	}
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func (d *door) getClassifier(ctx context.Context, c access.Caller, in *api.GetClassifierInput) (*api.GetClassifierOutput, error) {
	cl, err := d.cat.Classifier(ctx, c, text(in.Name))
	if err != nil {
		return nil, err
	}
	shown := classifierShape(cl)
	return &api.GetClassifierOutput{Classifier: &shown}, nil
}

func (d *door) getClassifiers(ctx context.Context, c access.Caller, in *api.GetClassifiersInput) (*api.GetClassifiersOutput, error) {
	size, err := pageSize(in.MaxResults, 1000)
	if err != nil {
		return nil, err
	}
	q := question("GetClassifiers")
	after, err := openName(in.NextToken, q)
	if err != nil {
		return nil, err
	}
	page, next, err := d.cat.Classifiers(ctx, c, after, size)
	if err != nil {
		return nil, err
	}
	out := &api.GetClassifiersOutput{Classifiers: []types.Classifier{}, NextToken: nameToken(q, next)}
	for _, cl := range page {
		out.Classifiers = append(out.Classifiers, classifierShape(cl))
	}
	return out, nil
}

func (d *door) updateClassifier(ctx context.Context, c access.Caller, in *api.UpdateClassifierInput) (*api.UpdateClassifierOutput, error) {
	name, kinds := "", 0
	if in.GrokClassifier != nil {
		name, kinds = text(in.GrokClassifier.Name), kinds+1
	}
	if in.JsonClassifier != nil {
		name, kinds = text(in.JsonClassifier.Name), kinds+1
	}
	if in.CsvClassifier != nil {
		name, kinds = text(in.CsvClassifier.Name), kinds+1
	}
	if kinds != 1 || name == "" {
		return nil, fault.Newf(fault.Invalid, "classifier", "exactly one of GrokClassifier, JsonClassifier and CsvClassifier, with its name, must be given")
	}
	return nil, d.cat.UpdateClassifier(ctx, c, name, func(cl *catalog.Classifier) error {
		switch {
		case in.GrokClassifier != nil && cl.Grok != nil:
			g := *cl.Grok
			set(&g.Classification, in.GrokClassifier.Classification)
			set(&g.Pattern, in.GrokClassifier.GrokPattern)
			set(&g.CustomPatterns, in.GrokClassifier.CustomPatterns)
			cl.Grok = &g
		case in.JsonClassifier != nil && cl.JSON != nil:
			j := *cl.JSON
			set(&j.Path, in.JsonClassifier.JsonPath)
			cl.JSON = &j
		case in.CsvClassifier != nil && cl.CSV != nil:
			v := *cl.CSV
			setCSV(&v, *in.CsvClassifier)
			cl.CSV = &v
		default:
			return fault.Newf(fault.Invalid, "classifier "+name, "is of another kind")
		}
		return nil
	})
}

func (d *door) deleteClassifier(ctx context.Context, c access.Caller, in *api.DeleteClassifierInput) (*api.DeleteClassifierOutput, error) {
	return nil, d.cat.DeleteClassifier(ctx, c, text(in.Name))
}

func classifierShape(cl catalog.Classifier) types.Classifier {
	var out types.Classifier
	switch {
	case cl.Grok != nil:
		out.GrokClassifier = &types.GrokClassifier{Name: &cl.Name, Classification: &cl.Grok.Classification, GrokPattern: &cl.Grok.Pattern,
			CustomPatterns: ref(cl.Grok.CustomPatterns), CreationTime: moment(cl.Created), LastUpdated: moment(cl.Updated), Version: cl.Version}
	case cl.JSON != nil:
		out.JsonClassifier = &types.JsonClassifier{Name: &cl.Name, JsonPath: &cl.JSON.Path,
			CreationTime: moment(cl.Created), LastUpdated: moment(cl.Updated), Version: cl.Version}
	case cl.CSV != nil:
		v := cl.CSV
		untrimmed := !v.Trim
		out.CsvClassifier = &types.CsvClassifier{Name: &cl.Name, Delimiter: ref(v.Delimiter), QuoteSymbol: ref(v.Quote), Header: v.Header,
			ContainsHeader: types.CsvHeaderOption(v.ContainsHeader), DisableValueTrimming: &untrimmed, AllowSingleColumn: &v.SingleColumn,
			CustomDatatypeConfigured: &v.CustomTypesGiven, CustomDatatypes: v.CustomTypes, Serde: types.CsvSerdeOption(v.SerDe),
			CreationTime: moment(cl.Created), LastUpdated: moment(cl.Updated), Version: cl.Version}
	}
	return out
}
