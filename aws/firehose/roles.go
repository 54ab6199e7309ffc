package firehose

import (
	"flowlake/access"
	"flowlake/access/policy"
	"flowlake/delivery/destination"

	api "github.com/aws/aws-sdk-go-v2/service/firehose"
)

// createdRoles are the roles that a request to create a stream hands over.
func createdRoles(_ access.Caller, in *api.CreateDeliveryStreamInput) []string {
	var s destination.Settings
	if c := in.ExtendedS3DestinationConfiguration; c != nil {
		extended(c, &s)
	}
	//lint:ignore SA1019 older clients send it
	if c := in.S3DestinationConfiguration; c != nil {
		plain(c).onto(&s.S3)
	}
	return roleARNs(&s)
}

// updatedRoles are the roles that a request to change a stream hands over. Those that it leaves as they are it need not name.
func updatedRoles(_ access.Caller, in *api.UpdateDestinationInput) []string {
	var s destination.Settings
	if u := in.ExtendedS3DestinationUpdate; u != nil {
		onto(u, &s)
	}
	//lint:ignore SA1019 older clients send it
	if u := in.S3DestinationUpdate; u != nil {
		plainUpdate(u).onto(&s.S3)
	}
	return roleARNs(&s)
}

func roleARNs(s *destination.Settings) (arns []string) {
	for _, r := range s.Roles() {
		arns = append(arns, r.ARN)
	}
	return arns
}

// passedToFirehose says whom roles are handed to.
func passedToFirehose[In any](*In) []policy.Entry {
	return []policy.Entry{{Key: "iam:PassedToService", Values: []string{"firehose.amazonaws.com"}}}
}
