package hello

import (
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// invalid returns the answer to a request in which a field breaks a rule: as a
// sentence for people and as a google.rpc.BadRequest for programs.
func invalid(field, rule string) error {
	answer := status.New(codes.InvalidArgument, field+" "+rule)
	detailed, err := answer.WithDetails(&errdetails.BadRequest{
		FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: field, Description: rule}},
	})
	if err != nil {
		// The sentence says it all.
		return answer.Err()
	}

	return detailed.Err()
}
