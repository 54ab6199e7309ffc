package main

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
)

// as is a configuration that signs with a session's credentials.
func (c *clients) as(s *types.Credentials) aws.Config {
	cfg := c.config("")
	cfg.Credentials = credentials.NewStaticCredentialsProvider(*s.AccessKeyId, *s.SecretAccessKey, *s.SessionToken)
	return cfg
}

// testSTSSessions walks from root to a user, from there to a role, and asks S3 as each of them.
func testSTSSessions(t *testing.T, c *clients) {
	ctx, root := t.Context(), c.iam()
	done := answered(t)
	user, err := root.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("sts-ann")})
	ok(t, err)
	key, err := root.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: user.User.UserName})
	ok(t, err)
	role, err := root.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("sts-reader"),
		AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + *user.User.Arn + `"},"Action":"sts:AssumeRole"}]}`)})
	ok(t, err)
	done(root.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: role.Role.RoleName, PolicyName: aws.String("s3"), PolicyDocument: aws.String(anyS3)}))

	cfg := c.config("")
	cfg.Credentials = credentials.NewStaticCredentialsProvider(*key.AccessKey.AccessKeyId, *key.AccessKey.SecretAccessKey, "")
	ann := sts.NewFromConfig(cfg)
	own, err := ann.GetSessionToken(ctx, &sts.GetSessionTokenInput{DurationSeconds: aws.Int32(900)})
	ok(t, err)
	buckets := func(s *types.Credentials) error {
		_, err := s3.NewFromConfig(c.as(s), func(o *s3.Options) { o.UsePathStyle = true }).ListBuckets(ctx, &s3.ListBucketsInput{})
		return err
	}
	refused(t, buckets(own.Credentials), "AccessDenied", "s3:ListAllMyBuckets")

	in := &sts.AssumeRoleInput{RoleArn: role.Role.Arn, RoleSessionName: aws.String("walk")}
	session, err := sts.NewFromConfig(c.as(own.Credentials)).AssumeRole(ctx, in)
	ok(t, err)
	ok(t, buckets(session.Credentials))
	who, err := sts.NewFromConfig(c.as(session.Credentials)).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	ok(t, err)
	if str(who.Arn) != "arn:aws:sts::"+defaultAccount+":assumed-role/sts-reader/walk" || str(who.UserId) != *role.Role.RoleId+":walk" {
		t.Errorf("got %s, %s", str(who.Arn), str(who.UserId))
	}
	in.Policy = aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}`)
	limited, err := ann.AssumeRole(ctx, in)
	ok(t, err)
	refused(t, buckets(limited.Credentials), "AccessDenied", "no session policy allows the s3:ListAllMyBuckets action")

	info, err := c.sts.GetAccessKeyInfo(ctx, &sts.GetAccessKeyInfoInput{AccessKeyId: session.Credentials.AccessKeyId})
	ok(t, err)
	if str(info.Account) != defaultAccount {
		t.Errorf("got %s", str(info.Account))
	}
	done(root.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: role.Role.RoleName, PolicyName: aws.String("s3")}))
	done(root.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: role.Role.RoleName}))
	refused(t, buckets(session.Credentials), "InvalidAccessKeyId", "")
	done(root.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: user.User.UserName, AccessKeyId: key.AccessKey.AccessKeyId}))
	done(root.DeleteUser(ctx, &iam.DeleteUserInput{UserName: user.User.UserName}))
}
