//go:build duckdb_arrow

package athena_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	api "github.com/aws/aws-sdk-go-v2/service/athena"
	"github.com/aws/aws-sdk-go-v2/service/athena/types"

	"flowlake/access/formation"
	"flowlake/access/identity"
)

// person is a user before the door, and the workgroup that its results go to.
type person struct {
	*house // with the user's client
	name   string
}

// asksAthena is what an analyst's policy has: Athena, the catalogue to read, the data lake, and a folder for results.
const asksAthena = `{"Version":"2012-10-17","Statement":[
 {"Effect":"Allow","Action":["athena:*","glue:Get*","glue:BatchGet*","lakeformation:GetDataAccess"],"Resource":"*"},
 {"Effect":"Allow","Action":["s3:GetBucketLocation","s3:ListBucket"],"Resource":"arn:aws:s3:::results"},
 {"Effect":"Allow","Action":["s3:PutObject","s3:GetObject"],"Resource":"arn:aws:s3:::results/${aws:username}/*"}]}`

// user makes a user with a policy, and a client for one of its keys.
func (h *house) user(name, policy string) *person {
	h.t.Helper()
	ctx := h.t.Context()
	if _, err := h.identities.Create(ctx, identity.User, identity.New{Name: name}); err != nil {
		h.t.Fatal(err)
	}
	h.policy(identity.User, name, policy)
	key, secret, err := h.identities.CreateKey(ctx, name)
	if err != nil {
		h.t.Fatal(err)
	}
	own := *h
	own.Client = api.New(api.Options{Region: seoul, BaseEndpoint: &h.server.URL, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(key.ID, secret, "")})
	return &person{house: &own, name: name}
}

func (h *house) policy(kind identity.Kind, name, document string) {
	h.t.Helper()
	if err := h.identities.PutInline(h.t.Context(), kind, name, "own", document); err != nil {
		h.t.Fatal(err)
	}
}

// role makes a role that a service may assume, with a policy.
func (h *house) role(name, service, policy string) string {
	h.t.Helper()
	_, err := h.identities.Create(h.t.Context(), identity.Role, identity.New{Name: name,
		Trust: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"` + service + `"},"Action":"sts:AssumeRole"}]}`})
	if err != nil {
		h.t.Fatal(err)
	}
	h.policy(identity.Role, name, policy)
	return "arn:aws:iam::" + account + ":role/" + name
}

// grant gives a user permissions on a resource, as root.
func (h *house) grant(to string, r formation.Resource, permissions ...formation.Permission) {
	h.t.Helper()
	err := h.formation.Grant(h.t.Context(), h.root, formation.Grant{Principal: "arn:aws:iam::" + account + ":user/" + to, Resource: r, Permissions: permissions})
	if err != nil {
		h.t.Fatal(err)
	}
}

// ask runs a statement in the database net, and returns its rows or why it failed.
func (p *person) ask(text string) (rows string, e *types.QueryExecution) {
	p.t.Helper()
	out, err := p.StartQueryExecution(p.t.Context(), &api.StartQueryExecutionInput{QueryString: &text,
		QueryExecutionContext: &types.QueryExecutionContext{Database: aws.String("net")},
		ResultConfiguration:   &types.ResultConfiguration{OutputLocation: aws.String("s3://results/" + p.name + "/")}})
	if err != nil {
		return err.Error(), nil
	}
	e = p.wait(*out.QueryExecutionId)
	if e.Status.State != types.QueryExecutionStateSucceeded {
		return aws.ToString(e.Status.StateChangeReason), e
	}
	page, err := p.GetQueryResults(p.t.Context(), &api.GetQueryResultsInput{QueryExecutionId: e.QueryExecutionId})
	if err != nil {
		p.t.Fatalf("%s: %v", text, err)
	}
	var lines [][]string
	for _, r := range page.ResultSet.Rows {
		lines = append(lines, cells(r))
	}
	if e.StatementType == types.StatementTypeDml {
		lines = lines[1:]
	}
	return flat(lines), e
}

// gets checks what a statement answers, or, with a want that begins with "!", what it fails with; "*" is any answer.
func (p *person) gets(text, want string) (got string, e *types.QueryExecution) {
	p.t.Helper()
	got, e = p.ask(text)
	if want == "*" && e != nil && e.Status.State == types.QueryExecutionStateSucceeded {
		return got, e
	}
	if words, fails := strings.CutPrefix(want, "!"); fails {
		if e != nil && e.Status.State == types.QueryExecutionStateSucceeded || !strings.Contains(got, words) {
			p.t.Errorf("%s: %s\n got %q\nwant %q", p.name, text, got, words)
		}
		return got, e
	}
	if got != want || e == nil || e.Status.State != types.QueryExecutionStateSucceeded {
		p.t.Errorf("%s: %s\n got %q\nwant %q", p.name, text, got, want)
	}
	return got, e
}

// lakeHouse is a house whose data lake has net.flows, in text with two partitions, and tables and views beside it, under a
// registered location; nothing there is left to IAM.
func lakeHouse(t testing.TB) *house {
	h := newHouse(t)
	h.bucket("lake")
	h.bucket("results")
	h.put("lake", "flows/day=2026-01-01/a.txt", "10.0.0.1 443 100 tok-red\n10.0.0.2 22 0 tok-green\n")
	h.put("lake", "flows/day=2026-01-02/a.txt", "10.0.0.3 53 30 tok-blue\n")
	role := h.role("lake", "lakeformation.amazonaws.com", `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::lake/*"},{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::lake"}]}`)
	if err := h.formation.PutSettings(t.Context(), h.root, formation.Settings{}); err != nil {
		t.Fatal(err)
	}
	left := formation.Grant{Principal: "IAM_ALLOWED_PRINCIPALS", Resource: formation.Catalog(), Permissions: []formation.Permission{formation.CreateDatabase}}
	if err := h.formation.Revoke(t.Context(), h.root, left); err != nil {
		t.Fatal(err)
	}
	if err := h.formation.Register(t.Context(), h.root, "s3://lake/", role); err != nil {
		t.Fatal(err)
	}
	h.do("default", "CREATE DATABASE net", `CREATE EXTERNAL TABLE net.flows (srcaddr string COMMENT 'who', dstport int, bytes int, token string) PARTITIONED BY (day string)
		ROW FORMAT DELIMITED FIELDS TERMINATED BY ' ' LOCATION 's3://lake/flows/' TBLPROPERTIES ('note'='token is for the owner', 'classification'='text')`,
		"MSCK REPAIR TABLE net.flows",
		"CREATE EXTERNAL TABLE net.private (secretcolumn string) LOCATION 's3://lake/private/'",
		"CREATE VIEW net.by_token AS SELECT srcaddr, token FROM net.flows", "CREATE VIEW net.plain AS SELECT srcaddr, bytes FROM net.flows",
		"CREATE DATABASE other", "CREATE EXTERNAL TABLE other.theirs (a int) LOCATION 's3://lake/theirs/'")
	return h
}
