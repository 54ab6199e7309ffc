package policy

// Evaluate decides a question by the policies, as AWS's "Policy evaluation logic" has it:
//
//   - A Deny that applies, in any of them, is the answer, for root too.
//   - Within the account that owns the resource, an identity policy or the resource's policy has to allow; what the
//     resource's policy allows to the account as a whole counts only with an identity policy beside it. A role's trust
//     policy has to allow in any case.
//   - Across accounts both have to. A service that asks as itself has the resource's policy alone.
//   - A boundary and a session's policies have to allow too, but for what the resource's policy gives to the user, the
//     session or everybody directly; a role's ARN in it is bound by both.
//
// The statement that a decision names is the first of its policy that decided. Allowing allocates nothing.
//
// Differs from AWS: a user or role that was deleted and made again is told apart from the first only where a policy
// names its unique id; AWS replaces ARNs by ids when a policy is stored.
//
// Source: IAM user guide, "Policy evaluation logic", "Evaluating identity-based policies with resource-based policies",
// "Permissions boundaries for IAM entities".
func Evaluate(r *Request, p *Policies) Decision {
	s := scope{request: r, resource: cutARN(r.Resource), marks: marksOf(r.Resource), bounded: p.Boundary != nil}

	identity := s.search(p.Identity, IdentityPolicy)
	if identity.denied() {
		return identity.decision(ExplicitDeny)
	}
	var boundary, session, resource finding
	if p.Boundary != nil {
		if boundary = s.searchOne(p.Boundary, PermissionsBoundary); boundary.denied() {
			return boundary.decision(ExplicitDeny)
		}
	}
	if session = s.search(p.Session, SessionPolicy); session.denied() {
		return session.decision(ExplicitDeny)
	}
	trust := false
	if p.Resource != nil && p.Resource.Document != nil {
		trust = p.Resource.Document.kind == Trust
		if resource = s.searchOne(p.Resource, ResourcePolicy); resource.denied() {
			return resource.decision(ExplicitDeny)
		}
	}

	service := r.Principal.Service != ""
	foreign := r.Owner != "" && r.Principal.Account != r.Owner
	if (service || foreign || trust) && resource.grant == nobody {
		d := Decision{Reason: NoResourceAllow, Policy: ResourcePolicy}
		if trust {
			d.Reason = NoTrust
		}
		if p.Resource != nil {
			d.Source = p.Resource.Name
		}
		return d
	}
	switch {
	case service:
		return resource.decision(AllowedByResource)
	case p.Root && foreign:
		return resource.decision(AllowedByResource)
	case p.Root:
		return Decision{Allowed: true, Reason: AllowedAsRoot}
	}
	if !foreign && resource.grant == directly {
		return resource.decision(AllowedByResource)
	}
	byRole := !foreign && resource.grant == byRole
	switch {
	case identity.statement == nil && !byRole:
		return Decision{Reason: NoIdentityAllow, Policy: IdentityPolicy}
	case p.Boundary != nil && boundary.statement == nil:
		return Decision{Reason: NoBoundaryAllow, Policy: PermissionsBoundary, Source: p.Boundary.Name}
	case p.Session != nil && session.statement == nil:
		d := Decision{Reason: NoSessionAllow, Policy: SessionPolicy}
		if len(p.Session) == 1 {
			d.Source = p.Session[0].Name
		}
		return d
	case identity.statement == nil:
		return resource.decision(AllowedByResource)
	}
	return identity.decision(AllowedByIdentity)
}

// finding is what policies of one kind say to a question: the statement that denies it or, without one, the first that
// allows it.
type finding struct {
	statement *statement
	source    *Source
	policy    Type
	grant     grant // of an allowing resource policy
}

func (f *finding) denied() bool { return f.statement != nil && !f.statement.allow }

func (f *finding) decision(reason Reason) Decision {
	return Decision{Allowed: f.statement.allow, Reason: reason, Policy: f.policy, Source: f.source.Name, Sid: f.statement.sid, Statement: f.statement.number}
}

// search looks through the policies of one kind.
func (s *scope) search(sources []Source, policy Type) finding {
	var found finding
	for i := range sources {
		f := s.searchOne(&sources[i], policy)
		if f.denied() {
			return f
		}
		if found.statement == nil && f.statement != nil {
			found = f
		}
	}
	return found
}

// searchOne looks through one policy.
func (s *scope) searchOne(source *Source, policy Type) finding {
	found := finding{source: source, policy: policy}
	d := source.Document
	if d == nil {
		return found
	}
	rows := d.isAbout(s.request.Action)
	for i := range rows {
		r := &rows[i]
		if r.allow && found.statement != nil && (policy != ResourcePolicy || found.grant == directly) || s.out(r) {
			continue // a second leave that adds nothing, or about something else
		}
		st := r.statement
		g := s.grants(st, d.kind)
		if g == nobody || st.allow && g <= found.grant || !s.covers(st) || !s.holds(st) {
			continue
		}
		found.statement, found.grant = st, g
		if !st.allow {
			return found
		}
	}
	return found
}

// grants reports how a statement's principals meet the principal. A Deny meets whoever is named in any way; one with
// NotPrincipal also whoever has a boundary, named or not.
//
// Source: IAM user guide, "Permissions boundaries for IAM entities", the first note.
func (s *scope) grants(st *statement, kind Kind) grant {
	switch {
	case kind == Identity:
		return directly
	case st.notPrincipal:
		if (st.allow || !s.bounded) && excepted(st.principals, &s.request.Principal) {
			return nobody
		}
		return directly
	}
	return names(st.principals, &s.request.Principal)
}

// covers reports whether a statement is about the resource.
func (s *scope) covers(st *statement) bool {
	if st.anyResource {
		return true
	}
	for i := range st.arns {
		if st.arns[i].match(&s.resource, s) {
			return !st.notResource
		}
	}
	return st.notResource
}

// holds reports whether all conditions of a statement are met.
func (s *scope) holds(st *statement) bool { return s.unmet(st) == nil }
