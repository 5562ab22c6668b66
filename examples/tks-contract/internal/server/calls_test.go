package server_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/keepalive"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/seungkyu/tks-contract/internal/config"
)

func TestCallsAreLoggedByOutcomeWithTheIDsOfTheirTraceAndCounted(t *testing.T) {
	traced := func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		span := trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}}
		return handler(trace.ContextWithSpanContext(ctx, trace.NewSpanContext(span)), request)
	}
	for code, level := range map[codes.Code]string{codes.OK: "DEBUG", codes.NotFound: "INFO"} {
		running := start(t, scene{
			call:    func(context.Context) error { return status.Error(code, "gone") },
			options: []grpc.ServerOption{grpc.ChainUnaryInterceptor(traced)},
		})
		wantCode(t, running.call(callContext(t)), code)

		record := running.record(t, "call")
		for key, want := range map[string]any{
			"level": level, "code": code.String(), "method": testgrpc.TestService_EmptyCall_FullMethodName,
			"trace_id": "01000000000000000000000000000000",
		} {
			if got := record[key]; got != want {
				t.Errorf("%s: got %v, want %v", key, got, want)
			}
		}
		if _, ok := record["duration"].(float64); !ok {
			t.Errorf("got duration %v, want a number", record["duration"])
		}
		for method, want := range map[string]float64{"EmptyCall": 1, "UnaryCall": 0, "Watch": 0} {
			if got := running.counter(t, "grpc_server_started_total", method); got != want {
				t.Errorf("got %v calls of %s, want %v", got, method, want)
			}
		}
	}
}

func TestPanicFailsItsOwnCallOnly(t *testing.T) {
	running := start(t, scene{call: func(context.Context) error { panic("the secret is 42") }})
	ctx := callContext(t)
	stream, err := running.FullDuplexCall(ctx)
	noError(t, err)
	_, ofStream := stream.Recv()
	for method, err := range map[string]error{"EmptyCall": running.call(ctx), "FullDuplexCall": ofStream} {
		got := status.Convert(err)
		if got.Code() != codes.Internal || got.Message() != "internal error" {
			t.Errorf("%s: got %v %q, want Internal and no detail", method, got.Code(), got.Message())
		}
		if !strings.Contains(running.log.String(), `"msg":"panic","method":"/grpc.testing.TestService/`+method) {
			t.Errorf("%s is not in the log:\n%s", method, running.log)
		}
	}

	record := running.record(t, "panic")
	if record["reason"] != "the secret is 42" || record["level"] != "ERROR" {
		t.Errorf("got record %v, want the reason at level ERROR", record)
	}
	if stack, _ := record["stack"].(string); !strings.Contains(stack, "calls_test.go") {
		t.Errorf("got stack %q, want the place of the panic", stack)
	}
	if code := running.record(t, "call")["code"]; code != "Internal" {
		t.Errorf("the call was logged with code %v, want Internal", code)
	}
	if got := running.counter(t, "grpc_server_panics_recovered_total"); got != 2 {
		t.Errorf("counted %v panics, want 2", got)
	}
	wantHealth(t, watchHealth(ctx, t, running.conn, ""), serving)
}

func TestEarlierDeadlineOfCallerAndServerCounts(t *testing.T) {
	for _, test := range []struct{ caller, server, want time.Duration }{
		{patience, time.Hour, patience}, {patience, patience / 2, patience / 2}, {0, time.Minute, time.Minute},
	} {
		var left time.Duration
		running := start(t, scene{
			change: func(s *config.Server) { s.RequestTimeout = test.server },
			call: func(ctx context.Context) error {
				deadline, _ := ctx.Deadline()
				left = time.Until(deadline)
				return nil
			},
		})
		ctx := t.Context()
		if test.caller > 0 {
			ctx = callContext(t)
		}
		wantCode(t, running.call(ctx), codes.OK)
		if left > test.want || left <= 0 {
			t.Errorf("request timeout %s: the call had %s left, want at most %s", test.server, left, test.want)
		}
	}
}

func TestCallWhoseTimeIsUpIsNotBegun(t *testing.T) {
	// gRPC answers most late calls itself, so this one is late from here on.
	late := func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		ctx, cancel := context.WithDeadline(ctx, time.Unix(0, 0))
		defer cancel()
		return handler(ctx, request)
	}
	running := start(t, scene{
		call:    func(context.Context) error { return errors.New("the call was begun") },
		options: []grpc.ServerOption{grpc.ChainUnaryInterceptor(late)},
	})
	wantCode(t, running.call(callContext(t)), codes.DeadlineExceeded)
}

func TestCallsBeyondTheLimitAreRejectedAndHealthIsNot(t *testing.T) {
	running := start(t, scene{change: func(s *config.Server) { s.MaxInFlight = 1 }})
	ctx := callContext(t)
	// A call counts before its message is there, because a message takes memory
	// as soon as it arrives.
	first, end := context.WithCancel(ctx)
	defer end()
	method := testgrpc.TestService_EmptyCall_FullMethodName
	_, err := running.conn.NewStream(first, &grpc.StreamDesc{ClientStreams: true}, method)
	noError(t, err)

	wantCode(t, running.call(ctx), codes.ResourceExhausted)
	_, err = healthv1.NewHealthClient(running.conn).Check(ctx, &healthv1.HealthCheckRequest{})
	wantCode(t, err, codes.OK)
	if record := running.record(t, "call"); record["code"] != "ResourceExhausted" || record["method"] != method {
		t.Errorf("got record %v, want the rejected call", record)
	}
	if got := running.counter(t, "grpc_server_handled_total", "EmptyCall", "ResourceExhausted"); got != 1 {
		t.Errorf("counted %v rejected calls, want 1", got)
	}

	end()
	// The server learns of the end a moment later.
	err = running.call(ctx)
	for status.Code(err) == codes.ResourceExhausted {
		err = running.call(ctx)
	}
	wantCode(t, err, codes.OK)
}

func TestReflectionIsServedOnDemand(t *testing.T) {
	for want, on := range map[codes.Code]bool{codes.OK: true, codes.Unimplemented: false} {
		running := start(t, scene{change: func(s *config.Server) { s.Reflection = on }})
		stream, err := reflectionv1.NewServerReflectionClient(running.conn).ServerReflectionInfo(callContext(t))
		noError(t, err)
		noError(t, stream.CloseSend())
		// Without a question the stream just ends, if the server knows it at all.
		if _, err = stream.Recv(); errors.Is(err, io.EOF) {
			err = nil
		}
		wantCode(t, err, want)
	}
}

func TestConnectionEndsAtItsAgeAndItsCallFinishesFirst(t *testing.T) {
	t.Parallel()
	gate := newGate()
	running := start(t, scene{call: gate.call, change: func(s *config.Server) {
		s.MaxConnectionAge, s.MaxConnectionAgeGrace = 50*time.Millisecond, patience
	}})
	ctx := callContext(t)
	answered := running.begin(ctx)
	wait(t, "the call to begin", gate.entered)

	// The client gives a connection up when the server asks it to.
	if !running.conn.WaitForStateChange(ctx, connectivity.Ready) {
		t.Error("the connection got older than it may")
	}
	close(gate.opened)
	wantCode(t, wait(t, "the answer", answered), codes.OK)
}

func TestCallThatOutlivesTheGraceOfItsConnectionIsCutOff(t *testing.T) {
	t.Parallel()
	running := start(t, scene{
		change: func(s *config.Server) {
			s.MaxConnectionAge, s.MaxConnectionAgeGrace = 50*time.Millisecond, 50*time.Millisecond
			s.RequestTimeout = patience
		},
		call: func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		},
	})
	wantCode(t, running.call(callContext(t)), codes.Unavailable)
}

func TestCallBeyondTheStreamsOfItsConnectionWaits(t *testing.T) {
	t.Parallel()
	gate := newGate()
	running := start(t, scene{call: gate.call, change: func(s *config.Server) { s.MaxConcurrentStreams = 1 }})
	ctx := callContext(t)
	answered := running.begin(ctx)
	wait(t, "the call to begin", gate.entered)

	impatient, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	wantCode(t, running.call(impatient), codes.DeadlineExceeded)
	if len(gate.entered) > 0 {
		t.Error("the second call was begun")
	}
	close(gate.opened)
	wantCode(t, wait(t, "the answer", answered), codes.OK)
	wantCode(t, running.call(ctx), codes.OK)
}

func TestRequestAboveTheSizeLimitIsRejected(t *testing.T) {
	running := start(t, scene{change: func(s *config.Server) { s.MaxMessageSize = 1024 }})
	large := &testgrpc.SimpleRequest{Payload: &testgrpc.Payload{Body: make([]byte, 1024)}}
	_, err := running.UnaryCall(callContext(t), large)
	wantCode(t, err, codes.ResourceExhausted)
}

func TestClientThatPingsEveryTenSecondsIsNotSentAway(t *testing.T) {
	// The clock in here does not take the time that it counts.
	synctest.Test(t, func(t *testing.T) {
		running := start(t, scene{}, grpc.WithKeepaliveParams(
			keepalive.ClientParameters{Time: 10 * time.Second, PermitWithoutStream: true}))
		wantCode(t, running.call(t.Context()), codes.OK)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if got := running.conn.GetState(); got != connectivity.Ready {
			t.Errorf("got connection %v after two minutes, want READY", got)
		}
	})
}
