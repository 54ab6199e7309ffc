package main

// The walk's policies; fill puts its names into them.

// writerTrust is the first article's trust relationship for flow logs, and the administrator's, who plays the service's part
// until flowlake captures packets itself.
const writerTrust = `{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "vpc-flow-logs.amazonaws.com"}, "Action": "sts:AssumeRole"},
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::ACCOUNT:user/SBU-admin"}, "Action": "sts:AssumeRole"}
  ]
}`

// writerPolicy is the first article's policy for it, step 1.2.
const writerPolicy = `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
      "Resource": "arn:aws:logs:REGION:ACCOUNT:log-group:vpc-flow-logs*:log-stream:*"
    },
    {
      "Effect": "Allow",
      "Action": "logs:DescribeLogGroups",
      "Resource": "arn:aws:logs:REGION:ACCOUNT:log-group:*"
    }
  ]
}`

// exportPolicy is the first article's bucket policy, step 1.4.
const exportPolicy = `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Principal": {"Service": "logs.REGION.amazonaws.com"},
      "Action": "s3:GetBucketAcl",
      "Resource": "arn:aws:s3:::BUCKET"
    },
    {
      "Effect": "Allow",
      "Principal": {"Service": "logs.REGION.amazonaws.com"},
      "Action": "s3:PutObject",
      "Resource": "arn:aws:s3:::BUCKET/PREFIX/*",
      "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}
    }
  ]
}`

// crawlerPolicy is what the crawler's role may by IAM: the bucket's objects, and the catalogue's operations. Which tables it
// may make is Lake Formation's.
const crawlerPolicy = `{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": ["arn:aws:s3:::BUCKET", "arn:aws:s3:::BUCKET/PREFIX/*"]},
    {"Effect": "Allow", "Action": ["glue:Get*", "glue:BatchGetPartition", "glue:CreateTable", "glue:UpdateTable", "glue:BatchCreatePartition", "glue:UpdatePartition"], "Resource": "*"},
    {"Effect": "Allow", "Action": "lakeformation:GetDataAccess", "Resource": "*"}
  ]
}`

// streamPolicy is a delivery stream's: objects of the bucket, the schema of the table, the partitions that it adds.
const streamPolicy = `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": ["s3:AbortMultipartUpload", "s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:PutObject"],
      "Resource": ["arn:aws:s3:::BUCKET", "arn:aws:s3:::BUCKET/*"]
    },
    {"Effect": "Allow", "Action": ["glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions", "glue:GetPartition", "glue:GetPartitions", "glue:CreatePartition", "glue:BatchCreatePartition"], "Resource": "*"}
  ]
}`

// subscriptionPolicy lets CloudWatch Logs put a subscription's records into the delivery stream.
const subscriptionPolicy = `{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Action": ["firehose:PutRecord", "firehose:PutRecordBatch"], "Resource": "arn:aws:firehose:REGION:ACCOUNT:deliverystream/*"}
  ]
}`

// flowLogPolicy is the third article's policy for a flow log that writes to a log group, step 1.
const flowLogPolicy = `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogGroups", "logs:DescribeLogStreams"],
      "Resource": "*"
    }
  ]
}`

// analystPolicy is what who asks in SQL needs of IAM.
const analystPolicy = `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": ["athena:StartQueryExecution", "athena:GetQueryExecution", "athena:GetQueryResults", "athena:StopQueryExecution"],
      "Resource": "arn:aws:athena:REGION:ACCOUNT:workgroup/primary"
    },
    {"Effect": "Allow", "Action": ["glue:GetDatabase", "glue:GetDatabases", "glue:GetTable", "glue:GetTables", "glue:GetPartition", "glue:GetPartitions"], "Resource": "*"},
    {"Effect": "Allow", "Action": "lakeformation:GetDataAccess", "Resource": "*"},
    {
      "Effect": "Allow",
      "Action": ["s3:CreateBucket", "s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket", "s3:PutObject"],
      "Resource": ["arn:aws:s3:::RESULTS", "arn:aws:s3:::RESULTS/*"]
    }
  ]
}`
