package wire

import (
	"bytes"
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Coverage writes the Markdown page that says what is supported: for each service its operations, the permissions
// that they need, and which members of their input are honoured, recorded or refused.
func Coverage(services []Service) []byte {
	var b bytes.Buffer
	b.WriteString(`# What flowlake supports

Made from the tables of operations that the server runs on; do not edit it by hand.

- **Honoured** members have the effect that AWS documents.
- **Recorded** members are kept and echoed, and have no other effect.
- **Refused** members are known to AWS and not to flowlake: a request that carries one fails with an error that names it.
  So does a request with a member that nobody knows. Nothing is accepted and ignored.
- A structure that is named without its members is named with all of them.

`)
	sorted := slices.Clone(services)
	slices.SortStableFunc(sorted, func(a, b Service) int { return cmp.Compare(a.Title, b.Title) })
	for _, svc := range sorted {
		fmt.Fprintf(&b, "- [%s](#%s): %d operations\n", svc.Title, anchor(svc.Title), len(svc.Operations))
	}
	for _, svc := range sorted {
		fmt.Fprintf(&b, "\n## %s\n\nSigning name `%s`, protocol %s.\n", svc.Title, svc.Name, svc.Protocol)
		ops := slices.Clone(svc.Operations)
		slices.SortFunc(ops, func(a, b Operation) int { return cmp.Compare(a.Name, b.Name) })
		for _, op := range ops {
			fmt.Fprintf(&b, "\n### %s\n\n", op.Name)
			if op.Public {
				b.WriteString("- Permissions: none, beyond a valid signature\n")
			} else {
				list(&b, "Permissions", dedupe(op.Actions))
			}
			list(&b, "Honoured", op.Honoured)
			list(&b, "Recorded", op.Recorded)
			list(&b, "Refused", op.refused())
		}
	}
	return b.Bytes()
}

func list(b *bytes.Buffer, title string, items []string) {
	if len(items) == 0 {
		return
	}
	sorted := slices.Sorted(slices.Values(items))
	fmt.Fprintf(b, "- %s: `%s`\n", title, strings.Join(sorted, "`, `"))
}

// dedupe drops repeats: an action may be asked for several resources.
func dedupe(items []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(items)))
}

// anchor is the fragment that Markdown viewers give to a title.
func anchor(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || r > '~' || 'a' <= r && r <= 'z' || '0' <= r && r <= '9':
			return r
		}
		return -1
	}, strings.ToLower(title))
}

// refused lists the members of a typed operation's input that its row does not name. Below a structure of
// which no member is named only the structure is listed.
func (op Operation) refused() []string {
	if op.in == nil {
		return nil
	}
	var refused []string
	var walk func(t reflect.Type, tree allowed, prefix string)
	walk = func(t reflect.Type, tree allowed, prefix string) {
		for f := range members(t) {
			below, named := tree[f.Name]
			switch {
			case !named:
				refused = append(refused, prefix+f.Name)
			case len(below) > 0:
				if s, ok := structOf(f.Type); ok {
					walk(s, below, prefix+f.Name+".")
				}
			}
		}
	}
	walk(op.in, allow(op.Honoured, op.Recorded), "")
	return refused
}
