package iam

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	api "github.com/aws/aws-sdk-go-v2/service/iam"

	"flowlake/access"
	"flowlake/access/policy"
	"flowlake/fault"
)

// keySet is a set of condition keys, which are told apart by no case; of several spellings it keeps the first in order.
type keySet map[string]string

func (s *keySet) add(key string) {
	if *s == nil {
		*s = keySet{}
	}
	lower := strings.ToLower(key)
	if there, ok := (*s)[lower]; !ok || key < there {
		(*s)[lower] = key
	}
}

// variables adds those of texts: ${key}, ${key, 'default'}. ${*}, ${?} and ${$} are characters, and the old version of
// the policy language has no variables.
func (s *keySet) variables(version string, texts []string) {
	if version != "2012-10-17" {
		return
	}
	for _, text := range texts {
		for _, part := range strings.Split(text, "${")[1:] {
			name, _, ok := strings.Cut(part, "}")
			name, _, _ = strings.Cut(name, ",")
			if name = strings.TrimSpace(name); ok && strings.Contains(name, ":") {
				s.add(name)
			}
		}
	}
}

func (s keySet) sorted() []string {
	return slices.SortedFunc(maps.Values(s), func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
}

// contextKeys lists the keys of documents; never nil.
func contextKeys(of []source) ([]string, error) {
	var keys keySet
	for _, one := range of {
		list, err := statements(one.Document)
		if err != nil {
			return nil, err
		}
		for _, s := range list {
			for _, key := range s.keys {
				keys.add(key)
			}
		}
	}
	return append([]string{}, keys.sorted()...), nil
}

// parseAll checks the documents that a request carries. Their errors say which of them it is.
func parseAll(kind policy.Kind, member string, documents []string) ([]source, error) {
	all := make([]source, len(documents))
	for i, text := range documents {
		doc, err := policy.Parse(kind, text)
		if err != nil {
			return nil, named(err, member, i)
		}
		id := member + "." + strconv.Itoa(i+1)
		all[i] = source{Source: policy.Source{Name: id, Document: doc}, id: id}
	}
	return all, nil
}

func (d *door) contextKeysCustom(ctx context.Context, c access.Caller, in *api.GetContextKeysForCustomPolicyInput) (*api.GetContextKeysForCustomPolicyOutput, error) {
	all, err := parseAll(policy.Identity, "PolicyInputList", in.PolicyInputList)
	if err != nil {
		return nil, err
	}
	keys, err := contextKeys(all)
	return &api.GetContextKeysForCustomPolicyOutput{ContextKeyNames: keys}, err
}

func (d *door) contextKeysPrincipal(ctx context.Context, c access.Caller, in *api.GetContextKeysForPrincipalPolicyInput) (*api.GetContextKeysForPrincipalPolicyOutput, error) {
	more, err := parseAll(policy.Identity, "PolicyInputList", in.PolicyInputList)
	if err != nil {
		return nil, err
	}
	who, err := d.simulated(ctx, *in.PolicySourceArn)
	if err != nil {
		return nil, err
	}
	keys, err := contextKeys(slices.Concat(who.identity, more))
	return &api.GetContextKeysForPrincipalPolicyOutput{ContextKeyNames: keys}, err
}

// detailOf is what an error says beside what it is about.
func detailOf(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Err == nil {
		return f.Detail
	}
	return err.Error()
}
