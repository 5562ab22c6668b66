package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	hellov1 "github.com/seungkyu/tks-contract/api/hello/v1"
)

// patience bounds every wait of these tests. It is long because it only counts
// when a test fails.
const patience = 30 * time.Second

// logs keeps what a server logs and announces the addresses it listens on.
type logs struct {
	address, metrics chan string

	mu   sync.Mutex
	text bytes.Buffer
}

// Write gets one record at a time, as slog promises.
func (l *logs) Write(line []byte) (int, error) {
	var record struct{ Msg, Address string }
	if err := json.Unmarshal(line, &record); err != nil {
		return 0, err
	}
	switch record.Msg {
	case "listening":
		l.address <- record.Address
	case "metrics listening":
		l.metrics <- record.Address
	}

	l.mu.Lock()
	defer l.mu.Unlock()

	return l.text.Write(line)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()

	return l.text.String()
}

// running is a server that a test has started.
type running struct {
	port string
	// metrics is the URL of the metrics, and conn a connection, if start made them.
	metrics string
	conn    *grpc.ClientConn
	logs    *logs
	// stop asks the server to stop and returns what run returned.
	stop func() error
}

// launch runs a server on free ports and returns once it listens.
func launch(t *testing.T, args ...string) *running {
	t.Helper()

	ctx, cancel := context.WithCancel(t.Context())
	logs := &logs{address: make(chan string, 1), metrics: make(chan string, 1)}
	done := make(chan error, 1)
	args = append([]string{"server", "-port", "0", "-metrics-port", "0", "-shutdown-delay", "0s"}, args...)
	go func() { done <- run(ctx, args, nil, &bytes.Buffer{}, logs) }()
	stop := sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-done:
			return err
		case <-time.After(patience):
			return errors.New("the server did not stop")
		}
	})
	t.Cleanup(func() { _ = stop() })

	select {
	case address := <-logs.address:
		return &running{port: portOf(t, address), logs: logs, stop: stop}
	case err := <-done:
		t.Fatalf("the server stopped early: %v", err)
	case <-time.After(patience):
		t.Fatal("the server did not log its address")
	}
	panic("unreachable")
}

// start runs a server with metrics and returns once it answers in plain text.
func start(t *testing.T, args ...string) *running {
	t.Helper()

	server := launch(t, args...)
	// It logs this address before the other.
	server.metrics = "http://" + net.JoinHostPort("localhost", portOf(t, <-server.logs.metrics)) + "/metrics"
	conn, err := grpc.NewClient(net.JoinHostPort("localhost", server.port),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	server.conn = conn

	ready, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	health, err := healthv1.NewHealthClient(conn).Check(ready,
		&healthv1.HealthCheckRequest{Service: "hello.v1.HelloService"}, grpc.WaitForReady(true))
	if err != nil {
		t.Fatal(err)
	}
	if got := health.GetStatus(); got != healthv1.HealthCheckResponse_SERVING {
		t.Fatalf("got health %v, want SERVING", got)
	}

	return server
}

func portOf(t *testing.T, address string) string {
	t.Helper()

	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}

	return port
}

// fail calls run with args, which have to make it fail, and returns the exit
// code and what the program prints to standard error.
func fail(t *testing.T, args ...string) (int, string) {
	t.Helper()

	return failIn(t, nil, args...)
}

// failIn does the same in an environment.
func failIn(t *testing.T, environ []string, args ...string) (int, string) {
	t.Helper()

	// A run that does not fail has to stop, or the test would wait for good.
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()

	var stdout, stderr bytes.Buffer
	code := exitCode(run(ctx, append([]string{"server"}, args...), environ, &stdout, &stderr), &stderr)
	if stdout.Len() > 0 {
		t.Errorf("got output %q, want none", stdout.String())
	}

	return code, stderr.String()
}

func TestServerCountsAndListsGreetings(t *testing.T) {
	t.Parallel()

	server := start(t)
	client := hellov1.NewHelloServiceClient(server.conn)
	for want := range int64(2) {
		response, err := client.SayHello(t.Context(), &hellov1.SayHelloRequest{Greeting: "Welcome", Name: "Seungkyu"})
		if err != nil {
			t.Fatal(err)
		}
		if response.GetMessage() != "Welcome, Seungkyu" || response.GetCount() != want+1 {
			t.Errorf("got %v, want count %d", response, want+1)
		}
	}

	list, err := client.ListGreetings(t.Context(), &hellov1.ListGreetingsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	greetings := list.GetGreetings()
	if len(greetings) != 1 || greetings[0].GetName() != "Seungkyu" || greetings[0].GetCount() != 2 {
		t.Errorf("got %v, want one greeting of Seungkyu with count 2", greetings)
	}

	if err := server.stop(); err != nil {
		t.Errorf("the server ended with %v", err)
	}
}

func TestServerReportsAPortInUse(t *testing.T) {
	t.Parallel()

	port := start(t).port

	code, stderr := fail(t, "-port", port)
	want := "server: cannot use -port " + port + ": listen tcp :" + port + ": bind: address already in use\n"
	if code != 1 || stderr != want {
		t.Errorf("got exit code %d and %q, want 1 and %q", code, stderr, want)
	}
}

func TestServerReportsAMetricsPortInUse(t *testing.T) {
	t.Parallel()

	port := start(t).port

	code, stderr := fail(t, "-port", "0", "-metrics-port", port)
	want := "server: cannot use -metrics-port " + port + ": listen tcp :" + port + ": bind: address already in use\n"
	if code != 1 || stderr != want {
		t.Errorf("got exit code %d and %q, want 1 and %q", code, stderr, want)
	}
}

func TestServerReadsItsEnvironment(t *testing.T) {
	t.Parallel()

	code, stderr := failIn(t, []string{"SERVICE_LOG_LEVEL=loud"})
	want := "server: invalid value \"loud\" for environment variable SERVICE_LOG_LEVEL: " +
		"want debug, info, warn or error (see -help)\n"
	if code != 2 || stderr != want {
		t.Errorf("got exit code %d and %q, want 2 and %q", code, stderr, want)
	}

	// The flag wins, so that the server gets as far as its warning.
	busy := start(t).port
	code, stderr = failIn(t, []string{"SERVICE_LOG_LEVEL=loud", "SERVICE_PORT=" + busy, "SERVICE_DBPASSWORD=secret"},
		"-log-level", "info")
	if code != 1 || !strings.Contains(stderr, `"level":"WARN","msg":"environment variables without a meaning"`) ||
		!strings.Contains(stderr, `"names":["SERVICE_DBPASSWORD"]`) || strings.Contains(stderr, "secret") ||
		!strings.Contains(stderr, "cannot use -port "+busy) {
		t.Errorf("got exit code %d and %q, want 1 and a warning that names SERVICE_DBPASSWORD only", code, stderr)
	}
}

func TestServerWithoutAMetricsPortHasNoMetrics(t *testing.T) {
	t.Parallel()

	server := launch(t, "-metrics-port", "off")
	if len(server.logs.metrics) > 0 {
		t.Error("the server serves metrics")
	}
	if err := server.stop(); err != nil {
		t.Error(err)
	}
}

func TestServerReportsAWrongCallOnOneLine(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		args []string
		want string
	}{
		"port out of range": {
			[]string{"-port", "99999"},
			"server: invalid value \"99999\" for flag -port: want a whole number from 0 to 65535 (see -help)\n",
		},
		"timeout of zero": {
			[]string{"-shutdown-timeout=0s"},
			"server: invalid value \"0s\" for flag -shutdown-timeout: " +
				"want a duration above 0, such as 500ms, 20s or 1m30s (see -help)\n",
		},
		"neither true nor false": {
			[]string{"-reflection=perhaps"},
			"server: invalid boolean value \"perhaps\" for -reflection: want true or false (see -help)\n",
		},
		"certificate without its key": {
			[]string{"-tls-cert", "tls.crt"},
			"server: flag -tls-key is needed with -tls-cert: want a PEM file (see -help)\n",
		},
		"unknown flag": {
			[]string{"-verbose"},
			"server: flag provided but not defined: -verbose (see -help)\n",
		},
		"argument": {
			[]string{"serve"},
			"server: unexpected argument \"serve\": only flags are accepted (see -help)\n",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			code, stderr := fail(t, test.args...)
			if code != 2 || stderr != test.want {
				t.Errorf("got exit code %d and %q, want 2 and %q", code, stderr, test.want)
			}
		})
	}
}

func TestHelpIsPrintedWithoutAnError(t *testing.T) {
	t.Parallel()

	var stdout, stderr bytes.Buffer
	if err := run(t.Context(), []string{"server", "-help"}, nil, &stdout, &stderr); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(stdout.String(), "Usage: server [flags]\n") || stderr.Len() > 0 {
		t.Errorf("got output %q and errors %q", stdout.String(), stderr.String())
	}
}

func TestExitCodeOfSuccessIsZeroAndSilent(t *testing.T) {
	t.Parallel()

	var stderr bytes.Buffer
	if code := exitCode(nil, &stderr); code != 0 || stderr.Len() > 0 {
		t.Errorf("got exit code %d and %q, want 0 and nothing", code, stderr.String())
	}
}

func TestErrorIsReportedOnOneLine(t *testing.T) {
	t.Parallel()

	var stderr bytes.Buffer
	code := exitCode(errors.New("cannot connect:\n\tfirst address\n\tsecond address"), &stderr)
	want := "server: cannot connect: first address second address\n"
	if code != 1 || stderr.String() != want {
		t.Errorf("got exit code %d and %q, want 1 and %q", code, stderr.String(), want)
	}
}
