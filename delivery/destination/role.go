package destination

import (
	"context"
	"encoding/json"

	"flowlake/access"
	"flowlake/delivery"
	"flowlake/delivery/process"
	"flowlake/fault"
)

// What the sessions of a stream's further roles are called.
const (
	backupSession = "AWSFirehoseToS3"
	schemaSession = "AWSFirehoseToGlue"
)

// Roles are the roles that a stream's settings name. It meets delivery.Writer.
func (w *Writer) Roles(s delivery.Stream) ([]delivery.Role, error) {
	var settings Settings
	if err := json.Unmarshal(s.Settings, &settings); err != nil {
		return nil, fault.Newf(fault.Internal, "delivery stream "+s.Name, "its settings cannot be read: %w", err)
	}
	return settings.Roles(), nil
}

// Roles are the destination's role, then the schema's, the backup's and the function's, where they are given: those of parts that
// are switched off are handed over too.
func (s *Settings) Roles() (roles []delivery.Role) {
	add := func(member, arn string) {
		if arn != "" {
			roles = append(roles, delivery.Role{Member: member, ARN: arn})
		}
	}
	add("RoleARN", s.RoleARN)
	if s.Conversion != nil && s.Conversion.Schema != nil {
		add("SchemaConfiguration.RoleARN", s.Conversion.Schema.RoleARN)
	}
	if s.Backup != nil {
		add("S3BackupConfiguration.RoleARN", s.Backup.RoleARN)
	}
	if s.Processing != nil {
		for _, p := range s.Processing.Processors {
			for _, parameter := range p.Parameters {
				if p.Type == process.Lambda && parameter.Name == "RoleArn" {
					add("RoleArn", parameter.Value)
				}
			}
		}
	}
	return roles
}

// schemaRole begins a session of the role that a conversion's table is read as.
func (w *Writer) schemaRole(ctx context.Context, s delivery.Stream, settings *compiled) (access.Caller, error) {
	return delivery.Assume(ctx, w.guard, &s, settings.Conversion.Schema.RoleARN, schemaSession)
}
