package pipeline

import (
	"slices"

	"flowlake/access/formation"
	"flowlake/catalog"
	"flowlake/catalog/crawler"
	"flowlake/lake"
)

// crawlSession is what the session is called that a crawl runs in.
const crawlSession = "AWS-Crawler"

// crawlers shows what crawlers read and write. The room asks for glue:GetCrawlers.
func (m *mapping) crawlers() error {
	return pages(func(token string) (string, error) {
		page, next, err := m.Crawlers.Crawlers(m.ctx, m.caller, token, 100)
		for _, cr := range page {
			if err := m.crawler(cr); err != nil {
				return "", err
			}
		}
		return next, err
	})
}

func (m *mapping) crawler(cr crawler.Crawler) error {
	role := crawler.RoleARN(m.caller.Account, cr.Role)
	as, trust := m.assume(m.service(crawler.Service, crawler.ARN(m.caller, cr.Name)), role, crawlSession)
	within, err := m.database(cr.Database)
	if err != nil {
		return err
	}
	for _, t := range cr.Targets {
		bucket, key, err := lake.ParseURL(t.Path)
		if err != nil {
			return err
		}
		_, prefix := splitLocation(bucket + "/" + key)
		needs := []Need{trust, m.list(as, bucket, prefix), m.read(as, bucket, prefix)}
		if !catalog.Below(lake.URL(bucket, prefix), within.Location) { // what lies in the database's own place is given with it
			needs = append(needs, m.has(as, formation.AtLocation(lake.URL(bucket, prefix)), formation.DataLocationAccess))
		}
		if err := m.add(Step{Stage: "crawler " + cr.Name, Service: crawler.Service, Actor: role, Target: t.Path, Why: "reads files to classify them", Needs: needs}, ""); err != nil {
			return err
		}
	}
	needs := append([]Need{trust}, m.glue(as, onDatabase(cr.Database), "GetDatabase")...)
	if len(cr.Classifiers) > 0 {
		needs = append(needs, m.decide(as, "glue:GetClassifier", "*"))
	}
	actions := []string{"GetTables", "CreateTable", "BatchCreatePartition", "GetPartitions"}
	if cr.UpdateBehavior != crawler.LogOnly {
		actions = append(actions, "UpdateTable", "UpdatePartition")
	}
	switch cr.DeleteBehavior {
	case crawler.DeleteFromDatabase:
		actions = append(actions, "DeleteTable", "DeletePartition")
	case crawler.DeprecateInDatabase:
		actions = append(actions, "UpdateTable", "UpdatePartition")
	}
	slices.Sort(actions)
	needs = append(needs, m.onTables(as, cr.Database, slices.Compact(actions)...)...)
	needs = append(needs, m.has(as, formation.InDatabase(cr.Database), formation.CreateTable))
	return m.add(Step{Stage: "crawler " + cr.Name, Service: crawler.Service, Actor: role, Target: "database " + cr.Database, Why: "writes tables and partitions", Needs: needs}, "")
}
