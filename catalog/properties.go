package catalog

import "strings"

// ownProperties begin the names of the table properties that are flowlake's own.
const ownProperties = "flowlake."

// Check has f look at what tables say of flowlake when they say it: at a table that is made with properties whose
// names begin with flowlake., and at one whose such properties change. Its error refuses the table. Tables that were made
// before stay as they are, and so does a table whose schema changes under its properties: a crawl goes on. It is for
// wiring: call it before the catalogue is used.
func (k *Catalog) Check(f func(Table) error) { k.checks = append(k.checks, f) }

// checkProperties asks the checks when t's own properties are not old's.
func (e *Edit) checkProperties(t Table, old map[string]string) error {
	said := func(now, before map[string]string) bool {
		for name, value := range now {
			if v, ok := before[name]; strings.HasPrefix(name, ownProperties) && (!ok || v != value) {
				return true
			}
		}
		return false
	}
	if !said(t.Parameters, old) && !said(old, t.Parameters) {
		return nil
	}
	for _, check := range e.checks {
		if err := check(t); err != nil {
			return err
		}
	}
	return nil
}
