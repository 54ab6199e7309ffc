package crawler

import (
	"bytes"
	"encoding/json"
	"io"

	"flowlake/fault"
)

// configuration is a crawler's Configuration document. Keys that are not here are refused by name.
type configuration struct {
	Version       float64 `json:"Version"`
	CrawlerOutput struct {
		Partitions struct {
			AddOrUpdateBehavior string `json:"AddOrUpdateBehavior"` // "" or InheritFromTable
		} `json:"Partitions"`
		Tables struct {
			AddOrUpdateBehavior string `json:"AddOrUpdateBehavior"` // "" or MergeNewColumns
			TableThreshold      int    `json:"TableThreshold"`      // a crawl that finds more tables fails; 0: any number
		} `json:"Tables"`
	} `json:"CrawlerOutput"`
	Grouping struct {
		TableGroupingPolicy     string `json:"TableGroupingPolicy"`     // "" or CombineCompatibleSchemas
		TableLevelConfiguration int    `json:"TableLevelConfiguration"` // the level of the tables' folders, the bucket being 1; 0: found
	} `json:"Grouping"`
	// CreatePartitionIndex asks for an index over partitions. They are always found by their keys here:
	// it is kept and echoed.
	CreatePartitionIndex bool `json:"CreatePartitionIndex"`
}

func parseConfiguration(text string) (configuration, error) {
	var c configuration
	if text == "" {
		return c, nil
	}
	invalid := func(format string, args ...any) (configuration, error) {
		return configuration{}, fault.Newf(fault.Invalid, "configuration", format, args...)
	}
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return invalid("%v", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return invalid("there is text behind the document")
	}
	switch {
	case c.Version != 1:
		return invalid("its Version is %v; 1.0 is known", c.Version)
	case c.CrawlerOutput.Partitions.AddOrUpdateBehavior != "" && c.CrawlerOutput.Partitions.AddOrUpdateBehavior != "InheritFromTable":
		return invalid("CrawlerOutput.Partitions.AddOrUpdateBehavior is %q; it may be InheritFromTable", c.CrawlerOutput.Partitions.AddOrUpdateBehavior)
	case c.CrawlerOutput.Tables.AddOrUpdateBehavior != "" && c.CrawlerOutput.Tables.AddOrUpdateBehavior != "MergeNewColumns":
		return invalid("CrawlerOutput.Tables.AddOrUpdateBehavior is %q; it may be MergeNewColumns", c.CrawlerOutput.Tables.AddOrUpdateBehavior)
	case c.CrawlerOutput.Tables.TableThreshold < 0:
		return invalid("CrawlerOutput.Tables.TableThreshold is negative")
	case c.Grouping.TableGroupingPolicy != "" && c.Grouping.TableGroupingPolicy != "CombineCompatibleSchemas":
		return invalid("Grouping.TableGroupingPolicy is %q; it may be CombineCompatibleSchemas", c.Grouping.TableGroupingPolicy)
	case c.Grouping.TableLevelConfiguration < 0:
		return invalid("Grouping.TableLevelConfiguration is negative")
	}
	return c, nil
}
