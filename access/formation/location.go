package formation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"flowlake/access"
	"flowlake/access/identity"
	"flowlake/access/policy"
	"flowlake/fault"
	"flowlake/state"
)

// Location is a place in S3 that was registered: what lies there is read and written with its role's rights.
type Location struct {
	ARN      string    `json:"arn"` // "arn:aws:s3:::bucket/prefix"
	RoleARN  string    `json:"role"`
	Modified time.Time `json:"modified"`
}

// Service is the name that Lake Formation assumes roles under.
const Service = "lakeformation.amazonaws.com"

// urlPath is the "bucket/prefix" of the folder that an s3:// URL names, as lake.ParseURL reads it, without a slash at its end.
func urlPath(url string) (path string, ok bool) {
	for _, scheme := range []string{"s3://", "s3a://", "s3n://"} {
		if path, ok = strings.CutPrefix(url, scheme); ok {
			return strings.TrimSuffix(path, "/"), true
		}
	}
	return "", false
}

// anyPath is urlPath, or placePath of an ARN. What a URL names has no wildcards.
func anyPath(place string) (string, error) {
	if path, ok := urlPath(place); ok {
		return path, nil
	}
	return placePath(place)
}

// placePath is the "bucket/prefix" of a place that is to be registered or granted, without a slash at its end, from its ARN or
// an s3:// URL.
func placePath(place string) (string, error) {
	path, ok := urlPath(place)
	if !ok {
		if path, ok = strings.CutPrefix(place, "arn:aws:s3:::"); !ok {
			return "", fault.Newf(fault.Invalid, "resource ARN "+place, "is not that of a place in S3: arn:aws:s3:::bucket/prefix")
		}
		path = strings.TrimSuffix(strings.TrimSuffix(path, "*"), "/")
	}
	bucket, _, _ := strings.Cut(path, "/")
	if bucket == "" || len(path) > 1100 || strings.ContainsAny(path, "*?\x00\x1f") {
		return "", fault.Newf(fault.Invalid, "resource ARN "+place, "is not that of a place in S3: arn:aws:s3:::bucket/prefix")
	}
	return path, nil
}

// covers reports whether path is place or lies below it.
func covers(place, path string) bool {
	rest, ok := strings.CutPrefix(path, place)
	return ok && (rest == "" || rest[0] == '/')
}

// Location returns the registered location that covers an s3://bucket/key, the innermost of several.
func (v *View) Location(_ context.Context, s3URL string) (l Location, ok bool, err error) {
	path, err := anyPath(s3URL)
	if err != nil {
		return Location{}, false, nil
	}
	bucket, _, _ := strings.Cut(path, "/")
	for row, err := range v.tx.List(v.id(kindLocation, bucket), "") {
		if err != nil {
			return Location{}, false, err
		}
		if !covers(row.Key, path) { // in the order of keys an inner place follows the outer one
			continue
		}
		if err := row.Decode(&l); err != nil {
			return Location{}, false, err
		}
		ok = true
	}
	return l, ok, nil
}

// Location is View.Location in a snapshot of its own.
func (s *Store) Location(ctx context.Context, c access.Caller, s3URL string) (l Location, ok bool, err error) {
	err = s.View(ctx, c, func(v *View) error { l, ok, err = v.Location(ctx, s3URL); return err })
	return l, ok, err
}

// Register takes a place into the data lake. role is whose rights read and write there; "" is the service-linked role,
// which is made where it is missing and may then use the place. The caller hands the role over (see access.Guard.PassRole).
// It returns fault.Exists for a place that is registered.
func (s *Store) Register(ctx context.Context, c access.Caller, place, role string) error {
	path, err := placePath(place)
	if err != nil {
		return err
	}
	if _, err := s.Registered(ctx, c, place); err == nil { // before a role is made for it
		return registered(path)
	}
	if role == "" {
		if role, err = s.linkedRole(ctx, c, path); err != nil {
			return err
		}
	} else if err := s.guard.PassRole(ctx, c, "RoleArn", role, Service); err != nil {
		return err
	}
	return s.edit(ctx, c, func(v *View) error {
		err := v.tx.Create(v.id(kindLocation, path), Location{ARN: "arn:aws:s3:::" + path, RoleARN: role, Modified: s.now().UTC()})
		if fault.Is(err, fault.Exists) {
			return registered(path)
		}
		return err
	})
}

func registered(path string) error {
	return fault.Newf(fault.Exists, "Resource arn:aws:s3:::"+path, "is already registered")
}

// Reassign gives a registered location another role.
func (s *Store) Reassign(ctx context.Context, c access.Caller, place, role string) error {
	path, err := placePath(place)
	if err != nil {
		return err
	}
	if err := s.guard.PassRole(ctx, c, "RoleArn", role, Service); err != nil {
		return err
	}
	err = s.edit(ctx, c, func(v *View) error {
		if _, err := v.location(path); err != nil {
			return err
		}
		return v.tx.Put(v.id(kindLocation, path), Location{ARN: "arn:aws:s3:::" + path, RoleARN: role, Modified: s.now().UTC()})
	})
	if err != nil {
		return err
	}
	return s.unlink(ctx, path)
}

// Deregister takes a place out of the data lake: what lies there is IAM's to decide on again. Grants on it stay.
func (s *Store) Deregister(ctx context.Context, c access.Caller, place string) error {
	path, err := placePath(place)
	if err != nil {
		return err
	}
	err = s.edit(ctx, c, func(v *View) error {
		if _, err := v.location(path); err != nil {
			return err
		}
		return v.tx.Delete(v.id(kindLocation, path))
	})
	if err != nil {
		return err
	}
	return s.unlink(ctx, path)
}

// unlink takes from the service-linked role what it may do at a place, unless that is still registered with it.
func (s *Store) unlink(ctx context.Context, path string) error {
	if s.identities == nil {
		return nil
	}
	used, err := s.elsewhere(ctx, path)
	if err != nil || used {
		return err
	}
	return s.identities.DropLinked(ctx, Service, linkedPolicy(path))
}

// elsewhere reports whether a place is registered with the service-linked role in any region: the role is everywhere's.
func (s *Store) elsewhere(ctx context.Context, path string) (used bool, err error) {
	linked, _ := s.identities.Linked(Service)
	err = s.st.View(ctx, func(tx *state.Tx) error {
		for row, err := range tx.All(kindLocation) {
			var l Location
			if err == nil {
				err = row.Decode(&l)
			}
			if err != nil {
				return err
			}
			used = used || row.Key == path && l.RoleARN == linked
		}
		return nil
	})
	return used, err
}

// linkedUses are the places that are registered with the service-linked role, by region: it is not deleted before they are.
func (s *Store) linkedUses(tx *state.Tx) (uses []identity.LinkedUse, err error) {
	linked, _ := s.identities.Linked(Service)
	for row, err := range tx.All(kindLocation) {
		var l Location
		if err == nil {
			err = row.Decode(&l)
		}
		if err != nil {
			return nil, err
		}
		if l.RoleARN != linked {
			continue
		}
		at := slices.IndexFunc(uses, func(u identity.LinkedUse) bool { return u.Region == row.Region })
		if at < 0 {
			at, uses = len(uses), append(uses, identity.LinkedUse{Region: row.Region})
		}
		uses[at].Resources = append(uses[at].Resources, l.ARN)
	}
	return uses, nil
}

func (v *View) location(path string) (l Location, err error) {
	_, err = v.tx.Get(v.id(kindLocation, path), &l)
	if fault.Is(err, fault.NotFound) {
		return l, fault.Newf(fault.NotFound, "Resource arn:aws:s3:::"+path, "is not registered")
	}
	return l, err
}

// Registered returns a registered location by its ARN.
func (s *Store) Registered(ctx context.Context, c access.Caller, place string) (l Location, err error) {
	path, err := placePath(place)
	if err != nil {
		return l, err
	}
	err = s.View(ctx, c, func(v *View) error { l, err = v.location(path); return err })
	return l, err
}

// Locations returns the registered locations in the order of their ARNs, at most max that follow after, and whether
// there are more.
func (s *Store) Locations(ctx context.Context, c access.Caller, keep func(Location) bool, after string, max int) (list []Location, more bool, err error) {
	err = s.View(ctx, c, func(v *View) error {
		for row, err := range v.tx.List(v.id(kindLocation, ""), strings.TrimPrefix(after, "arn:aws:s3:::")) {
			var l Location
			if err == nil {
				err = row.Decode(&l)
			}
			if err != nil {
				return err
			}
			if !keep(l) {
				continue
			}
			if len(list) == max {
				more = true
				return nil
			}
			list = append(list, l)
		}
		return nil
	})
	return list, more, err
}

// linkedRole is Lake Formation's own role, made where it is missing, with the right to use a place. Making it is asked of the
// caller as AWS asks it.
func (s *Store) linkedRole(ctx context.Context, c access.Caller, path string) (string, error) {
	if s.identities == nil {
		return "arn:aws:iam::" + c.Account + ":role/aws-service-role/" + Service + "/AWSServiceRoleForLakeFormationDataAccess", nil
	}
	linked, _ := s.identities.Linked(Service)
	if _, err := s.identities.Principal(ctx, linked); fault.Is(err, fault.NotFound) {
		err := s.guard.Allow(ctx, c, "iam:CreateServiceLinkedRole", linked, policy.Entry{Key: "iam:AWSServiceName", Values: []string{Service}})
		if err != nil {
			return "", err
		}
		if _, err := s.identities.CreateServiceLinkedRole(ctx, Service, "", ""); err != nil && !fault.Is(err, fault.Exists) {
			return "", err
		}
	} else if err != nil {
		return "", err
	}
	document, err := placePolicy(path)
	if err != nil {
		return "", err
	}
	return linked, s.identities.PutLinked(ctx, Service, linkedPolicy(path), document)
}

// linkedPolicy is the name of the policy that lets the service-linked role use a place.
func linkedPolicy(path string) string {
	sum := sha256.Sum256([]byte(path))
	return "LakeFormationDataAccessPolicyForS3-" + hex.EncodeToString(sum[:8])
}

// placePolicy lets its role read and write a place.
//
// Source: Lake Formation developer guide, "Service-linked role permissions for Lake Formation".
func placePolicy(path string) (string, error) {
	path = literal.Replace(path)
	bucket, _, _ := strings.Cut(path, "/")
	type statement struct {
		Sid      string
		Effect   string
		Action   []string
		Resource []string
	}
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []statement{
		{"LakeFormationDataAccessPermissionsForS3", "Allow", []string{"s3:PutObject", "s3:GetObject", "s3:DeleteObject"}, []string{"arn:aws:s3:::" + path + "/*"}},
		{"LakeFormationDataAccessPermissionsForS3ListBucket", "Allow", []string{"s3:ListBucket", "s3:GetBucketLocation"}, []string{"arn:aws:s3:::" + bucket}},
	}})
	return string(text), err
}
