package lake

import "strings"

// objectActions and bucketActions are what a bucket policy can speak of.
//
// Source: Service authorization reference, "Actions, resources, and condition keys for Amazon S3".
var (
	objectActions = actions(`AbortMultipartUpload BypassGovernanceRetention DeleteObject DeleteObjectTagging DeleteObjectVersion
		DeleteObjectVersionTagging GetObject GetObjectAcl GetObjectAttributes GetObjectLegalHold GetObjectRetention GetObjectTagging
		GetObjectTorrent GetObjectVersion GetObjectVersionAcl GetObjectVersionAttributes GetObjectVersionForReplication GetObjectVersionTagging
		GetObjectVersionTorrent InitiateReplication ListMultipartUploadParts ObjectOwnerOverrideToBucketOwner PutObject PutObjectAcl
		PutObjectLegalHold PutObjectRetention PutObjectTagging PutObjectVersionAcl PutObjectVersionTagging ReplicateDelete ReplicateObject
		ReplicateTags RestoreObject UpdateObjectEncryption`)
	bucketActions = actions(`CreateBucket CreateBucketMetadataTableConfiguration DeleteBucket DeleteBucketMetadataTableConfiguration
		DeleteBucketPolicy DeleteBucketWebsite GetAccelerateConfiguration GetAnalyticsConfiguration GetBucketAbac GetBucketAcl GetBucketCORS
		GetBucketLocation GetBucketLogging GetBucketMetadataTableConfiguration GetBucketNotification GetBucketObjectLockConfiguration
		GetBucketOwnershipControls GetBucketPolicy GetBucketPolicyStatus GetBucketPublicAccessBlock GetBucketRequestPayment GetBucketTagging
		GetBucketVersioning GetBucketWebsite GetEncryptionConfiguration GetIntelligentTieringConfiguration GetInventoryConfiguration
		GetLifecycleConfiguration GetMetricsConfiguration GetReplicationConfiguration ListBucket ListBucketMultipartUploads
		ListBucketVersions PutAccelerateConfiguration PutAnalyticsConfiguration PutBucketAbac PutBucketAcl PutBucketCORS PutBucketLogging
		PutBucketNotification PutBucketObjectLockConfiguration PutBucketOwnershipControls PutBucketPolicy PutBucketPublicAccessBlock
		PutBucketRequestPayment PutBucketTagging PutBucketVersioning PutBucketWebsite PutEncryptionConfiguration
		PutIntelligentTieringConfiguration PutInventoryConfiguration PutLifecycleConfiguration PutMetricsConfiguration
		PutReplicationConfiguration UpdateBucketMetadataInventoryTableConfiguration UpdateBucketMetadataJournalTableConfiguration`)
)

// conditionKeys are S3's own keys in lower case, without "s3:"; those that end in a slash go on with a tag's name.
//
// Source: the same page.
var conditionKeys = map[string]bool{}

func init() {
	for _, key := range strings.Fields(`AccessGrantsInstanceArn AccessPointNetworkOrigin AccessPointTag/ BucketTag/ DataAccessPointAccount DataAccessPointArn
		ExistingJobOperation ExistingJobPriority ExistingObjectTag/ InventoryAccessibleOptionalFields JobSuspendedCause LocationConstraint
		ObjectCreationOperation RequestJobOperation RequestJobPriority RequestObjectTag/ RequestObjectTagKeys ResourceAccount TlsVersion
		VersionId authType delimiter destinationRegion if-match if-none-match isReplicationPauseRequest locationconstraint max-keys
		object-lock-legal-hold object-lock-mode object-lock-remaining-retention-days object-lock-retain-until-date prefix signatureAge
		signatureversion versionid x-amz-acl x-amz-content-sha256 x-amz-copy-source x-amz-grant-full-control x-amz-grant-read
		x-amz-grant-read-acp x-amz-grant-write x-amz-grant-write-acp x-amz-metadata-directive x-amz-object-ownership
		x-amz-server-side-encryption x-amz-server-side-encryption-aws-kms-key-id x-amz-server-side-encryption-customer-algorithm
		x-amz-storage-class x-amz-website-redirect-location`) {
		conditionKeys[strings.ToLower(key)] = true
	}
}

func actions(names string) []string {
	all := strings.Fields(names)
	for i, name := range all {
		all[i] = "s3:" + strings.ToLower(name)
	}
	return all
}

// knownCondition reports whether a bucket policy can have the condition key: one of S3's, or a global one.
func knownCondition(key string) bool {
	key = strings.ToLower(key)
	if strings.HasPrefix(key, "aws:") {
		return true
	}
	key, ok := strings.CutPrefix(key, "s3:")
	if i := strings.IndexByte(key, '/'); i >= 0 {
		key = key[:i+1]
	}
	return ok && conditionKeys[key]
}
