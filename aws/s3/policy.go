package s3

import (
	"context"
	"io"
	"net/http"
	"strconv"
)

func getBucketPolicy(ctx context.Context, q *request) error {
	text, err := q.lake.BucketPolicy(ctx, q.Caller, q.bucket)
	if err != nil {
		return err
	}
	q.set("Content-Type", "application/json")
	q.set("Content-Length", strconv.Itoa(len(text)))
	q.Writer.WriteHeader(http.StatusOK)
	_, err = io.WriteString(q.Writer, text)
	return err
}

func putBucketPolicy(ctx context.Context, q *request) error {
	text, err := io.ReadAll(q.Body) // wire has bounded it
	if err != nil {
		return err
	}
	if err := q.lake.PutBucketPolicy(ctx, q.Caller, q.bucket, string(text)); err != nil {
		return err
	}
	return q.done(http.StatusNoContent)
}

func deleteBucketPolicy(ctx context.Context, q *request) error {
	if err := q.lake.DeleteBucketPolicy(ctx, q.Caller, q.bucket); err != nil {
		return err
	}
	return q.done(http.StatusNoContent)
}

func bucketPolicyStatus(ctx context.Context, q *request) error {
	public, err := q.lake.PolicyStatus(ctx, q.Caller, q.bucket)
	if err != nil {
		return err
	}
	d := newDocument("PolicyStatus")
	d.flag("IsPublic", public)
	return d.send(q.Writer, "PolicyStatus")
}
