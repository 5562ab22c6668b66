package server_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	hellov1 "github.com/seungkyu/tks-contract/api/hello/v1"
	"github.com/seungkyu/tks-contract/internal/config"
)

func TestCallsAreLoggedByOutcome(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		err         error
		level, code string
	}{
		"success": {nil, "DEBUG", "OK"},
		"failure": {status.Error(codes.NotFound, "gone"), "INFO", "NotFound"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			running := start(t, scene{sayHello: func(context.Context) error { return test.err }})
			if err := running.sayHello(callContext(t)); !errors.Is(err, test.err) {
				t.Fatalf("got error %v, want %v", err, test.err)
			}

			record := findRecord(t, running.log.String(), "call")
			for key, want := range map[string]any{
				"level": test.level, "code": test.code, "method": hellov1.HelloService_SayHello_FullMethodName,
			} {
				if got := record[key]; got != want {
					t.Errorf("%s: got %v, want %v", key, got, want)
				}
			}
			if _, ok := record["duration"].(float64); !ok {
				t.Errorf("got duration %v, want a number", record["duration"])
			}
		})
	}
}

func TestPanicFailsItsOwnCallOnly(t *testing.T) {
	t.Parallel()

	running := start(t, scene{sayHello: func(context.Context) error { panic("the secret is 42") }})
	ctx := callContext(t)

	got := status.Convert(running.sayHello(ctx))
	if got.Code() != codes.Internal || got.Message() != "internal error" {
		t.Errorf("got %v %q, want Internal and no detail", got.Code(), got.Message())
	}
	record := findRecord(t, running.log.String(), "panic")
	if record["reason"] != "the secret is 42" || record["level"] != "ERROR" {
		t.Errorf("got record %v, want the reason at level ERROR", record)
	}
	if stack, _ := record["stack"].(string); !strings.Contains(stack, "interceptors_test.go") {
		t.Errorf("got stack %q, want the place of the panic", stack)
	}
	if code := findRecord(t, running.log.String(), "call")["code"]; code != "Internal" {
		t.Errorf("the call was logged with code %v, want Internal", code)
	}

	_, err := hellov1.NewHelloServiceClient(running.conn).ListGreetings(ctx, &hellov1.ListGreetingsRequest{})
	if err != nil {
		t.Errorf("the next call failed: %v", err)
	}

	wantMetrics(t, running, `
		# HELP grpc_server_panics_recovered_total Total number of RPCs that panicked and were answered with Internal.
		# TYPE grpc_server_panics_recovered_total counter
		grpc_server_panics_recovered_total 1
	`, "grpc_server_panics_recovered_total")
}

// wantMetrics compares the metrics of these names with the text of a scrape.
func wantMetrics(t *testing.T, running *running, want string, names ...string) {
	t.Helper()

	if err := testutil.GatherAndCompare(running.registry, strings.NewReader(want), names...); err != nil {
		t.Error(err)
	}
}

func TestCallsAreCountedByMethodAndCode(t *testing.T) {
	t.Parallel()

	running := start(t, scene{})
	for range 3 {
		if err := running.sayHello(callContext(t)); err != nil {
			t.Fatal(err)
		}
	}

	wantMetrics(t, running, `
		# HELP grpc_server_started_total Total number of RPCs started on the server.
		# TYPE grpc_server_started_total counter
		grpc_server_started_total{grpc_method="Check",grpc_service="grpc.health.v1.Health",grpc_type="unary"} 0
		grpc_server_started_total{grpc_method="List",grpc_service="grpc.health.v1.Health",grpc_type="unary"} 0
		grpc_server_started_total{grpc_method="ListGreetings",grpc_service="hello.v1.HelloService",grpc_type="unary"} 0
		grpc_server_started_total{grpc_method="SayHello",grpc_service="hello.v1.HelloService",grpc_type="unary"} 3
		grpc_server_started_total{grpc_method="Watch",grpc_service="grpc.health.v1.Health",grpc_type="server_stream"} 0
	`, "grpc_server_started_total")
}

func TestCallWithoutADeadlineGetsOne(t *testing.T) {
	t.Parallel()

	running := start(t, scene{
		change: func(s *config.Server) { s.RequestTimeout = time.Millisecond },
		sayHello: func(ctx context.Context) error {
			select {
			case <-ctx.Done():
				return status.FromContextError(ctx.Err()).Err()
			case <-time.After(patience):
				return errors.New("the call has no deadline")
			}
		},
	})
	if got := status.Code(running.sayHello(t.Context())); got != codes.DeadlineExceeded {
		t.Errorf("got code %v, want DeadlineExceeded", got)
	}
}

func TestEarlierDeadlineOfCallerAndServerCounts(t *testing.T) {
	t.Parallel()

	// The caller's is patience.
	for timeout, want := range map[time.Duration]time.Duration{time.Hour: patience, patience / 2: patience / 2} {
		deadlines := make(chan time.Time, 1)
		running := start(t, scene{
			change: func(s *config.Server) { s.RequestTimeout = timeout },
			sayHello: func(ctx context.Context) error {
				deadline, _ := ctx.Deadline()
				deadlines <- deadline

				return nil
			},
		})
		if err := running.sayHello(callContext(t)); err != nil {
			t.Fatal(err)
		}
		if left := time.Until(<-deadlines); left > want || left < 0 {
			t.Errorf("request timeout %s: the call had %s left, want at most %s", timeout, left, want)
		}
	}
}

func TestCallsBeyondTheLimitAreRejectedAndHealthIsNot(t *testing.T) {
	t.Parallel()

	running := start(t, scene{change: func(s *config.Server) { s.MaxInFlight = 1 }})
	ctx := callContext(t)
	// A call counts before its message is there, because a message takes memory
	// as soon as it arrives.
	first, end := context.WithCancel(ctx)
	defer end()
	method := hellov1.HelloService_SayHello_FullMethodName
	if _, err := running.conn.NewStream(first, &grpc.StreamDesc{ClientStreams: true}, method); err != nil {
		t.Fatal(err)
	}

	if got := status.Code(running.sayHello(ctx)); got != codes.ResourceExhausted {
		t.Errorf("got code %v for the second call, want ResourceExhausted", got)
	}
	if got := healthOf(t, running.conn, ""); got != serving {
		t.Errorf("got health %v, want SERVING", got)
	}
	record := findRecord(t, running.log.String(), "call")
	if record["code"] != "ResourceExhausted" || record["method"] != method {
		t.Errorf("got record %v, want the rejected call", record)
	}
	wantMetrics(t, running, `
		# HELP grpc_server_started_total Total number of RPCs started on the server.
		# TYPE grpc_server_started_total counter
		grpc_server_started_total{grpc_method="Check",grpc_service="grpc.health.v1.Health",grpc_type="unary"} 1
		grpc_server_started_total{grpc_method="List",grpc_service="grpc.health.v1.Health",grpc_type="unary"} 0
		grpc_server_started_total{grpc_method="ListGreetings",grpc_service="hello.v1.HelloService",grpc_type="unary"} 0
		grpc_server_started_total{grpc_method="SayHello",grpc_service="hello.v1.HelloService",grpc_type="unary"} 1
		grpc_server_started_total{grpc_method="Watch",grpc_service="grpc.health.v1.Health",grpc_type="server_stream"} 0
	`, "grpc_server_started_total")

	end()
	// The server learns of the end a moment later.
	err := running.sayHello(ctx)
	for status.Code(err) == codes.ResourceExhausted {
		err = running.sayHello(ctx)
	}
	if err != nil {
		t.Errorf("the next call failed: %v", err)
	}
}

func TestRequestAboveTheSizeLimitIsRejected(t *testing.T) {
	t.Parallel()

	running := start(t, scene{change: func(s *config.Server) { s.MaxMessageSize = 1024 }})
	_, err := hellov1.NewHelloServiceClient(running.conn).SayHello(callContext(t),
		&hellov1.SayHelloRequest{Name: strings.Repeat("a", 1024)})
	if got := status.Code(err); got != codes.ResourceExhausted {
		t.Errorf("got code %v, want ResourceExhausted", got)
	}
}
