package hello_test

import (
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"

	hellov1 "github.com/seungkyu/tks-contract/api/hello/v1"
	"github.com/seungkyu/tks-contract/internal/hello"
)

func TestRejectedRequestNamesFieldAndRuleForPrograms(t *testing.T) {
	t.Parallel()

	service := newService(hello.NewMemory())
	_, noName := service.SayHello(t.Context(), &hellov1.SayHelloRequest{})
	_, badLimit := service.ListGreetings(t.Context(), &hellov1.ListGreetingsRequest{Limit: -1})

	for _, test := range []struct {
		err         error
		field, rule string
	}{
		{noName, "name", "must not be empty"},
		{badLimit, "limit", "must be from 0 to 1000"},
	} {
		details := status.Convert(test.err).Details()
		if len(details) != 1 {
			t.Fatalf("got details %v, want one", details)
		}
		request, ok := details[0].(*errdetails.BadRequest)
		if !ok || len(request.GetFieldViolations()) != 1 {
			t.Fatalf("got details %v, want a BadRequest with one field", details)
		}
		violation := request.GetFieldViolations()[0]
		if violation.GetField() != test.field || violation.GetDescription() != test.rule {
			t.Errorf("got %v, want field %q and rule %q", violation, test.field, test.rule)
		}
	}
}
