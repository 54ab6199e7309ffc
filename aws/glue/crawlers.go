package glue

import (
	"context"
	"encoding/json"
	"time"

	api "github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"

	"flowlake/access"
	"flowlake/access/policy"
	"flowlake/aws/wire"
	"flowlake/catalog/crawler"
	"flowlake/fault"
)

// What a crawler's documents say. Schedule, Tags, Lake Formation credentials, security configurations, event
// queues, connections and targets other than S3 are not named: they are refused.
var (
	crawlerHonoured = []string{"Name", "CatalogId", "DatabaseName", "Description", "Role", "Classifiers", "Configuration", "TablePrefix",
		"Targets.S3Targets.Path", "Targets.S3Targets.Exclusions", "Targets.S3Targets.SampleSize",
		"SchemaChangePolicy", "RecrawlPolicy", "LineageConfiguration", "LakeFormationConfiguration.UseLakeFormationCredentials"}
)

func crawlerARN(c access.Caller, name *string) string { return crawler.ARN(c, text(name)) }

func (d *door) crawlerRows() []wire.Operation {
	name := []string{"Name"}
	return []wire.Operation{
		wire.Op("CreateCrawler", wire.Row[api.CreateCrawlerInput]{
			Permissions: []wire.Permission[api.CreateCrawlerInput]{
				{Action: "glue:CreateCrawler", Resource: func(c access.Caller, in *api.CreateCrawlerInput) string { return crawlerARN(c, in.Name) }},
				{Action: "iam:PassRole", Resource: func(c access.Caller, in *api.CreateCrawlerInput) string {
					return crawler.RoleARN(c.Account, text(in.Role))
				},
					Context: passedToGlue[api.CreateCrawlerInput]},
			},
			Honoured: crawlerHonoured, Required: []string{"Name", "Role", "Targets"},
		}, d.createCrawler),
		wire.Op("GetCrawler", wire.Row[api.GetCrawlerInput]{
			Permissions: []wire.Permission[api.GetCrawlerInput]{{Action: "glue:GetCrawler", Resource: func(c access.Caller, in *api.GetCrawlerInput) string { return crawlerARN(c, in.Name) }}},
			Honoured:    name, Required: name,
		}, d.getCrawler),
		wire.Op("GetCrawlers", wire.Row[api.GetCrawlersInput]{
			Permissions: []wire.Permission[api.GetCrawlersInput]{{Action: "glue:GetCrawlers"}},
			Honoured:    []string{"MaxResults", "NextToken"},
		}, d.getCrawlers),
		wire.Op("BatchGetCrawlers", wire.Row[api.BatchGetCrawlersInput]{
			Permissions: []wire.Permission[api.BatchGetCrawlersInput]{{Action: "glue:BatchGetCrawlers", Resources: func(c access.Caller, in *api.BatchGetCrawlersInput) []string {
				var arns []string
				for _, n := range in.CrawlerNames {
					arns = append(arns, crawler.ARN(c, n))
				}
				return arns
			}}},
			Honoured: []string{"CrawlerNames"}, Required: []string{"CrawlerNames"},
		}, d.batchGetCrawlers),
		wire.Op("ListCrawlers", wire.Row[api.ListCrawlersInput]{
			Permissions: []wire.Permission[api.ListCrawlersInput]{{Action: "glue:ListCrawlers"}},
			Honoured:    []string{"MaxResults", "NextToken"},
		}, d.listCrawlers),
		wire.Op("UpdateCrawler", wire.Row[api.UpdateCrawlerInput]{
			Permissions: []wire.Permission[api.UpdateCrawlerInput]{
				{Action: "glue:UpdateCrawler", Resource: func(c access.Caller, in *api.UpdateCrawlerInput) string { return crawlerARN(c, in.Name) }},
				{Action: "iam:PassRole", Resource: func(c access.Caller, in *api.UpdateCrawlerInput) string {
					return crawler.RoleARN(c.Account, text(in.Role))
				},
					When: func(in *api.UpdateCrawlerInput) bool { return in.Role != nil }, Context: passedToGlue[api.UpdateCrawlerInput]},
			},
			Honoured: crawlerHonoured, Required: name,
		}, d.updateCrawler),
		wire.Op("StartCrawler", wire.Row[api.StartCrawlerInput]{
			Permissions: []wire.Permission[api.StartCrawlerInput]{{Action: "glue:StartCrawler", Resource: func(c access.Caller, in *api.StartCrawlerInput) string { return crawlerARN(c, in.Name) }}},
			Honoured:    name, Required: name,
		}, func(ctx context.Context, c access.Caller, in *api.StartCrawlerInput) (*api.StartCrawlerOutput, error) {
			return nil, d.crawlers.Start(ctx, c, text(in.Name))
		}),
		wire.Op("StopCrawler", wire.Row[api.StopCrawlerInput]{
			Permissions: []wire.Permission[api.StopCrawlerInput]{{Action: "glue:StopCrawler", Resource: func(c access.Caller, in *api.StopCrawlerInput) string { return crawlerARN(c, in.Name) }}},
			Honoured:    name, Required: name,
		}, func(ctx context.Context, c access.Caller, in *api.StopCrawlerInput) (*api.StopCrawlerOutput, error) {
			return nil, d.crawlers.Stop(ctx, c, text(in.Name))
		}),
		wire.Op("DeleteCrawler", wire.Row[api.DeleteCrawlerInput]{
			Permissions: []wire.Permission[api.DeleteCrawlerInput]{{Action: "glue:DeleteCrawler", Resource: func(c access.Caller, in *api.DeleteCrawlerInput) string { return crawlerARN(c, in.Name) }}},
			Honoured:    name, Required: name,
		}, func(ctx context.Context, c access.Caller, in *api.DeleteCrawlerInput) (*api.DeleteCrawlerOutput, error) {
			return nil, d.crawlers.Delete(ctx, c, text(in.Name))
		}),
		wire.Op("GetCrawlerReport", wire.Row[GetCrawlerReportInput]{
			Permissions: []wire.Permission[GetCrawlerReportInput]{{Action: "glue:GetCrawler", Resource: func(c access.Caller, in *GetCrawlerReportInput) string { return crawlerARN(c, in.Name) }}},
			Honoured:    name, Required: name,
		}, d.getCrawlerReport),
	}
}

// GetCrawlerReportInput names the crawler whose last crawl is asked for. This operation is flowlake's own:
// AWS Glue has none that says which classifier matched which file.
type GetCrawlerReportInput struct {
	Name *string
}

// GetCrawlerReportOutput is flowlake's own.
type GetCrawlerReportOutput struct {
	Report *string // crawler.Report as JSON
}

func (d *door) getCrawlerReport(ctx context.Context, c access.Caller, in *GetCrawlerReportInput) (*GetCrawlerReportOutput, error) {
	r, err := d.crawlers.Report(ctx, c, text(in.Name))
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	document := string(data)
	return &GetCrawlerReportOutput{Report: &document}, nil
}

// passedToGlue says whom a crawler's role is handed to.
func passedToGlue[In any](*In) []policy.Entry {
	return []policy.Entry{{Key: "iam:PassedToService", Values: []string{"glue.amazonaws.com"}}}
}

func (d *door) createCrawler(ctx context.Context, c access.Caller, in *api.CreateCrawlerInput) (*api.CreateCrawlerOutput, error) {
	if err := account(c, in.CatalogId); err != nil {
		return nil, err
	}
	cr := crawler.Crawler{Name: text(in.Name)}
	// Both inputs say the same of a crawler.
	if err := setCrawler(&cr, &api.UpdateCrawlerInput{Classifiers: in.Classifiers, Configuration: in.Configuration, DatabaseName: in.DatabaseName,
		Description: in.Description, LakeFormationConfiguration: in.LakeFormationConfiguration, LineageConfiguration: in.LineageConfiguration,
		RecrawlPolicy: in.RecrawlPolicy, Role: in.Role, SchemaChangePolicy: in.SchemaChangePolicy, TablePrefix: in.TablePrefix, Targets: in.Targets}); err != nil {
		return nil, err
	}
	return nil, d.crawlers.Create(ctx, c, cr)
}

func (d *door) updateCrawler(ctx context.Context, c access.Caller, in *api.UpdateCrawlerInput) (*api.UpdateCrawlerOutput, error) {
	if err := account(c, in.CatalogId); err != nil {
		return nil, err
	}
	return nil, d.crawlers.Update(ctx, c, text(in.Name), func(cr *crawler.Crawler) error { return setCrawler(cr, in) })
}

// setCrawler takes over what a request says of a crawler, and leaves the rest.
func setCrawler(cr *crawler.Crawler, in *api.UpdateCrawlerInput) error {
	set(&cr.Role, in.Role)
	set(&cr.Database, in.DatabaseName)
	set(&cr.Description, in.Description)
	set(&cr.Configuration, in.Configuration)
	set(&cr.TablePrefix, in.TablePrefix)
	if in.Classifiers != nil {
		cr.Classifiers = in.Classifiers
	}
	if p := in.SchemaChangePolicy; p != nil {
		cr.UpdateBehavior, cr.DeleteBehavior = string(p.UpdateBehavior), string(p.DeleteBehavior)
	}
	if p := in.RecrawlPolicy; p != nil {
		cr.Recrawl = string(p.RecrawlBehavior)
	}
	if l := in.LakeFormationConfiguration; l != nil && l.UseLakeFormationCredentials != nil && *l.UseLakeFormationCredentials {
		return fault.Newf(fault.Unsupported, "member LakeFormationConfiguration.UseLakeFormationCredentials", "true is not supported")
	}
	if l := in.LineageConfiguration; l != nil && l.CrawlerLineageSettings == types.CrawlerLineageSettingsEnable {
		return fault.Newf(fault.Unsupported, "member LineageConfiguration.CrawlerLineageSettings", "ENABLE is not supported")
	}
	if in.Targets != nil {
		cr.Targets = nil
		for _, t := range in.Targets.S3Targets {
			target := crawler.Target{Path: text(t.Path), Exclusions: t.Exclusions}
			if t.SampleSize != nil {
				if target.SampleSize = int(*t.SampleSize); target.SampleSize == 0 {
					return fault.Newf(fault.Invalid, "member SampleSize", "is 0; 1 to 249 are allowed")
				}
			}
			cr.Targets = append(cr.Targets, target)
		}
	}
	return nil
}

func (d *door) getCrawler(ctx context.Context, c access.Caller, in *api.GetCrawlerInput) (*api.GetCrawlerOutput, error) {
	cr, err := d.crawlers.Crawler(ctx, c, text(in.Name))
	if err != nil {
		return nil, err
	}
	shown := crawlerShape(cr)
	return &api.GetCrawlerOutput{Crawler: &shown}, nil
}

func (d *door) getCrawlers(ctx context.Context, c access.Caller, in *api.GetCrawlersInput) (*api.GetCrawlersOutput, error) {
	page, next, err := d.page(ctx, c, "GetCrawlers", in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &api.GetCrawlersOutput{Crawlers: []types.Crawler{}, NextToken: next}
	for _, cr := range page {
		out.Crawlers = append(out.Crawlers, crawlerShape(cr))
	}
	return out, nil
}

func (d *door) listCrawlers(ctx context.Context, c access.Caller, in *api.ListCrawlersInput) (*api.ListCrawlersOutput, error) {
	page, next, err := d.page(ctx, c, "ListCrawlers", in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &api.ListCrawlersOutput{CrawlerNames: []string{}, NextToken: next}
	for _, cr := range page {
		out.CrawlerNames = append(out.CrawlerNames, cr.Name)
	}
	return out, nil
}

func (d *door) page(ctx context.Context, c access.Caller, operation string, max *int32, token *string) ([]crawler.Crawler, *string, error) {
	size, err := pageSize(max, 1000)
	if err != nil {
		return nil, nil, err
	}
	q := question(operation)
	after, err := openName(token, q)
	if err != nil {
		return nil, nil, err
	}
	page, next, err := d.crawlers.Crawlers(ctx, c, after, size)
	return page, nameToken(q, next), err
}

func (d *door) batchGetCrawlers(ctx context.Context, c access.Caller, in *api.BatchGetCrawlersInput) (*api.BatchGetCrawlersOutput, error) {
	if err := batch("CrawlerNames", len(in.CrawlerNames), 100); err != nil {
		return nil, err
	}
	out := &api.BatchGetCrawlersOutput{Crawlers: []types.Crawler{}, CrawlersNotFound: []string{}}
	for _, name := range in.CrawlerNames {
		cr, err := d.crawlers.Crawler(ctx, c, name)
		switch {
		case err == nil:
			out.Crawlers = append(out.Crawlers, crawlerShape(cr))
		case fault.Is(err, fault.NotFound):
			out.CrawlersNotFound = append(out.CrawlersNotFound, name)
		default:
			return nil, err
		}
	}
	return out, nil
}

func crawlerShape(cr crawler.Crawler) types.Crawler {
	out := types.Crawler{Name: &cr.Name, Role: &cr.Role, DatabaseName: &cr.Database, Description: ref(cr.Description), Classifiers: cr.Classifiers,
		TablePrefix: ref(cr.TablePrefix), Configuration: ref(cr.Configuration), State: types.CrawlerState(cr.State),
		CreationTime: moment(cr.Created), LastUpdated: moment(cr.Updated), Version: cr.Version, Targets: &types.CrawlerTargets{},
		SchemaChangePolicy:         &types.SchemaChangePolicy{UpdateBehavior: types.UpdateBehavior(cr.UpdateBehavior), DeleteBehavior: types.DeleteBehavior(cr.DeleteBehavior)},
		RecrawlPolicy:              &types.RecrawlPolicy{RecrawlBehavior: types.RecrawlBehavior(cr.Recrawl)},
		LineageConfiguration:       &types.LineageConfiguration{CrawlerLineageSettings: types.CrawlerLineageSettingsDisable},
		LakeFormationConfiguration: &types.LakeFormationConfiguration{UseLakeFormationCredentials: new(bool)}}
	if !cr.Started.IsZero() {
		out.CrawlElapsedTime = time.Since(cr.Started).Milliseconds()
	}
	for _, t := range cr.Targets {
		target := types.S3Target{Path: &t.Path, Exclusions: t.Exclusions}
		if t.SampleSize > 0 {
			n := int32(t.SampleSize)
			target.SampleSize = &n
		}
		out.Targets.S3Targets = append(out.Targets.S3Targets, target)
	}
	if l := cr.Last; l != nil {
		out.LastCrawl = &types.LastCrawlInfo{Status: types.LastCrawlStatus(l.Status), ErrorMessage: ref(l.Message), StartTime: moment(l.Started)}
	}
	return out
}
