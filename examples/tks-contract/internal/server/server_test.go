package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	hellov1 "github.com/seungkyu/tks-contract/api/hello/v1"
	"github.com/seungkyu/tks-contract/internal/config"
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

// store is a Pinger that is well until a test breaks it.
type store struct {
	broken atomic.Bool
}

func (s *store) Ping(context.Context) error {
	if s.broken.Load() {
		return errors.New("the store is gone")
	}

	return nil
}

// scene is what a test wants of its server. The zero value suits most tests.
type scene struct {
	// sayHello is what SayHello does. It just succeeds if there is none.
	sayHello func(context.Context) error
	// change changes the settings from their defaults.
	change func(*config.Server)
	// listener is in memory if there is none.
	listener net.Listener
	options  []grpc.ServerOption
}

// running is a server that a test talks to.
type running struct {
	conn *grpc.ClientConn
	// dial makes a connection that knows nothing of gRPC.
	dial func(ctx context.Context, address string) (net.Conn, error)
	// stop asks the server to stop and does not wait for it.
	stop context.CancelFunc
	// served gets what Serve returned.
	served   <-chan error
	log      *buffer
	store    *store
	registry *prometheus.Registry
}

// settings returns the defaults, except that a stop does not wait.
func settings() config.Server {
	var all config.Config
	all.AddFlags(flag.NewFlagSet("server", flag.ContinueOnError))
	all.Server.ShutdownDelay = 0
	all.Server.ShutdownTimeout = patience

	return all.Server
}

// start runs a server until the test ends.
func start(t *testing.T, scene scene) *running {
	t.Helper()

	if scene.sayHello == nil {
		scene.sayHello = succeed
	}
	chosen := settings()
	if scene.change != nil {
		scene.change(&chosen)
	}
	memory := bufconn.Listen(1 << 16)
	dial := func(ctx context.Context, _ string) (net.Conn, error) { return memory.DialContext(ctx) }
	listener := net.Listener(memory)
	if scene.listener != nil {
		listener = scene.listener
		dial = func(ctx context.Context, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", listener.Addr().String())
		}
	}

	r := &running{dial: dial, log: &buffer{}, store: &store{}, registry: prometheus.NewRegistry()}
	logger := slog.New(slog.NewJSONHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	r.stop = stop
	served := make(chan error, 1)
	r.served = served
	api := server.New(service{sayHello: scene.sayHello}, r.store, chosen, r.registry, logger, scene.options...)
	go func() { served <- api.Serve(ctx, listener) }()

	r.conn = connect(t, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithContextDialer(dial))

	return r
}

func connect(t *testing.T, options ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()

	conn, err := grpc.NewClient("passthrough:///test", options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })

	return conn
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

func TestServeReturnsWhenItIsStoppedAtOnce(t *testing.T) {
	t.Parallel()

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	stopped := server.New(service{sayHello: succeed}, &store{}, settings(), prometheus.NewRegistry(),
		slog.New(slog.DiscardHandler))

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
	failing := server.New(service{sayHello: succeed}, &store{}, settings(), prometheus.NewRegistry(),
		slog.New(slog.DiscardHandler))

	if err := failing.Serve(t.Context(), listener); err == nil {
		t.Error("got no error")
	}
}

func TestServeLogsTheAddressItListensOn(t *testing.T) {
	t.Parallel()

	running := start(t, scene{})
	if err := running.sayHello(callContext(t)); err != nil {
		t.Fatal(err)
	}

	record := findRecord(t, running.log.String(), "listening")
	if got := record["address"]; got != "bufconn" {
		t.Errorf("got address %v, want bufconn", got)
	}
}

func TestReflectionIsServedOnDemand(t *testing.T) {
	t.Parallel()

	for want, on := range map[codes.Code]bool{codes.OK: true, codes.Unimplemented: false} {
		t.Run(want.String(), func(t *testing.T) {
			t.Parallel()

			client := reflectionv1.NewServerReflectionClient(start(t, scene{change: func(s *config.Server) { s.Reflection = on }}).conn)
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

func TestConnectionEndsAtItsAgeAndItsCallFinishesFirst(t *testing.T) {
	t.Parallel()

	entered, release := make(chan struct{}), make(chan struct{})
	running := start(t, scene{
		change: func(s *config.Server) {
			s.MaxConnectionAge, s.MaxConnectionAgeGrace = 50*time.Millisecond, patience
		},
		sayHello: func(context.Context) error {
			close(entered)
			<-release

			return nil
		},
	})
	ctx := callContext(t)
	answered := make(chan error, 1)
	go func() { answered <- running.sayHello(ctx) }()
	wait(t, "the call to begin", entered)

	// The client gives a connection up when the server asks it to.
	if !running.conn.WaitForStateChange(ctx, connectivity.Ready) {
		t.Error("the connection got older than it may")
	}
	close(release)
	if err := wait(t, "the answer", answered); err != nil {
		t.Errorf("the running call failed: %v", err)
	}
}

func TestCallThatOutlivesTheGraceOfItsConnectionIsCutOff(t *testing.T) {
	t.Parallel()

	running := start(t, scene{
		change: func(s *config.Server) {
			s.MaxConnectionAge, s.MaxConnectionAgeGrace = 50*time.Millisecond, 50*time.Millisecond
			s.RequestTimeout = patience
		},
		sayHello: func(ctx context.Context) error {
			<-ctx.Done()

			return ctx.Err()
		},
	})
	if err := running.sayHello(callContext(t)); status.Code(err) != codes.Unavailable {
		t.Errorf("got %v, want code Unavailable", err)
	}
}

func TestCallBeyondTheStreamsOfItsConnectionWaits(t *testing.T) {
	t.Parallel()

	entered, release := make(chan struct{}), make(chan struct{})
	var calls atomic.Int64
	running := start(t, scene{
		change: func(s *config.Server) { s.MaxConcurrentStreams = 1 },
		sayHello: func(context.Context) error {
			if calls.Add(1) == 1 {
				close(entered)
				<-release
			}

			return nil
		},
	})
	answered := make(chan error, 1)
	ctx := callContext(t)
	go func() { answered <- running.sayHello(ctx) }()
	wait(t, "the call to begin", entered)

	impatient, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	if err := running.sayHello(impatient); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("got %v during another call, want code DeadlineExceeded", err)
	}
	close(release)
	if err := wait(t, "the answer", answered); err != nil {
		t.Errorf("the running call failed: %v", err)
	}
	if err := running.sayHello(ctx); err != nil {
		t.Errorf("the call after it failed: %v", err)
	}
}

// firstGoAway returns the reason of the first GOAWAY frame that arrives on conn,
// or nothing if none does.
func firstGoAway(conn net.Conn) string {
	var header [9]byte
	for {
		if _, err := io.ReadFull(conn, header[:]); err != nil {
			return ""
		}
		payload := make([]byte, int(header[0])<<16|int(header[1])<<8|int(header[2]))
		if _, err := io.ReadFull(conn, payload); err != nil {
			return ""
		}
		// Behind the last stream and the code of the error.
		if header[3] == 7 {
			return string(payload[8:])
		}
	}
}

func TestClientThatPingsMoreOftenThanDocumentedIsSentAway(t *testing.T) {
	t.Parallel()

	content, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(`(?m)^\| keepalive pings \| one in ` + "`(.+?)`").FindSubmatch(content)
	if match == nil {
		t.Fatal("docs/operations.md does not say how often a client may ping")
	}
	documented, err := time.ParseDuration(string(match[1]))
	if err != nil {
		t.Fatal(err)
	}

	for pause, want := range map[time.Duration]string{documented: "", documented - time.Millisecond: "too_many_pings"} {
		// The clock in here does not take the time that it counts.
		synctest.Test(t, func(t *testing.T) {
			conn, err := start(t, scene{}).dial(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			reason := make(chan string, 1)
			go func() { reason <- firstGoAway(conn) }()
			for _, frame := range append([]string{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"},
				slices.Repeat([]string{"\x00\x00\x08\x06\x00\x00\x00\x00\x00ping...."}, 10)...) {
				time.Sleep(pause)
				_, _ = io.WriteString(conn, frame)
			}
			synctest.Wait()
			_ = conn.Close()
			if got := <-reason; got != want {
				t.Errorf("pings every %s: got GOAWAY %q, want %q", pause, got, want)
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
