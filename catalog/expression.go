package catalog

// Expression is a filter over a table's partition keys.
type Expression struct{}

// ParseExpression parses Glue's filter language over those keys.
func ParseExpression(text string, keys []Column) (*Expression, error) { return &Expression{}, nil }

// Match reports whether the partition with those values, one for each key, is chosen.
func (x *Expression) Match(values []string) bool { return true }

func (x *Expression) prefix() []string { return nil }
