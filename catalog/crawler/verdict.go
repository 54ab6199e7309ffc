package crawler

import (
	"context"
	"io"

	"flowlake/access"
	"flowlake/catalog"
	"flowlake/catalog/grok"
	"flowlake/columnar"
	"flowlake/fault"
	"flowlake/state"
)

// The SerDes and formats that tables of a crawl name.
const (
	serdeLazy    = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
	serdeCSV     = "org.apache.hadoop.hive.serde2.OpenCSVSerde"
	serdeJSON    = "org.openx.data.jsonserde.JsonSerDe"
	serdeGrok    = "com.amazonaws.glue.serde.GrokSerDe"
	serdeParquet = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"

	textInput     = "org.apache.hadoop.mapred.TextInputFormat"
	textOutput    = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
	parquetInput  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
	parquetOutput = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
)

// unknown is the classification of a file that nothing recognised.
const unknown = "UNKNOWN"

// format is how the files of a table are read, besides their columns. Files of one table agree on it.
type format struct {
	classification string
	compression    string
	serde          string
	serdeParams    map[string]string
	params         map[string]string // further table parameters
	parquet        bool
	positional     bool // columns are found by their place, not by name
}

// key is equal for formats that one table can have.
func (f format) key() string {
	k := f.classification + "\x00" + f.compression + "\x00" + f.serde
	for _, m := range []map[string]string{f.serdeParams, f.params} {
		for _, name := range sortedKeys(m) {
			if name != "paths" { // follows from the columns
				k += "\x00" + name + "\x01" + m[name]
			}
		}
		k += "\x00"
	}
	return k
}

// column is a column with its type as a tree; the zero Type is that of values that were all null.
type column struct {
	name string
	typ  columnar.Type
}

// verdict is what a classifier found out about a file.
type verdict struct {
	classifier string  // the custom classifier's name, or that of a built-in one
	custom     bool    //
	certainty  float64 // 0 to 1
	records    int     // in the sample
	matched    int     // of these, how many the classifier reads whole
	rows       int64   // in the file when that is known, -1 otherwise
	whole      bool    // the sample is the whole file
	format     format
	columns    []column
	csv        *dialect      // of delimited text
	flow       string        // the flow-log format that the lines have, "" for none
	remark     string        // what its user should know of the file all the same
	pattern    *grok.Pattern // of a Grok classifier, also of one that came to nothing
}

// custom is a custom classifier, ready to be tried.
type custom struct {
	catalog.Classifier
	pattern *grok.Pattern
	path    []catalog.PathStep
}

// prepare compiles the crawler's custom classifiers, in their order. They are the crawler's own: its role need not be
// allowed to read them.
func (k *Crawlers) prepare(ctx context.Context, c access.Caller, names []string) ([]custom, error) {
	out := make([]custom, 0, len(names))
	for _, name := range names {
		var cl catalog.Classifier
		err := k.st.View(ctx, func(tx *state.Tx) error {
			_, err := tx.Get(id(c, kindClassifier, name), &cl)
			if fault.Is(err, fault.NotFound) {
				err = noClassifier(name, "not found")
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		ready := custom{Classifier: cl}
		switch {
		case cl.Grok != nil:
			ready.pattern, err = grok.Compile(cl.Grok.Pattern, cl.Grok.CustomPatterns)
		case cl.JSON != nil:
			ready.path, err = catalog.ParseJSONPath(cl.JSON.Path)
		}
		if err != nil {
			return nil, fault.Newf(fault.Invalid, "classifier "+name, "%w", err)
		}
		out = append(out, ready)
	}
	return out, nil
}

// finding is the outcome for one file.
type finding struct {
	file    file
	best    verdict // classification UNKNOWN when nothing recognised it
	tried   []verdict
	reason  string // why it is UNKNOWN, or what else is to be known of it
	unknown bool
	lines   [][]byte // for the classifier doctor: lines that a Grok classifier did not match, and some that it did
}

// classify finds out what a file is: custom classifiers in their order, the first that is certain
// wins; then the built-in ones; without certainty the one that is nearest to it.
//
// Source: Glue developer guide, "Defining and managing classifiers"
func classify(ctx context.Context, s sample, customs []custom) finding {
	f := finding{file: s.file}
	consider := func(v verdict) bool {
		v.format.compression = s.compression
		v.whole = s.whole && v.records < sampleRecords
		f.tried = append(f.tried, v)
		if v.certainty > f.best.certainty {
			f.best = v
		}
		return v.certainty == 1
	}
	if s.parquet != nil {
		v, reason := classifyParquet(s)
		if reason != "" {
			return finding{file: s.file, unknown: true, reason: reason}
		}
		consider(v)
		return f
	}
	if len(s.head) == 0 {
		return finding{file: s.file, unknown: true, reason: "it is empty"}
	}
	if s.binary() {
		return finding{file: s.file, unknown: true, reason: "it is neither text nor a format that is known"}
	}
	lines := s.lines()
	for _, cl := range customs {
		var v verdict
		switch {
		case cl.Grok != nil:
			v = classifyGrok(ctx, cl, lines)
			f.lines = lines
		case cl.JSON != nil:
			v = classifyJSON(s, lines, cl.path)
			v.format.params = map[string]string{"jsonPath": cl.JSON.Path}
		default:
			v = classifyCSV(lines, *cl.CSV, true)
		}
		v.classifier, v.custom = cl.Name, true
		if consider(v) {
			break
		}
	}
	if f.best.certainty < 1 {
		for _, builtIn := range []func() verdict{
			func() verdict { return classifyFlow(lines) },
			func() verdict { return classifyJSON(s, lines, nil) },
			func() verdict { return classifyCSV(lines, catalog.CSVClassifier{Trim: true}, false) },
		} {
			if consider(builtIn()) {
				break
			}
		}
	}
	f.reason = f.best.remark
	if f.best.certainty == 0 {
		f.unknown, f.reason = true, "no classifier recognised it"
		f.best = verdict{}
	}
	// What the lines are is worth knowing whoever classified them: see adopt.
	f.best.flow = flowFormat(lines)
	return f
}

// classifyParquet reads a file's footer.
func classifyParquet(s sample) (v verdict, reason string) {
	var p *columnar.Parquet
	err := s.parquet(func(r io.ReaderAt) (err error) {
		p, err = columnar.ReadParquet(s.file.url(), r, s.file.size)
		return err
	})
	if err != nil {
		return verdict{}, err.Error()
	}
	v = verdict{classifier: "parquet", certainty: 1, rows: p.Rows, records: int(min(p.Rows, sampleRecords)),
		matched: int(min(p.Rows, sampleRecords)),
		format: format{classification: "parquet", serde: serdeParquet, parquet: true,
			serdeParams: map[string]string{"serialization.format": "1"}}}
	for _, col := range p.Columns {
		if col.Type.Kind == 0 {
			return verdict{}, "its column " + col.Name + " is stored as " + col.Physical + ", which no Hive type reads"
		}
		v.columns = append(v.columns, column{col.Name, col.Type})
	}
	if len(v.columns) == 0 {
		return verdict{}, "it has no columns"
	}
	return v, ""
}
