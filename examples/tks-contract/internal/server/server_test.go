package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	hellov1 "github.com/seungkyu/tks-contract/api/hello/v1"
	"github.com/seungkyu/tks-contract/internal/server"
)

// patience bounds every wait of these tests. It is long because it only counts
// when a test fails.
const patience = 30 * time.Second

// service is a HelloService whose SayHello does what the test wants.
type service struct {
	hellov1.UnimplementedHelloServiceServer

	sayHello func(context.Context) error
}

func (s service) SayHello(ctx context.Context, _ *hellov1.SayHelloRequest) (*hellov1.SayHelloResponse, error) {
	return &hellov1.SayHelloResponse{}, s.sayHello(ctx)
}

func (service) ListGreetings(
	context.Context, *hellov1.ListGreetingsRequest,
) (*hellov1.ListGreetingsResponse, error) {
	return &hellov1.ListGreetingsResponse{}, nil
}

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()

	return b.text.Write(text)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()

	return b.text.String()
}

// running is a server that a test talks to.
type running struct {
	conn *grpc.ClientConn
	// stop asks the server to stop and does not wait for it.
	stop context.CancelFunc
	// served gets what Serve returned.
	served <-chan error
	log    *buffer
}

// start runs a server whose SayHello is sayHello until the test ends.
func start(t *testing.T, options server.Options, sayHello func(context.Context) error) *running {
	t.Helper()

	listener := bufconn.Listen(1 << 16)
	log := &buffer{}
	logger := slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if options.ShutdownTimeout == 0 {
		options.ShutdownTimeout = patience
	}

	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	served := make(chan error, 1)
	go func() { served <- server.New(service{sayHello: sayHello}, options, logger).Serve(ctx, listener) }()

	conn, err := grpc.NewClient("passthrough:///bufconn",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return listener.DialContext(ctx)
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })

	return &running{conn: conn, stop: stop, served: served, log: log}
}

func (r *running) sayHello(ctx context.Context) error {
	_, err := hellov1.NewHelloServiceClient(r.conn).SayHello(ctx, &hellov1.SayHelloRequest{})

	return err
}

// wait returns what channel delivers, and fails the test when that takes too long.
func wait[T any](t *testing.T, what string, channel <-chan T) T {
	t.Helper()

	select {
	case value := <-channel:
		return value
	case <-time.After(patience):
		t.Fatalf("waited for %s for %s", what, patience)
	}
	panic("unreachable")
}

// callContext returns a context for the calls of a test.
func callContext(t *testing.T) context.Context {
	t.Helper()

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)

	return ctx
}

func succeed(context.Context) error { return nil }

func TestHealthIsServingForServerAndService(t *testing.T) {
	t.Parallel()

	client := healthv1.NewHealthClient(start(t, server.Options{}, succeed).conn)
	for _, name := range []string{"", "hello.v1.HelloService"} {
		response, err := client.Check(callContext(t), &healthv1.HealthCheckRequest{Service: name})
		if err != nil {
			t.Fatalf("service %q: %v", name, err)
		}
		if got := response.GetStatus(); got != healthv1.HealthCheckResponse_SERVING {
			t.Errorf("service %q: got %v, want SERVING", name, got)
		}
	}
}

func TestServeLetsARunningCallFinish(t *testing.T) {
	t.Parallel()

	entered, release := make(chan struct{}), make(chan struct{})
	running := start(t, server.Options{}, func(ctx context.Context) error {
		close(entered)
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	ctx := callContext(t)

	watchCtx, endWatch := context.WithCancel(ctx)
	defer endWatch()
	watch, err := healthv1.NewHealthClient(running.conn).Watch(watchCtx, &healthv1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	wantHealth(t, watch, healthv1.HealthCheckResponse_SERVING)

	answered := make(chan error, 1)
	go func() { answered <- running.sayHello(ctx) }()
	wait(t, "the call to begin", entered)

	running.stop()
	wantHealth(t, watch, healthv1.HealthCheckResponse_NOT_SERVING)
	// The watch is a running call as well.
	endWatch()
	select {
	case err := <-running.served:
		t.Fatalf("Serve returned %v during a call", err)
	default:
	}

	close(release)
	if err := wait(t, "the answer", answered); err != nil {
		t.Errorf("the running call failed: %v", err)
	}
	if err := wait(t, "Serve to return", running.served); err != nil {
		t.Errorf("Serve returned %v", err)
	}
}

func wantHealth(
	t *testing.T,
	watch grpc.ServerStreamingClient[healthv1.HealthCheckResponse],
	want healthv1.HealthCheckResponse_ServingStatus,
) {
	t.Helper()

	response, err := watch.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if got := response.GetStatus(); got != want {
		t.Fatalf("got health %v, want %v", got, want)
	}
}

func TestServeCutsCallsOffAfterTheShutdownTimeout(t *testing.T) {
	t.Parallel()

	entered, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	options := server.Options{ShutdownTimeout: time.Millisecond}
	running := start(t, options, func(context.Context) error {
		close(entered)
		// The worst case: a handler that ignores its context.
		<-release

		return nil
	})

	answered := make(chan error, 1)
	go func() { answered <- running.sayHello(callContext(t)) }()
	wait(t, "the call to begin", entered)
	running.stop()

	if err := wait(t, "Serve to return", running.served); err != nil {
		t.Errorf("Serve returned %v", err)
	}
	if err := wait(t, "the answer", answered); status.Code(err) != codes.Unavailable {
		t.Errorf("the call got %v, want code Unavailable", err)
	}
	if !strings.Contains(running.log.String(), "stopped before all calls had finished") {
		t.Errorf("the log does not say so:\n%s", running.log)
	}
}

func TestServeReturnsWhenItIsStoppedAtOnce(t *testing.T) {
	t.Parallel()

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	stopped := server.New(service{sayHello: succeed}, server.Options{ShutdownTimeout: patience}, slog.New(slog.DiscardHandler))

	if err := stopped.Serve(ctx, bufconn.Listen(1)); err != nil {
		t.Errorf("Serve returned %v", err)
	}
}

func TestServeReportsAListenerThatFails(t *testing.T) {
	t.Parallel()

	listener := bufconn.Listen(1)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	failing := server.New(service{sayHello: succeed}, server.Options{}, slog.New(slog.DiscardHandler))

	if err := failing.Serve(t.Context(), listener); err == nil {
		t.Error("got no error")
	}
}

func TestServeLogsTheAddressItListensOn(t *testing.T) {
	t.Parallel()

	running := start(t, server.Options{}, succeed)
	if err := running.sayHello(callContext(t)); err != nil {
		t.Fatal(err)
	}

	record := findRecord(t, running.log.String(), "listening")
	if got := record["address"]; got != "bufconn" {
		t.Errorf("got address %v, want bufconn", got)
	}
}

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

			running := start(t, server.Options{}, func(context.Context) error { return test.err })
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

	running := start(t, server.Options{}, func(context.Context) error { panic("the secret is 42") })
	ctx := callContext(t)

	got := status.Convert(running.sayHello(ctx))
	if got.Code() != codes.Internal || got.Message() != "internal error" {
		t.Errorf("got %v %q, want Internal and no detail", got.Code(), got.Message())
	}
	record := findRecord(t, running.log.String(), "panic")
	if record["reason"] != "the secret is 42" || record["level"] != "ERROR" {
		t.Errorf("got record %v, want the reason at level ERROR", record)
	}
	if code := findRecord(t, running.log.String(), "call")["code"]; code != "Internal" {
		t.Errorf("the call was logged with code %v, want Internal", code)
	}

	_, err := hellov1.NewHelloServiceClient(running.conn).ListGreetings(ctx, &hellov1.ListGreetingsRequest{})
	if err != nil {
		t.Errorf("the next call failed: %v", err)
	}
}

func TestReflectionIsServedOnDemand(t *testing.T) {
	t.Parallel()

	for want, options := range map[codes.Code]server.Options{
		codes.OK:            {Reflection: true},
		codes.Unimplemented: {Reflection: false},
	} {
		t.Run(want.String(), func(t *testing.T) {
			t.Parallel()

			client := reflectionv1.NewServerReflectionClient(start(t, options, succeed).conn)
			stream, err := client.ServerReflectionInfo(callContext(t))
			if err != nil {
				t.Fatal(err)
			}
			if err = stream.CloseSend(); err != nil {
				t.Fatal(err)
			}
			// Without a question the stream just ends, if the server knows it at all.
			_, err = stream.Recv()
			if errors.Is(err, io.EOF) {
				err = nil
			}
			if got := status.Code(err); got != want {
				t.Errorf("got code %v, want %v", got, want)
			}
		})
	}
}

// findRecord returns the first record of a JSON log with the message.
func findRecord(t *testing.T, log, message string) map[string]any {
	t.Helper()

	for line := range strings.Lines(log) {
		record := map[string]any{}
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatalf("%v in line %s", err, line)
		}
		if record["msg"] == message {
			return record
		}
	}
	t.Fatalf("no record %q in the log:\n%s", message, log)

	return nil
}
