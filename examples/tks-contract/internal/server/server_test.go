package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/seungkyu/tks-contract/internal/config"
	"github.com/seungkyu/tks-contract/internal/server"
	"github.com/seungkyu/tks-contract/internal/telemetry"
)

// patience bounds every wait of these tests. It is long because it only counts
// when a test fails.
const patience = 30 * time.Second

// api is gRPC's own service for tests, whose calls do what a test wants.
type api struct {
	testgrpc.UnimplementedTestServiceServer

	call func(context.Context) error
}

func (a api) EmptyCall(ctx context.Context, _ *testgrpc.Empty) (*testgrpc.Empty, error) {
	return &testgrpc.Empty{}, a.call(ctx)
}

func (a api) FullDuplexCall(stream testgrpc.TestService_FullDuplexCallServer) error {
	return a.call(stream.Context())
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

// scene is what a test wants of its server. The zero value suits most tests.
type scene struct {
	// call is what the API does. It just succeeds if there is none.
	call func(context.Context) error
	// change changes the settings from their defaults.
	change func(*config.Server)
	// listener is in memory if there is none.
	listener net.Listener
	tls      config.ServerTLS
	options  []grpc.ServerOption
}

// running is a server that a test talks to, and its store, which tests can break.
type running struct {
	testgrpc.TestServiceClient

	conn *grpc.ClientConn
	// stop asks the server to stop and does not wait for it.
	stop context.CancelFunc
	// served gets what Serve returned.
	served   chan error
	log      *buffer
	broken   atomic.Bool
	registry *prometheus.Registry
}

func (r *running) Ping(context.Context) error {
	if r.broken.Load() {
		return errors.New("the store is gone")
	}
	return nil
}

// start runs a server until the test ends. A stop does not wait, unless the test
// changes that.
func start(t *testing.T, scene scene, options ...grpc.DialOption) *running {
	t.Helper()
	var settings config.Config
	settings.AddFlags(flag.NewFlagSet("server", flag.ContinueOnError))
	settings.Server.ShutdownDelay, settings.Server.ShutdownTimeout = 0, patience
	if scene.change != nil {
		scene.change(&settings.Server)
	}
	if scene.call == nil {
		scene.call = func(context.Context) error { return nil }
	}
	if scene.listener == nil {
		scene.listener = bufconn.Listen(1 << 16)
	}
	r := &running{conn: connect(t, scene.listener, options...), log: &buffer{}, registry: prometheus.NewRegistry()}
	r.TestServiceClient = testgrpc.NewTestServiceClient(r.conn)
	logger := telemetry.NewLogger(r.log, "debug")
	transport, err := server.Credentials(scene.tls, logger)
	noError(t, err)
	served := server.New(r, settings.Server, r.registry, logger, append(scene.options, grpc.Creds(transport))...)
	testgrpc.RegisterTestServiceServer(served, api{call: scene.call})
	var ctx context.Context
	ctx, r.stop = context.WithCancel(t.Context())
	r.served = make(chan error, 1)
	go func() { r.served <- served.Serve(ctx, scene.listener) }()
	return r
}

// connect returns a connection that begins with its first call.
func connect(t *testing.T, listener net.Listener, options ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	options = append(options, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if memory, ok := listener.(*bufconn.Listener); ok {
		options = append(options, grpc.WithContextDialer(
			func(ctx context.Context, _ string) (net.Conn, error) { return memory.DialContext(ctx) }))
	}
	conn, err := grpc.NewClient("passthrough:///"+listener.Addr().String(), options...)
	noError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func (r *running) call(ctx context.Context) error {
	_, err := r.EmptyCall(ctx, &testgrpc.Empty{})
	return err
}

// begin makes a call whose answer arrives later.
func (r *running) begin(ctx context.Context) <-chan error {
	answered := make(chan error, 1)
	go func() { answered <- r.call(ctx) }()
	return answered
}

// gate is a call that waits, ignoring its context, until the test opens it.
type gate struct {
	entered, opened chan struct{}
}

func newGate() gate {
	return gate{make(chan struct{}, 10), make(chan struct{})}
}

func (g gate) call(context.Context) error {
	g.entered <- struct{}{}
	<-g.opened
	return nil
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
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

// wantEnd waits for Serve to return without an error.
func (r *running) wantEnd(t *testing.T) {
	t.Helper()
	if err := wait(t, "Serve to return", r.served); err != nil {
		t.Errorf("Serve returned %v", err)
	}
}

// callContext returns a context for the calls of a test.
func callContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func wantCode(t *testing.T, err error, want codes.Code) {
	t.Helper()
	if status.Code(err) != want {
		t.Errorf("got error %v, want code %v", err, want)
	}
}

// record returns the first record of the log with the message.
func (r *running) record(t *testing.T, message string) map[string]any {
	t.Helper()
	for line := range strings.Lines(r.log.String()) {
		record := map[string]any{}
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatalf("%v in line %s", err, line)
		}
		if record["msg"] == message {
			return record
		}
	}
	t.Fatalf("no record %q in the log:\n%s", message, r.log)
	return nil
}

// counter returns the value of the counter with these labels.
func (r *running) counter(t *testing.T, name string, labels ...string) float64 {
	t.Helper()
	families, err := r.registry.Gather()
	noError(t, err)
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			has := func(label string) bool { return strings.Contains(metric.String(), strconv.Quote(label)) }
			if family.GetName() == name && !slices.ContainsFunc(labels, func(l string) bool { return !has(l) }) {
				return metric.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("no metric %s with %s", name, labels)
	return 0
}
