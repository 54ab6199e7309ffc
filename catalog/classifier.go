package catalog

import (
	"context"
	"iter"
	"time"

	"flowlake/access"
	"flowlake/fault"
)

// maxClassifiers is how many classifiers an account has in a region at most.
const maxClassifiers = 1_000

// Classifier tells a crawler how to recognise a kind of file. Exactly one of Grok, JSON and CSV is
// set. A classifier's name keeps its case, and it never changes from one of the three to another.
type Classifier struct {
	Name    string          `json:"name"`
	Grok    *GrokClassifier `json:"grok,omitempty"`
	JSON    *JSONClassifier `json:"json,omitempty"`
	CSV     *CSVClassifier  `json:"csv,omitempty"`
	Created time.Time       `json:"created"`
	Updated time.Time       `json:"updated"`
	Version int64           `json:"version"` // 1 at first, one more with each update
}

// GrokClassifier recognises lines by a Grok pattern.
type GrokClassifier struct {
	Classification string `json:"classification"` // what the tables say their data is
	Pattern        string `json:"pattern"`
	CustomPatterns string `json:"customPatterns,omitempty"` // lines of "NAME pattern"
}

// JSONClassifier recognises JSON documents and says which part of them is a row.
type JSONClassifier struct {
	Path string `json:"path"` // a subset of JSONPath: "$", "$.a.b", "$[*]", "$.items[*]"
}

// What a CSV classifier knows of header lines, as Glue spells it.
const (
	HeaderUnknown = "UNKNOWN"
	HeaderPresent = "PRESENT"
	HeaderAbsent  = "ABSENT"
)

// The SerDes that a CSV classifier may choose for its tables, as Glue spells them.
const (
	SerDeNone    = "None" // let the crawler choose
	SerDeOpenCSV = "OpenCSVSerDe"
	SerDeLazy    = "LazySimpleSerDe"
)

// CSVClassifier recognises delimited text.
type CSVClassifier struct {
	Delimiter        string   `json:"delimiter,omitempty"` // one character; empty: detect it
	Quote            string   `json:"quote,omitempty"`     // one character; empty: the double quote
	ContainsHeader   string   `json:"containsHeader,omitempty"`
	Header           []string `json:"header,omitempty"`
	Trim             bool     `json:"trim"` // cut blanks around values before their type is inferred
	SingleColumn     bool     `json:"singleColumn,omitempty"`
	CustomTypes      []string `json:"customTypes,omitempty"` // the types of the columns, in order
	CustomTypesGiven bool     `json:"customTypesGiven,omitempty"`
	SerDe            string   `json:"serde,omitempty"`
}

// CreateClassifier keeps a classifier. It returns fault.Exists when there is one of that name.
func (k *Catalog) CreateClassifier(ctx context.Context, c access.Caller, cl Classifier) error {
	return k.Edit(ctx, c, func(e *Edit) error {
		if err := e.allow(ctx, "CreateClassifier", "*"); err != nil {
			return err
		}
		if err := cl.check(); err != nil {
			return err
		}
		count := 0
		for _, err := range e.tx.List(e.id(kindClassifier, ""), "") {
			if err != nil {
				return err
			}
			if count++; count >= maxClassifiers {
				return fault.Newf(fault.Limit, "classifier "+cl.Name, "there are %d classifiers, as many as an account may have", maxClassifiers)
			}
		}
		cl.Created, cl.Updated, cl.Version = e.now, e.now, 1
		err := e.tx.Create(e.id(kindClassifier, cl.Name), cl)
		if fault.Is(err, fault.Exists) {
			return fault.Newf(fault.Exists, "classifier "+cl.Name, "already exists")
		}
		return err
	})
}

// Classifier returns a classifier, or fault.NotFound.
func (k *Catalog) Classifier(ctx context.Context, c access.Caller, name string) (cl Classifier, err error) {
	err = k.View(ctx, c, func(s *Snapshot) error { cl, err = s.Classifier(ctx, name); return err })
	return cl, err
}

// Classifiers returns up to max classifiers (0: all) in the order of their names, those after the
// name after, and the name to go on after, empty at the end.
func (k *Catalog) Classifiers(ctx context.Context, c access.Caller, after string, max int) (page []Classifier, next string, err error) {
	err = k.View(ctx, c, func(s *Snapshot) error {
		for cl, err := range s.classifiers(ctx, after) {
			if err != nil {
				return err
			}
			if max > 0 && len(page) == max {
				next = page[len(page)-1].Name
				return nil
			}
			page = append(page, cl)
		}
		return nil
	})
	return page, next, err
}

// UpdateClassifier changes a classifier: change gets it as it is, and what it leaves is checked and
// kept. The name stays.
func (k *Catalog) UpdateClassifier(ctx context.Context, c access.Caller, name string, change func(*Classifier) error) error {
	return k.Edit(ctx, c, func(e *Edit) error {
		if err := e.allow(ctx, "UpdateClassifier", "*"); err != nil {
			return err
		}
		cl, err := e.classifier(name)
		if err != nil {
			return err
		}
		if err := change(&cl); err != nil {
			return err
		}
		cl.Name, cl.Updated, cl.Version = name, e.now, cl.Version+1
		if err := cl.check(); err != nil {
			return err
		}
		return e.tx.Put(e.id(kindClassifier, name), cl)
	})
}

// DeleteClassifier removes a classifier, or returns fault.NotFound.
func (k *Catalog) DeleteClassifier(ctx context.Context, c access.Caller, name string) error {
	return k.Edit(ctx, c, func(e *Edit) error {
		if err := e.allow(ctx, "DeleteClassifier", "*"); err != nil {
			return err
		}
		if _, err := e.classifier(name); err != nil {
			return err
		}
		return e.tx.Delete(e.id(kindClassifier, name))
	})
}

// Classifier returns a classifier, or fault.NotFound.
func (s *Snapshot) Classifier(ctx context.Context, name string) (Classifier, error) {
	if err := s.allow(ctx, "GetClassifier", "*"); err != nil {
		return Classifier{}, err
	}
	return s.classifier(name)
}

func (s *Snapshot) classifier(name string) (Classifier, error) {
	var cl Classifier
	_, err := s.tx.Get(s.id(kindClassifier, name), &cl)
	if fault.Is(err, fault.NotFound) {
		return Classifier{}, fault.Newf(fault.NotFound, "classifier "+name, "not found")
	}
	return cl, err
}

func (s *Snapshot) classifiers(ctx context.Context, after string) iter.Seq2[Classifier, error] {
	return func(yield func(Classifier, error) bool) {
		if err := s.allow(ctx, "GetClassifiers", "*"); err != nil {
			yield(Classifier{}, err)
			return
		}
		for row, err := range s.tx.List(s.id(kindClassifier, ""), after) {
			var cl Classifier
			if err == nil {
				err = row.Decode(&cl)
			}
			if !yield(cl, err) || err != nil {
				return
			}
		}
	}
}
