package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	athenatypes "github.com/aws/aws-sdk-go-v2/service/athena/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/lakeformation"
	lftypes "github.com/aws/aws-sdk-go-v2/service/lakeformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"

	"flowlake/access/identity"
	"flowlake/state"
)

// world is one server with people, roles, buckets and tables.
type world struct {
	*clients
	t       testing.TB
	root    *actor
	people  map[string]*actor
	ids     map[string]string // what was made, by a name of the test's own
	secrets []string          // that nobody may find in an answer or a log
}

// actor is somebody with a key.
type actor struct {
	name, arn string
	key       aws.Credentials
	cfg       aws.Config
}

func s3Of(p *actor) *s3.Client {
	return s3.NewFromConfig(p.cfg, func(o *s3.Options) { o.UsePathStyle = true })
}
func iamOf(p *actor) *iam.Client                 { return iam.NewFromConfig(p.cfg) }
func stsOf(p *actor) *sts.Client                 { return sts.NewFromConfig(p.cfg) }
func glueOf(p *actor) *glue.Client               { return glue.NewFromConfig(p.cfg) }
func athenaOf(p *actor) *athena.Client           { return athena.NewFromConfig(p.cfg) }
func logsOf(p *actor) *cloudwatchlogs.Client     { return cloudwatchlogs.NewFromConfig(p.cfg) }
func ec2Of(p *actor) *ec2.Client                 { return ec2.NewFromConfig(p.cfg) }
func firehoseOf(p *actor) *firehose.Client       { return firehose.NewFromConfig(p.cfg) }
func formationOf(p *actor) *lakeformation.Client { return lakeformation.NewFromConfig(p.cfg) }
func roleNamed(name string) *string              { return new("arn:aws:iam::" + defaultAccount + ":role/" + name) }
func policyNamed(name string) *string {
	return new("arn:aws:iam::" + defaultAccount + ":policy/" + name)
}
func allow(resource string, actions ...string) string { return sentence("Allow", resource, actions) }
func deny(resource string, actions ...string) string  { return sentence("Deny", resource, actions) }

// call asks with one of a client's operations.
func call[C, I, O, F any](client func(*actor) C, operation func(C, context.Context, *I, ...func(*F)) (*O, error), in *I) ask {
	return func(ctx context.Context, p *actor) error {
		_, err := operation(client(p), ctx, in)
		return err
	}
}

func sentence(effect, resource string, actions []string) string {
	list, err := json.Marshal(actions)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf(`{"Effect":%q,"Action":%s,"Resource":%q}`, effect, list, resource)
}

func document(statements ...string) *string {
	return new(`{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`)
}

// trustIn is a role's trust in a principal: {"AWS": …} or {"Service": …}.
func trustIn(principal, condition string) *string {
	text := `{"Effect":"Allow","Principal":` + principal + `,"Action":["sts:AssumeRole","sts:TagSession"]`
	if condition != "" {
		text += `,"Condition":` + condition
	}
	return document(text + "}")
}

func newWorld(t testing.TB) *world {
	p := launch(t, t.TempDir())
	c := p.clients("")
	cfg := c.config("")
	key, err := cfg.Credentials.Retrieve(t.Context())
	ok(t, err)
	w := &world{clients: c, t: t, people: map[string]*actor{}, ids: map[string]string{}, secrets: []string{key.SecretAccessKey}}
	w.root = &actor{name: "root", arn: "arn:aws:iam::" + defaultAccount + ":root", key: key, cfg: cfg}
	w.people["root"] = w.root
	w.makeRoles()
	w.makePeople()
	w.makeBuckets()
	w.makeLake()
	return w
}

// person finds one of the people.
func (w *world) person(t testing.TB, name string) *actor {
	t.Helper()
	p := w.people[name]
	if p == nil {
		t.Fatalf("nobody is called %s", name)
	}
	return p
}

// signs makes somebody who signs with a key, for a region or "".
func (w *world) signs(name, arn string, key aws.Credentials) *actor {
	cfg := w.config("")
	cfg.Credentials = credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, key.SessionToken)
	p := &actor{name: name, arn: arn, key: key, cfg: cfg}
	w.people[name] = p
	w.secrets = append(w.secrets, key.SecretAccessKey)
	if key.SessionToken != "" {
		w.secrets = append(w.secrets, key.SessionToken)
	}
	return p
}

// user makes a user with a key and, where there are any, statements of its policy.
func (w *world) user(name string, statements ...string) *actor {
	w.t.Helper()
	ctx, root := w.t.Context(), w.iam()
	made, err := root.CreateUser(ctx, &iam.CreateUserInput{UserName: &name})
	ok(w.t, err)
	if len(statements) > 0 {
		_, err = root.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: &name, PolicyName: new("own"), PolicyDocument: document(statements...)})
		ok(w.t, err)
	}
	key, err := root.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &name})
	ok(w.t, err)
	return w.signs(name, *made.User.Arn, aws.Credentials{AccessKeyID: *key.AccessKey.AccessKeyId, SecretAccessKey: *key.AccessKey.SecretAccessKey})
}

func (w *world) role(name string, trust *string, statements ...string) {
	w.t.Helper()
	_, err := w.iam().CreateRole(w.t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: trust})
	ok(w.t, err)
	if len(statements) > 0 {
		_, err = w.iam().PutRolePolicy(w.t.Context(), &iam.PutRolePolicyInput{RoleName: &name, PolicyName: new("own"), PolicyDocument: document(statements...)})
		ok(w.t, err)
	}
}

// assume makes the session of a role.
func (w *world) assume(who *actor, name string, in *sts.AssumeRoleInput) *actor {
	w.t.Helper()
	out, err := stsOf(who).AssumeRole(w.t.Context(), in)
	ok(w.t, err)
	return w.signs(name, *out.AssumedRoleUser.Arn, sessionKey(out.Credentials))
}

func sessionKey(c *ststypes.Credentials) aws.Credentials {
	return aws.Credentials{AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken}
}

const pipelineServices = `{"Service":["glue.amazonaws.com","firehose.amazonaws.com","logs.amazonaws.com","vpc-flow-logs.amazonaws.com","lakeformation.amazonaws.com"]}`

// anotherAccount and anotherResource are conditions of trust policies that mean services that work for somebody else.
const (
	anotherAccount  = `{"StringEquals":{"aws:SourceAccount":"999999999999"}}`
	anotherResource = `{"ArnLike":{"aws:SourceArn":"arn:aws:*:*:` + defaultAccount + `:*/another"}}`
)

func (w *world) makeRoles() {
	everything := allow("*", "*")
	w.role("strong", trustIn(pipelineServices, ""), everything)
	w.role("weak", trustIn(pipelineServices, ""))
	w.role("lake", trustIn(`{"Service":"lakeformation.amazonaws.com"}`, ""), allow("arn:aws:s3:::lake/*", "s3:GetObject", "s3:PutObject"), allow("arn:aws:s3:::lake", "s3:ListBucket"))
	w.role("for-another-account", trustIn(pipelineServices, anotherAccount), everything)
	w.role("for-another-resource", trustIn(pipelineServices, anotherResource), everything)
	w.role("only-ec2", trustIn(`{"Service":"ec2.amazonaws.com"}`, ""), everything)
	w.role("distrusts", trustIn(`{"AWS":"999999999999"}`, ""), everything)
	w.role("delegates", trustIn(`{"AWS":"`+defaultAccount+`"}`, ""), everything)
}

// analyst is what people have who ask Athena: the catalogue to read, the data lake, and a folder for results.
var analyst = []string{
	allow("*", "athena:*", "glue:Get*", "glue:BatchGet*", "lakeformation:GetDataAccess", "lakeformation:GetTemporaryGlueTableCredentials"),
	allow("arn:aws:s3:::results", "s3:GetBucketLocation", "s3:ListBucket"),
	allow("arn:aws:s3:::results/${aws:username}/*", "s3:PutObject", "s3:GetObject"),
}

func (w *world) makePeople() {
	ctx, root, t := w.t.Context(), w.iam(), w.t
	done := answered(t)
	for _, name := range []string{"ana", "ben", "dan", "eve"} {
		w.user(name, analyst...)
	}
	w.user("fay", append(analyst, allow("*", "lakeformation:*"))...)
	w.user("lena", append(analyst, allow("*", "lakeformation:*", "glue:*"), deny("*", "lakeformation:PutDataLakeSettings", "lakeformation:RegisterResource", "lakeformation:DeregisterResource", "lakeformation:UpdateResource"))...)
	w.user("adam", allow("*", "*"))
	w.user("nora")
	w.user("bob", `{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::home","Condition":{"StringLike":{"s3:prefix":["bob/*","bob"]},"NumericLessThanEquals":{"s3:max-keys":"100"}}}`,
		allow("arn:aws:s3:::home/bob/*", "s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:AbortMultipartUpload"), allow("arn:aws:s3:::vault/*", "s3:GetObject"), deny("arn:aws:s3:::home/bob/locked/*", "s3:*"))
	w.user("carl", allow("*", "iam:Get*", "iam:List*", "glue:*", "firehose:*", "ec2:*", "logs:*", "lakeformation:*"), allow("arn:aws:iam::"+defaultAccount+":user/carl", "iam:CreateAccessKey", "iam:TagUser"),
		allow(*policyNamed("carls"), "iam:GetPolicyVersion"),
		`{"Effect":"Allow","Action":"iam:PassRole","Resource":"`+*roleNamed("*")+`","Condition":{"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}}}`,
		allow(*roleNamed("weak"), "iam:PassRole"))
	w.user("olga", allow("*", "glue:*", "firehose:*", "ec2:*", "logs:*", "lakeformation:*", "s3:*", "iam:PassRole"))
	w.user("bo", allow("*", "*"))
	boundary, err := root.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: new("edge"), PolicyDocument: document(allow("arn:aws:s3:::home/bo/*", "s3:*"), allow("*", "iam:*", "sts:*"),
		deny("*", "iam:DeleteUserPermissionsBoundary", "iam:PutUserPermissionsBoundary", "iam:CreatePolicyVersion"))})
	ok(t, err)
	done(root.PutUserPermissionsBoundary(ctx, &iam.PutUserPermissionsBoundaryInput{UserName: new("bo"), PermissionsBoundary: boundary.Policy.Arn}))
	done(root.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: new("carls"), PolicyDocument: document(allow("*", "s3:ListAllMyBuckets"))}))
	done(root.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: policyNamed("carls"), PolicyDocument: document(allow("*", "*"))})) // v2, which is in force for nobody
	done(root.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: new("carl"), PolicyArn: policyNamed("carls")}))
	done(root.CreateGroup(ctx, &iam.CreateGroupInput{GroupName: new("admins")}))
	done(root.PutGroupPolicy(ctx, &iam.PutGroupPolicyInput{GroupName: new("admins"), PolicyName: new("all"), PolicyDocument: document(allow("*", "*"))}))

	// Keys that ended.
	for _, name := range []string{"deleted", "made-again", "idle"} {
		w.user(name, allow("*", "*"))
	}
	w.role("trusts-the-one-before", trustIn(`{"AWS":"`+w.people["made-again"].arn+`"}`, ""), allow("*", "*"))
	for _, name := range []string{"deleted", "made-again"} {
		session, err := stsOf(w.people[name]).GetSessionToken(ctx, &sts.GetSessionTokenInput{})
		ok(t, err)
		w.signs("session of "+name, w.people[name].arn, sessionKey(session.Credentials))
		done(root.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: &name, AccessKeyId: &w.people[name].key.AccessKeyID}))
		done(root.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: &name, PolicyName: new("own")}))
		done(root.DeleteUser(ctx, &iam.DeleteUserInput{UserName: &name}))
	}
	before := w.people["made-again"]
	w.user("made-again", allow("*", "*"))
	w.people["the one before"] = before
	done(root.UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{UserName: new("idle"), AccessKeyId: &w.people["idle"].key.AccessKeyID, Status: iamtypes.StatusTypeInactive}))

	// Sessions.
	tess := w.user("tess", allow("*", "sts:GetSessionToken"), allow(*roleNamed("reader"), "sts:TagSession"), deny(*roleNamed("delegates"), "sts:TagSession"))
	trustsTess := `{"AWS":"` + tess.arn + `"}`
	w.role("reader", trustIn(trustsTess, ""), allow("*", "s3:*", "iam:ListUsers", "sts:*"))
	w.role("external", trustIn(trustsTess, `{"StringEquals":{"sts:ExternalId":"the-id"}}`), allow("*", "*"))
	w.role("tagged", trustIn(trustsTess, `{"StringEquals":{"aws:RequestTag/team":"flows"}}`), allow("*", "*"))
	w.role("removed", trustIn(trustsTess, ""), allow("*", "*"))
	w.assume(tess, "session", &sts.AssumeRoleInput{RoleArn: roleNamed("reader"), RoleSessionName: new("work")})
	w.assume(tess, "narrow session", &sts.AssumeRoleInput{RoleArn: roleNamed("reader"), RoleSessionName: new("narrow"), Policy: document(allow("arn:aws:s3:::home/bob/*", "s3:GetObject"), allow("*", "iam:*"))})
	w.assume(tess, "session of a removed role", &sts.AssumeRoleInput{RoleArn: roleNamed("removed"), RoleSessionName: new("work")})
	own, err := stsOf(tess).GetSessionToken(ctx, &sts.GetSessionTokenInput{})
	ok(t, err)
	w.signs("own session", tess.arn, sessionKey(own.Credentials))
	done(root.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: new("removed"), PolicyName: new("own")}))
	done(root.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: new("removed")}))
	session := w.people["session"].key
	ended := w.issue(-time.Minute)
	for name, key := range map[string]aws.Credentials{
		"over":              ended,
		"without token":     {AccessKeyID: session.AccessKeyID, SecretAccessKey: session.SecretAccessKey},
		"another's token":   {AccessKeyID: session.AccessKeyID, SecretAccessKey: session.SecretAccessKey, SessionToken: *own.Credentials.SessionToken},
		"long-term + token": {AccessKeyID: tess.key.AccessKeyID, SecretAccessKey: tess.key.SecretAccessKey, SessionToken: session.SessionToken},
		"longer token":      {AccessKeyID: session.AccessKeyID, SecretAccessKey: session.SecretAccessKey, SessionToken: session.SessionToken + "AAAA"},
		"shorter token":     {AccessKeyID: session.AccessKeyID, SecretAccessKey: session.SecretAccessKey, SessionToken: session.SessionToken[:len(session.SessionToken)-8]},
		"changed token":     {AccessKeyID: session.AccessKeyID, SecretAccessKey: session.SecretAccessKey, SessionToken: flipped(session.SessionToken)},
		"another's secret":  {AccessKeyID: session.AccessKeyID, SecretAccessKey: tess.key.SecretAccessKey, SessionToken: session.SessionToken},
		"wrong secret":      {AccessKeyID: tess.key.AccessKeyID, SecretAccessKey: session.SecretAccessKey},
		"root's id":         {AccessKeyID: w.root.key.AccessKeyID, SecretAccessKey: tess.key.SecretAccessKey},
		"unknown":           {AccessKeyID: "AKIAQQQQQQQQQQQQQQQQ", SecretAccessKey: tess.key.SecretAccessKey},
	} {
		w.signs(name, "", key)
	}
}

// flipped is a token with one character changed in its middle.
func flipped(token string) string {
	b := []byte(token)
	if i := len(b) / 2; b[i] == 'A' {
		b[i] = 'B'
	} else {
		b[i] = 'A'
	}
	return string(b)
}

// issue makes credentials of the role reader as the server does, with its own seal, for as long as nobody would be given: a
// test cannot wait for the end of a session.
func (w *world) issue(d time.Duration) aws.Credentials {
	seal, err := identity.OpenSeal(filepath.Join(filepath.Dir(w.credentials), "key"))
	ok(w.t, err)
	st, err := state.Open(w.t.TempDir())
	ok(w.t, err)
	w.t.Cleanup(func() { st.Close() })
	store, err := identity.Open(st, defaultAccount, seal, slog.New(slog.DiscardHandler))
	ok(w.t, err)
	role, err := w.iam().GetRole(w.t.Context(), &iam.GetRoleInput{RoleName: new("reader")})
	ok(w.t, err)
	c, err := store.Issue(identity.SessionSpec{Principal: "arn:aws:sts::" + defaultAccount + ":assumed-role/reader/work", PrincipalID: *role.Role.RoleId, Role: *role.Role.Arn, Session: "work", Duration: d})
	ok(w.t, err)
	return aws.Credentials{AccessKeyID: c.ID, SecretAccessKey: c.Secret, SessionToken: c.Token}
}

func (w *world) makeBuckets() {
	ctx, root, t := w.t.Context(), s3Of(w.root), w.t
	done := answered(t)
	for _, name := range []string{"home", "vault", "lake", "results", "closed", "exports", "old-acl", "misled"} {
		done(root.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name}))
	}
	for _, place := range []string{"home/bob/mine", "home/bob/locked/x", "home/eve/hers", "home/bobby/his", "home/bo/x", "vault/gold", "vault/reports/q1", "closed/x",
		"old-acl/x", "lake/private/a", "lake/theirs/a", "lake/*/a.txt", "misled/account/a", "misled/resource/a", "misled/service/a"} {
		bucket, key, _ := strings.Cut(place, "/")
		done(root.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader("hush-" + key)}))
	}
	w.secrets = append(w.secrets, "hush-")
	done(root.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: new("vault"), Policy: document(
		`{"Sid":"NoGold","Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::vault/gold"}`,
		`{"Sid":"NoDeletes","Effect":"Deny","NotPrincipal":{"AWS":"`+w.people["bob"].arn+`"},"Action":"s3:DeleteObject","Resource":"arn:aws:s3:::vault/*"}`,
		`{"Sid":"Encrypted","Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::vault/*","Condition":{"StringNotEquals":{"s3:x-amz-server-side-encryption":"AES256"}}}`,
		`{"Sid":"TLS","Effect":"Deny","Principal":"*","Action":"s3:GetObjectTagging","Resource":"arn:aws:s3:::vault/*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}`,
		`{"Sid":"Away","Effect":"Deny","Principal":"*","Action":"s3:GetObjectAcl","Resource":"arn:aws:s3:::vault/*","Condition":{"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}}}`,
		`{"Sid":"Fresh","Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::vault/reports/*","Condition":{"StringEquals":{"s3:authType":"REST-QUERY-STRING"}}}`,
	)}))
	done(root.PutBucketOwnershipControls(ctx, &s3.PutBucketOwnershipControlsInput{Bucket: new("old-acl"),
		OwnershipControls: &s3types.OwnershipControls{Rules: []s3types.OwnershipControlsRule{{ObjectOwnership: s3types.ObjectOwnershipBucketOwnerPreferred}}}}))
	up, err := root.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: new("home"), Key: new("eve/big")})
	ok(t, err)
	w.ids["upload"] = *up.UploadId
}

// grants gives somebody Lake Formation's permissions.
func (w *world) grants(to string, r *lftypes.Resource, option []lftypes.Permission, permissions ...lftypes.Permission) {
	w.t.Helper()
	_, err := formationOf(w.root).GrantPermissions(w.t.Context(), &lakeformation.GrantPermissionsInput{Principal: whom(w.people[to].arn), Resource: r, Permissions: permissions, PermissionsWithGrantOption: option})
	ok(w.t, err)
}

func whom(arn string) *lftypes.DataLakePrincipal {
	return &lftypes.DataLakePrincipal{DataLakePrincipalIdentifier: &arn}
}

func theTable(name string) *lftypes.Resource {
	return &lftypes.Resource{Table: &lftypes.TableResource{DatabaseName: new("net"), Name: &name}}
}

func theColumns(table string, columns ...string) *lftypes.Resource {
	return &lftypes.Resource{TableWithColumns: &lftypes.TableWithColumnsResource{DatabaseName: new("net"), Name: &table, ColumnNames: columns}}
}

func theDatabase(name string) *lftypes.Resource {
	return &lftypes.Resource{Database: &lftypes.DatabaseResource{Name: &name}}
}

const selects = lftypes.PermissionSelect

// makeLake makes the database net under a registered location: nothing there is left to IAM. ana may read three columns of
// flows, ben the rows of port 443, dan may know of it, fay may read and hand on open; eve and lena have nothing.
func (w *world) makeLake() {
	ctx, lf, t := w.t.Context(), formationOf(w.root), w.t
	done := answered(t)
	done(lf.PutDataLakeSettings(ctx, &lakeformation.PutDataLakeSettingsInput{DataLakeSettings: &lftypes.DataLakeSettings{DataLakeAdmins: []lftypes.DataLakePrincipal{}, AllowFullTableExternalDataAccess: new(true)}}))
	done(lf.RevokePermissions(ctx, &lakeformation.RevokePermissionsInput{Principal: whom("IAM_ALLOWED_PRINCIPALS"), Resource: &lftypes.Resource{Catalog: &lftypes.CatalogResource{}},
		Permissions: []lftypes.Permission{lftypes.PermissionCreateDatabase}}))
	done(lf.RegisterResource(ctx, &lakeformation.RegisterResourceInput{ResourceArn: new("arn:aws:s3:::lake"), RoleArn: roleNamed("lake")}))
	for folder, turned := range map[string]*string{
		"account":  trustIn(pipelineServices, anotherAccount),
		"resource": trustIn(pipelineServices, anotherResource),
		"service":  trustIn(`{"Service":"ec2.amazonaws.com"}`, ""),
	} {
		w.role("turned-"+folder, trustIn(pipelineServices, ""), allow("*", "s3:*"))
		done(lf.RegisterResource(ctx, &lakeformation.RegisterResourceInput{ResourceArn: new("arn:aws:s3:::misled/" + folder), RoleArn: roleNamed("turned-" + folder)}))
		done(w.iam().UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: new("turned-" + folder), PolicyDocument: turned}))
	}
	done(s3Of(w.root).PutObject(ctx, &s3.PutObjectInput{Bucket: new("lake"), Key: new("flows/day=2026-01-01/a.txt"), Body: strings.NewReader("10.0.0.1 443 100 tok-red\n10.0.0.2 22 0 tok-green\n")}))
	done(s3Of(w.root).PutObject(ctx, &s3.PutObjectInput{Bucket: new("lake"), Key: new("flows/day=2026-01-02/a.txt"), Body: strings.NewReader("10.0.0.3 53 30 tok-blue\n")}))
	done(s3Of(w.root).PutObject(ctx, &s3.PutObjectInput{Bucket: new("lake"), Key: new("open/a.txt"), Body: strings.NewReader("1 one\n2 two\n")}))
	w.secrets = append(w.secrets, "tok-")
	for _, text := range []string{
		"CREATE DATABASE net",
		`CREATE EXTERNAL TABLE net.flows (srcaddr string, dstport int, bytes int, token string) PARTITIONED BY (day string)
		 ROW FORMAT DELIMITED FIELDS TERMINATED BY ' ' LOCATION 's3://lake/flows/' TBLPROPERTIES ('note'='token is the owner''s')`,
		"ALTER TABLE net.flows ADD PARTITION (day='2026-01-01') PARTITION (day='2026-01-02')",
		"CREATE EXTERNAL TABLE net.open (n int, name string) ROW FORMAT DELIMITED FIELDS TERMINATED BY ' ' LOCATION 's3://lake/open/'",
		"CREATE EXTERNAL TABLE net.star (n int) LOCATION 's3://lake/*/'",
		"CREATE EXTERNAL TABLE net.misled_account (line string) LOCATION 's3://misled/account/'",
		"CREATE EXTERNAL TABLE net.misled_resource (line string) LOCATION 's3://misled/resource/'",
		"CREATE EXTERNAL TABLE net.misled_service (line string) LOCATION 's3://misled/service/'",
		"CREATE EXTERNAL TABLE net.private (secretcolumn string) LOCATION 's3://lake/private/'",
		"CREATE EXTERNAL TABLE net.vaulted (line string) LOCATION 's3://vault/reports/'",
		"CREATE VIEW net.by_token AS SELECT srcaddr, token FROM net.flows", "CREATE VIEW net.plain AS SELECT srcaddr, bytes FROM net.flows",
		"CREATE DATABASE other", "CREATE EXTERNAL TABLE other.theirs (a int) LOCATION 's3://lake/theirs/'",
	} {
		ok(t, says(text)(ctx, w.root))
	}
	for _, name := range []string{"by_token", "plain", "open"} {
		w.grants("ana", theTable(name), nil, selects)
	}
	w.grants("ana", theColumns("flows", "srcaddr", "bytes", "day"), nil, selects)
	for _, name := range []string{"vaulted", "misled_account", "misled_resource", "misled_service"} {
		w.grants("ana", theTable(name), nil, selects)
	}
	w.grants("fay", theTable("star"), nil, selects)
	cells := &lftypes.DataCellsFilter{TableCatalogId: new(defaultAccount), DatabaseName: new("net"), TableName: new("flows"), Name: new("web"),
		ColumnNames: []string{"srcaddr", "dstport", "bytes"}, RowFilter: &lftypes.RowFilter{FilterExpression: new("dstport = 443")}}
	done(lf.CreateDataCellsFilter(ctx, &lakeformation.CreateDataCellsFilterInput{TableData: cells}))
	w.grants("ben", &lftypes.Resource{DataCellsFilter: &lftypes.DataCellsFilterResource{TableCatalogId: new(defaultAccount), DatabaseName: new("net"), TableName: new("flows"), Name: new("web")}}, nil, selects)
	w.grants("dan", theTable("flows"), nil, lftypes.PermissionDescribe)
	w.grants("fay", theTable("open"), []lftypes.Permission{selects}, selects)
	w.grants("fay", theTable("open"), nil, lftypes.PermissionInsert)
	done(lf.CreateLFTag(ctx, &lakeformation.CreateLFTagInput{TagKey: new("class"), TagValues: []string{"public", "secret"}}))
	done(w.logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: new("flows")}))
	done(w.logs.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: new("flows"), LogStreamName: new("a")}))
}

// says runs a statement in the database net.
func says(text string) ask {
	return func(ctx context.Context, p *actor) error {
		_, err := execution(ctx, p, text)
		return err
	}
}

// execution runs a statement to its end.
func execution(ctx context.Context, p *actor, text string) (*athenatypes.QueryExecution, error) {
	client := athenaOf(p)
	started, err := client.StartQueryExecution(ctx, &athena.StartQueryExecutionInput{QueryString: &text, QueryExecutionContext: &athenatypes.QueryExecutionContext{Database: new("net")},
		ResultConfiguration: &athenatypes.ResultConfiguration{OutputLocation: new("s3://results/" + p.name + "/")}})
	if err != nil {
		return nil, err
	}
	request, _ := requestIDOf(started.ResultMetadata)
	return ended(ctx, p, *started.QueryExecutionId, request)
}

// ended waits for the end of a statement that a request began.
func ended(ctx context.Context, p *actor, id, request string) (*athenatypes.QueryExecution, error) {
	client := athenaOf(p)
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		out, err := client.GetQueryExecution(ctx, &athena.GetQueryExecutionInput{QueryExecutionId: &id})
		if err != nil {
			return nil, err
		}
		e := out.QueryExecution
		switch {
		case e.Status.State == athenatypes.QueryExecutionStateSucceeded:
			return e, nil
		case e.Status.State != athenatypes.QueryExecutionStateQueued && e.Status.State != athenatypes.QueryExecutionStateRunning, time.Now().After(end):
			return e, &failedStatement{request, str(e.Status.StateChangeReason)}
		}
	}
}

// picture is what can be seen of the house, a line for each thing, as root sees it. Nobody's refused request may
// change it.
func (w *world) picture() (lines []string) {
	w.t.Helper()
	ctx, t := w.t.Context(), w.t
	add := func(what string, v any, err error) {
		if err != nil { // a document that is not there
			_, words := answerOf(err)
			v = words
			if id := requestID(err); id != "" {
				v = strings.ReplaceAll(words, id, "")
			}
		}
		text, err := json.Marshal(v)
		ok(t, err)
		lines = append(lines, what+" "+string(text))
	}
	all, err := w.iam().GetAccountAuthorizationDetails(ctx, &iam.GetAccountAuthorizationDetailsInput{MaxItems: new(int32(1000)),
		Filter: []iamtypes.EntityType{iamtypes.EntityTypeUser, iamtypes.EntityTypeRole, iamtypes.EntityTypeGroup, iamtypes.EntityTypeLocalManagedPolicy}})
	ok(t, err)
	for _, u := range all.UserDetailList {
		add("user", u, nil)
		keys, err := w.iam().ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: u.UserName})
		ok(t, err)
		add("keys of "+*u.UserName, keys.AccessKeyMetadata, nil)
	}
	for _, r := range all.RoleDetailList {
		r.RoleLastUsed = nil
		add("role", r, nil)
	}
	for _, g := range all.GroupDetailList {
		add("group", g, nil)
	}
	for _, p := range all.Policies {
		add("policy", p, nil)
	}
	buckets, err := w.s3.ListBuckets(ctx, &s3.ListBucketsInput{})
	ok(t, err)
	for _, b := range buckets.Buckets {
		name := "bucket " + *b.Name
		policy, err := w.s3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: b.Name})
		if err == nil {
			add(name+" policy", policy.Policy, nil)
		} else {
			add(name+" has no policy", nil, nil)
		}
		public, err := w.s3.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: b.Name})
		if err == nil {
			add(name+" public access", public.PublicAccessBlockConfiguration, nil)
		}
		acl, err := w.s3.GetBucketAcl(ctx, &s3.GetBucketAclInput{Bucket: b.Name})
		ok(t, err)
		add(name+" acl", acl.Grants, nil)
		uploads, err := w.s3.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: b.Name})
		ok(t, err)
		add(name+" uploads", uploads.Uploads, nil)
		if *b.Name == "results" { // failed statements may have results
			continue
		}
		objects, err := w.s3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: b.Name})
		ok(t, err)
		for _, o := range objects.Contents {
			add(name+" object", []any{*o.Key, *o.ETag, *o.LastModified}, nil)
		}
	}
	databases, err := w.glue.GetDatabases(ctx, &glue.GetDatabasesInput{})
	ok(t, err)
	for _, d := range databases.DatabaseList {
		add("database", d, nil)
		tables, err := w.glue.GetTables(ctx, &glue.GetTablesInput{DatabaseName: d.Name})
		ok(t, err)
		for _, table := range tables.TableList {
			add("table", table, nil)
			if len(table.PartitionKeys) > 0 {
				partitions, err := w.glue.GetPartitions(ctx, &glue.GetPartitionsInput{DatabaseName: d.Name, TableName: table.Name})
				ok(t, err)
				add("partitions of "+*table.Name, partitions.Partitions, nil)
			}
		}
	}
	crawlers, err := w.glue.GetCrawlers(ctx, &glue.GetCrawlersInput{})
	ok(t, err)
	for _, c := range crawlers.Crawlers {
		add("crawler", *c.Name, nil)
	}
	lf := formationOf(w.root)
	settings, err := lf.GetDataLakeSettings(ctx, &lakeformation.GetDataLakeSettingsInput{})
	ok(t, err)
	add("settings", settings.DataLakeSettings, nil)
	places, err := lf.ListResources(ctx, &lakeformation.ListResourcesInput{})
	ok(t, err)
	for _, r := range places.ResourceInfoList {
		add("location", r, nil)
	}
	granted, err := lf.ListPermissions(ctx, &lakeformation.ListPermissionsInput{})
	ok(t, err)
	for _, g := range granted.PrincipalResourcePermissions {
		add("grant", g, nil)
	}
	filters, err := lf.ListDataCellsFilter(ctx, &lakeformation.ListDataCellsFilterInput{})
	ok(t, err)
	for _, f := range filters.DataCellsFilters {
		add("filter", f, nil)
	}
	tags, err := lf.ListLFTags(ctx, &lakeformation.ListLFTagsInput{})
	ok(t, err)
	add("tags", tags.LFTags, nil)
	groups, err := w.logs.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{})
	ok(t, err)
	for _, g := range groups.LogGroups {
		filters, err := w.logs.DescribeSubscriptionFilters(ctx, &cloudwatchlogs.DescribeSubscriptionFiltersInput{LogGroupName: g.LogGroupName})
		ok(t, err)
		add("log group", []any{*g.LogGroupName, g.RetentionInDays, filters.SubscriptionFilters}, nil)
	}
	streams, err := firehoseOf(w.root).ListDeliveryStreams(ctx, &firehose.ListDeliveryStreamsInput{})
	ok(t, err)
	add("delivery streams", streams.DeliveryStreamNames, nil)
	flowLogs, err := w.ec2.DescribeFlowLogs(ctx, &ec2.DescribeFlowLogsInput{})
	ok(t, err)
	add("flow logs", len(flowLogs.FlowLogs), nil)
	exports, err := w.logs.DescribeExportTasks(ctx, &cloudwatchlogs.DescribeExportTasksInput{})
	ok(t, err)
	add("export tasks", len(exports.ExportTasks), nil)
	groupsOf, err := w.athena.ListWorkGroups(ctx, &athena.ListWorkGroupsInput{})
	ok(t, err)
	add("workgroups", groupsOf.WorkGroups, nil)
	return lines
}
