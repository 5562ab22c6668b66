package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"

	"github.com/seungkyu/tks-contract/internal/config"
)

// patience bounds every wait of these tests. It is long because it only counts
// when a test fails.
const patience = 30 * time.Second

// lines sends each line of a log to the test, as far as that reads them.
type lines chan string

func (l lines) Write(line []byte) (int, error) {
	select {
	case l <- string(line):
	default:
	}
	return len(line), nil
}

// running is a server that a test has started.
type running struct {
	// port is that of the API and metrics the URL of the metrics.
	port, metrics string
	conn          *grpc.ClientConn
	// log is that of the start.
	log string
	// stop asks the server to stop and returns what run returned.
	stop func() error
}

// start runs a server on free ports and returns once it listens.
func start(t *testing.T, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	log, done := make(lines, 100), make(chan error, 1)
	args = append([]string{"server", "-port", "0", "-metrics-port", "0", "-shutdown-delay", "0s"}, args...)
	go func() {
		done <- run(ctx, args, nil, io.Discard, log)
		_, _ = log.Write(nil)
	}()
	server := &running{stop: sync.OnceValue(func() error {
		cancel()
		return wait(t, "the stop", done)
	})}
	t.Cleanup(func() { _ = server.stop() })

	for server.port == "" {
		line := wait(t, "the address in the log", log)
		if line == "" {
			t.Fatalf("the server stopped early: %v", server.stop())
		}
		server.log += line
		var record struct{ Msg, Address string }
		noError(t, json.Unmarshal([]byte(line), &record))
		_, port, _ := net.SplitHostPort(record.Address)
		switch record.Msg {
		case "metrics listening":
			server.metrics = "http://localhost:" + port + "/metrics"
		case "listening":
			server.port = port
		}
	}
	var err error
	server.conn, err = grpc.NewClient("localhost:"+server.port, grpc.WithTransportCredentials(insecure.NewCredentials()))
	noError(t, err)
	t.Cleanup(func() { _ = server.conn.Close() })
	return server
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

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// execute runs the program to its end and returns its exit code and output.
func execute(t *testing.T, environ []string, args ...string) (int, string) {
	t.Helper()
	// A run that does not fail has to stop, or the test would wait for good.
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var output bytes.Buffer
	err := run(ctx, append([]string{"/usr/bin/server"}, args...), environ, &output, &output)
	return config.ExitCode("server", err, &output), output.String()
}

func wantOutput(t *testing.T, code int, output string, wantCode int, want string) {
	t.Helper()
	if code != wantCode || output != want {
		t.Errorf("got exit code %d and %q, want %d and %q", code, output, wantCode, want)
	}
}

func TestServerServesAnAPIAndMetricsUntilItIsStopped(t *testing.T) {
	server := start(t)
	list, err := healthv1.NewHealthClient(server.conn).List(t.Context(), &healthv1.HealthListRequest{})
	noError(t, err)
	// "", liveness and readiness are always there.
	if len(list.GetStatuses()) < 4 {
		t.Errorf("got health of %v, want that of an API too", list.GetStatuses())
	}
	for name, health := range list.GetStatuses() {
		if health.GetStatus() != healthv1.HealthCheckResponse_SERVING {
			t.Errorf("service %q: got health %v, want SERVING", name, health.GetStatus())
		}
	}

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.metrics, http.NoBody)
	noError(t, err)
	response, err := http.DefaultClient.Do(request)
	noError(t, err)
	defer func() { _ = response.Body.Close() }()
	if metrics, err := io.ReadAll(response.Body); err != nil || !bytes.Contains(metrics, []byte("grpc_server_started_total")) {
		t.Errorf("got metrics %s and error %v, want those of calls", metrics, err)
	}

	if err := server.stop(); err != nil {
		t.Errorf("the server ended with %v", err)
	}
}

func TestServerReportsAPortOrFileThatItCannotUse(t *testing.T) {
	port := start(t).port
	for name, args := range map[string][]string{
		"-port": {"-port", port}, "-metrics-port": {"-port", "0", "-metrics-port", port},
	} {
		code, output := execute(t, nil, args...)
		wantOutput(t, code, output, 1,
			"server: cannot use "+name+" "+port+": listen tcp :"+port+": bind: address already in use\n")
	}
	code, output := execute(t, nil, "-port", "0", "-tls-cert", "/none", "-tls-key", "/none")
	wantOutput(t, code, output, 1, "server: cannot use -tls-cert with -tls-key: open /none: no such file or directory\n")
	if got := start(t, "-metrics-port", "off").metrics; got != "" {
		t.Errorf("got metrics at %s, want none", got)
	}
}

func TestServerReadsItsEnvironment(t *testing.T) {
	code, output := execute(t, []string{"SERVICE_LOG_LEVEL=loud"})
	wantOutput(t, code, output, 2, "server: invalid value \"loud\" for environment variable SERVICE_LOG_LEVEL: "+
		"want debug, info, warn or error (see -help)\n")

	// The flag wins, so that the server gets as far as its warning.
	busy := start(t).port
	code, output = execute(t, []string{"SERVICE_LOG_LEVEL=loud", "SERVICE_PORT=" + busy, "SERVICE_DBPASSWORD=secret"},
		"-log-level", "info")
	if code != 1 || !strings.Contains(output, `"level":"WARN","msg":"environment variables without a meaning"`) ||
		!strings.Contains(output, `"names":["SERVICE_DBPASSWORD"]`) || strings.Contains(output, "secret") ||
		!strings.Contains(output, "cannot use -port "+busy) {
		t.Errorf("got exit code %d and %q, want 1 and a warning that names SERVICE_DBPASSWORD only", code, output)
	}
}

func TestServerReportsAWrongCallOnOneLine(t *testing.T) {
	for args, want := range map[string]string{
		"-tls-cert=tls.crt": "flag -tls-key is needed with -tls-cert: want a PEM file",
		"serve":             `unexpected argument "serve": only flags are accepted`,
	} {
		code, output := execute(t, nil, args)
		wantOutput(t, code, output, 2, "server: "+want+" (see -help)\n")
	}
}

func TestHelpAndVersionArePrintedWithoutAnError(t *testing.T) {
	for args, want := range map[string]string{
		"-help":    `^Usage: server \[flags\]\n`,
		"-version": `^server \S+ commit \S+ built \S+ ` + regexp.QuoteMeta(runtime.Version()) + `\n$`,
	} {
		if code, output := execute(t, nil, args); code != 0 || !regexp.MustCompile(want).MatchString(output) {
			t.Errorf("%s: got exit code %d and %q, want 0 and a match of %s", args, code, output, want)
		}
	}
}

func TestVersionComesFromTheRepository(t *testing.T) {
	got := factsOf(&debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "4f2a1c9"},
		{Key: "vcs.time", Value: "2026-01-31T12:00:00Z"},
		{Key: "vcs.modified", Value: "true"},
	}})
	if want := (buildFacts{"v1.2.3", "4f2a1c9-modified", "2026-01-31T12:00:00Z"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	unmodified := []debug.BuildSetting{{Key: "vcs.modified", Value: "false"}}
	got = factsOf(&debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: unmodified})
	if want := (buildFacts{}); got != want {
		t.Errorf("got %+v, want nothing", got)
	}
}

// collector receives spans as an OpenTelemetry collector does.
type collector struct {
	collectorv1.UnimplementedTraceServiceServer

	requests chan *collectorv1.ExportTraceServiceRequest
}

func (c collector) Export(
	_ context.Context, request *collectorv1.ExportTraceServiceRequest,
) (*collectorv1.ExportTraceServiceResponse, error) {
	c.requests <- request
	return &collectorv1.ExportTraceServiceResponse{}, nil
}

func TestCallBecomesASpanInTheTraceOfItsCaller(t *testing.T) {
	const traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	spans := collector{requests: make(chan *collectorv1.ExportTraceServiceRequest, 10)}
	address := serveGRPC(t, func(s *grpc.Server) { collectorv1.RegisterTraceServiceServer(s, spans) })
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+address)
	server := start(t, "-reflection")

	ctx := metadata.AppendToOutgoingContext(t.Context(), "traceparent", "00-"+traceID+"-00f067aa0ba902b7-01")
	_, err := healthv1.NewHealthClient(server.conn).Check(ctx, &healthv1.HealthCheckRequest{})
	noError(t, err)
	stream, err := reflectionv1.NewServerReflectionClient(server.conn).ServerReflectionInfo(ctx)
	noError(t, err)
	noError(t, stream.CloseSend())
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	// The stop sends what there is.
	noError(t, server.stop())

	resource := wait(t, "a span", spans.requests).GetResourceSpans()[0]
	if !strings.Contains(resource.GetResource().String(), serviceName) {
		t.Errorf("got resource %v, want the service name %s", resource.GetResource(), serviceName)
	}
	got := resource.GetScopeSpans()[0].GetSpans()
	if len(got) != 1 || got[0].GetName() != "grpc.reflection.v1.ServerReflection/ServerReflectionInfo" ||
		hex.EncodeToString(got[0].GetTraceId()) != traceID {
		t.Errorf("got spans %v, want one of the reflection in the caller's trace, and none of the health check", got)
	}
}
