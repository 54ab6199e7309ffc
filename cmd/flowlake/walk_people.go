package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lakeformation"
	lftypes "github.com/aws/aws-sdk-go-v2/service/lakeformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// The walk's people and roles. SBU-admin is the first article's name.
const (
	demoAdmin   = "SBU-admin"
	demoAnalyst = "analyst"

	writerRole    = "vpc-flow-logs-to-cloudwatch"
	crawlerRole   = "vpc-flow-log-crawler"
	streamRole    = "firehose-delivery"
	subscribeRole = "logs-to-firehose"
)

func roleARN(name string) string { return "arn:aws:iam::" + defaultAccount + ":role/" + name }

// person is somebody who calls, with a client for each service.
type person struct {
	cfg      aws.Config
	logs     *cloudwatchlogs.Client
	s3       *s3.Client
	glue     *glue.Client
	athena   *athena.Client
	firehose *firehose.Client
	ec2      *ec2.Client
	iam      *iam.Client
	sts      *sts.Client
	grants   *lakeformation.Client
}

func newPerson(cfg aws.Config) person {
	return person{
		cfg: cfg, logs: cloudwatchlogs.NewFromConfig(cfg), glue: glue.NewFromConfig(cfg), athena: athena.NewFromConfig(cfg),
		firehose: firehose.NewFromConfig(cfg), ec2: ec2.NewFromConfig(cfg), iam: iam.NewFromConfig(cfg), sts: sts.NewFromConfig(cfg),
		grants: lakeformation.NewFromConfig(cfg),
		s3:     s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }),
	}
}

// with returns somebody else on the same server.
func (p person) with(id, secret, token string) person {
	cfg := p.cfg.Copy()
	cfg.Credentials = credentials.NewStaticCredentialsProvider(id, secret, token)
	return newPerson(cfg)
}

// newUser makes a user with an access key, and returns who has it.
func (p person) newUser(ctx context.Context, name string) (person, error) {
	if _, err := p.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: &name}); err != nil {
		return p, err
	}
	out, err := p.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &name})
	if err != nil {
		return p, err
	}
	return p.with(*out.AccessKey.AccessKeyId, *out.AccessKey.SecretAccessKey, ""), nil
}

// fill puts the walk's names into a policy document.
func fill(document string) *string {
	text := strings.NewReplacer("ACCOUNT", defaultAccount, "REGION", defaultRegion, "BUCKET", demoBucket, "PREFIX", demoPrefix,
		"RESULTS", demoResults).Replace(document)
	return &text
}

// trusting is the trust policy of a role that a service assumes.
func trusting(service string) *string {
	return fill(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "` + service + `"}, "Action": "sts:AssumeRole"}]}`)
}

// newRole makes a role that a service assumes, with one inline policy.
func (w *walk) newRole(ctx context.Context, name string, trust *string, policy string) error {
	if _, err := w.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: trust}); err != nil {
		return err
	}
	_, err := w.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String(name), PolicyDocument: fill(policy)})
	return err
}

// makeAdmin is all that root does.
func (w *walk) makeAdmin(ctx context.Context) error {
	w.begin("An administrator", "root → IAM and Lake Formation",
		"Root makes somebody who may do everything, and a data lake administrator of him; after that its key is not used again. New tables are "+
			"no longer open to everybody whom IAM lets in: who reads them needs a grant.",
		"iam:CreateUser", "iam:AttachUserPolicy", "iam:CreateAccessKey", "lakeformation:PutDataLakeSettings")
	admin, err := w.newUser(ctx, demoAdmin)
	if err != nil {
		return err
	}
	if _, err := w.iam.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: aws.String(demoAdmin), PolicyArn: aws.String("arn:aws:iam::aws:policy/AdministratorAccess")}); err != nil {
		return err
	}
	_, err = w.grants.PutDataLakeSettings(ctx, &lakeformation.PutDataLakeSettingsInput{DataLakeSettings: &lftypes.DataLakeSettings{
		DataLakeAdmins:                   []lftypes.DataLakePrincipal{principal("user/" + demoAdmin)},
		CreateDatabaseDefaultPermissions: []lftypes.PrincipalPermissions{}, CreateTableDefaultPermissions: []lftypes.PrincipalPermissions{},
	}})
	if err != nil {
		return err
	}
	w.person = admin
	w.did("user %s, with AdministratorAccess, is the data lake's administrator; from here on, \"you\" are he", demoAdmin)
	return nil
}

func principal(name string) lftypes.DataLakePrincipal {
	return lftypes.DataLakePrincipal{DataLakePrincipalIdentifier: aws.String("arn:aws:iam::" + defaultAccount + ":" + name)}
}

// grant gives a principal permissions in Lake Formation.
func (w *walk) grant(ctx context.Context, to string, resource *lftypes.Resource, permissions ...lftypes.Permission) error {
	who := principal(to)
	_, err := w.grants.GrantPermissions(ctx, &lakeformation.GrantPermissionsInput{Principal: &who, Resource: resource, Permissions: permissions})
	return err
}

func onDatabase(name string) *lftypes.Resource {
	return &lftypes.Resource{Database: &lftypes.DatabaseResource{Name: &name}}
}

func onTable(database, name string) *lftypes.Resource {
	return &lftypes.Resource{Table: &lftypes.TableResource{DatabaseName: &database, Name: &name}}
}

func onColumns(database, name string, columns ...string) *lftypes.Resource {
	return &lftypes.Resource{TableWithColumns: &lftypes.TableWithColumnsResource{DatabaseName: &database, Name: &name, ColumnNames: columns}}
}

func onLocation(bucket, prefix string) *lftypes.Resource {
	return &lftypes.Resource{DataLocation: &lftypes.DataLocationResource{ResourceArn: aws.String("arn:aws:s3:::" + strings.TrimSuffix(bucket+"/"+prefix, "/"))}}
}

// makeAnalyst makes who asks in SQL: IAM lets him use Athena and read the catalogue; what he sees there is Lake Formation's.
func (w *walk) makeAnalyst(ctx context.Context) error {
	w.begin("An analyst", "you → IAM",
		"IAM lets the analyst call Athena, and Athena keep his results; which tables, columns and rows he sees is Lake Formation's to say, and nobody has said anything yet.",
		"iam:CreateUser", "iam:PutUserPolicy", "iam:CreateAccessKey")
	var err error
	if w.analyst, err = w.newUser(ctx, demoAnalyst); err != nil {
		return err
	}
	_, err = w.iam.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: aws.String(demoAnalyst), PolicyName: aws.String("ask-in-sql"), PolicyDocument: fill(analystPolicy)})
	if err == nil {
		w.did("user %s may use Athena's workgroup primary and keep results in s3://%s; of the data, nothing", demoAnalyst, fmt.Sprint(*fill("RESULTS")))
	}
	return err
}

// assumeWriter takes the part of the flow-log service.
func (w *walk) assumeWriter(ctx context.Context) error {
	out, err := w.sts.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: aws.String(roleARN(writerRole)), RoleSessionName: aws.String("demo")})
	if err == nil {
		w.writer = w.with(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
	}
	return err
}

// register gives a place into Lake Formation's hands.
func (w *walk) register(ctx context.Context) error {
	w.begin("Data lake location", "you → Lake Formation",
		"A registered place is read on behalf of those who have grants, by a role that Lake Formation makes for it, and by nobody's own rights in Athena.",
		"lakeformation:RegisterResource")
	_, err := w.grants.RegisterResource(ctx, &lakeformation.RegisterResourceInput{ResourceArn: aws.String("arn:aws:s3:::" + demoBucket), UseServiceLinkedRole: aws.Bool(true)})
	if err == nil {
		w.did("s3://%s, read as AWSServiceRoleForLakeFormationDataAccess", demoBucket)
	}
	return err
}

// grantedColumns are what the analyst sees of the first path's table, where it has them.
var grantedColumns = []string{"srcaddr", "dstaddr", "bytes", "action"}

// grantColumns is the first article's step 3.2.
func (w *walk) grantColumns(ctx context.Context) error {
	w.begin("Grant", "you → Lake Formation → the analyst", "SELECT on four columns: the others are, for the analyst, not there.", "lakeformation:GrantPermissions")
	if err := w.grant(ctx, "user/"+demoAnalyst, onColumns(demoDatabase, w.table, grantedColumns...), lftypes.PermissionSelect); err != nil {
		return err
	}
	w.did("SELECT (%s) on %s.%s to %s", strings.Join(grantedColumns, ", "), demoDatabase, w.table, demoAnalyst)
	return nil
}

// queryHidden asks for a column that was not granted.
func (w *walk) queryHidden(ctx context.Context) error {
	w.begin("SQL: a column that was not granted", "the analyst → Athena",
		"The answer is that of a column which does not exist: who may not see it does not learn of it.", "athena:StartQueryExecution")
	text := "SELECT interface_id FROM " + w.table
	fmt.Fprintf(w.out, "\n     %s\n\n", text)
	q := &queryRun{client: w.analyst.athena, database: demoDatabase, workgroup: "primary"}
	id, err := q.start(ctx, text)
	if err == nil {
		err = q.wait(ctx, id)
	}
	if err == nil {
		return fmt.Errorf("%s: it was answered, to somebody who has no grant on the column", text)
	}
	w.refused(err)
	return nil
}

// grantSelect lets the analyst read a whole table.
func (w *walk) grantSelect(ctx context.Context, database, table string) error {
	if err := w.grant(ctx, "user/"+demoAnalyst, onTable(database, table), lftypes.PermissionSelect, lftypes.PermissionDescribe); err != nil {
		return err
	}
	w.did("SELECT on %s.%s to %s", database, table, demoAnalyst)
	return nil
}
