package access

import (
	"encoding/json"
	"maps"
	"strconv"
	"strings"
	"sync"

	"flowlake/access/policy"
	"flowlake/fault"
)

// sessions keeps what callers' sessions began with, compiled: Caller carries it as text.
type sessions struct {
	mu       sync.Mutex                 // guards both maps
	policies map[string][]policy.Source // by Caller.SessionPolicies
	tags     map[string]map[string]string
}

// maxSessions bounds each map: sessions come and go, and their texts are short. A full map is dropped whole.
const maxSessions = 2048

// compiled returns the session's policies, nil when it was given none.
func (s *sessions) compiled(text string) ([]policy.Source, error) {
	if text == "" {
		return nil, nil
	}
	s.mu.Lock()
	found, ok := s.policies[text]
	s.mu.Unlock()
	if ok {
		return found, nil
	}
	var documents []string
	if err := json.Unmarshal([]byte(text), &documents); err != nil {
		return nil, fault.Newf(fault.Internal, "session policies", "%w", err)
	}
	sources := make([]policy.Source, 0, len(documents))
	for i, document := range documents {
		d, err := policy.Parse(policy.Identity, document)
		if err != nil {
			return nil, fault.Newf(fault.Internal, "session policy "+strconv.Itoa(i+1), "%w", err)
		}
		sources = append(sources, policy.Source{Name: "session policy " + strconv.Itoa(i+1), Document: d})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.policies == nil || len(s.policies) >= maxSessions {
		s.policies = map[string][]policy.Source{}
	}
	s.policies[text] = sources
	return sources, nil
}

// tagged returns the principal's tags with the session's over them; keys are told apart by no case.
func (s *sessions) tagged(own map[string]string, text string) (map[string]string, error) {
	if text == "" {
		return own, nil
	}
	s.mu.Lock()
	tags, ok := s.tags[text]
	s.mu.Unlock()
	if !ok {
		if err := json.Unmarshal([]byte(text), &tags); err != nil {
			return nil, fault.Newf(fault.Internal, "session tags", "%w", err)
		}
		s.mu.Lock()
		if s.tags == nil || len(s.tags) >= maxSessions {
			s.tags = map[string]map[string]string{}
		}
		s.tags[text] = tags
		s.mu.Unlock()
	}
	if len(own) == 0 {
		return tags, nil
	}
	all := maps.Clone(tags)
	for key, value := range own {
		if !overridden(tags, key) {
			all[key] = value
		}
	}
	return all, nil
}

func overridden(tags map[string]string, key string) bool {
	for other := range tags {
		if strings.EqualFold(other, key) {
			return true
		}
	}
	return false
}
