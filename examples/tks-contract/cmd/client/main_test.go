package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"

	hellov1 "github.com/seungkyu/tks-contract/api/hello/v1"
	"github.com/seungkyu/tks-contract/internal/config"
	"github.com/seungkyu/tks-contract/internal/hello"
	"github.com/seungkyu/tks-contract/internal/server"
)

// patience bounds every wait of these tests. It is long because it only counts
// when a test fails.
const patience = 30 * time.Second

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}

// startServer runs a server with an empty memory and returns its address.
func startServer(t *testing.T) string {
	t.Helper()
	var settings config.Config
	settings.AddFlags(flag.NewFlagSet("server", flag.ContinueOnError))
	settings.Server.ShutdownDelay = 0
	listener, memory, logger := listen(t), hello.NewMemory(), slog.New(slog.DiscardHandler)
	api := server.New(memory, settings.Server, prometheus.NewRegistry(), logger)
	hellov1.RegisterHelloServiceServer(api, hello.NewService(memory, logger))
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- api.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

// execute runs the program and returns its exit code and output.
func execute(ctx context.Context, args ...string) (int, string) {
	var output bytes.Buffer
	code := config.ExitCode("client", run(ctx, append([]string{"client"}, args...), &output), &output)
	return code, output.String()
}

func wantOutput(t *testing.T, code int, output string, wantCode int, want string) {
	t.Helper()
	if code != wantCode || output != want {
		t.Errorf("got exit code %d and\n%swant %d and\n%s", code, output, wantCode, want)
	}
}

func TestClientPrintsGreetingsAndListsThemInColumns(t *testing.T) {
	address := startServer(t)
	for _, test := range []struct{ greeting, name, want string }{
		{"", "Ada", "Hello, Ada\ncount: 1\n"},
		{"Good morning", "Grace", "Good morning, Grace\ncount: 1\n"},
		{"", "Ada", "Hello, Ada\ncount: 2\n"},
	} {
		code, output := execute(t.Context(), "-addr", address, "-greeting", test.greeting, "-name", test.name)
		wantOutput(t, code, output, 0, test.want)
	}

	code, output := execute(t.Context(), "-addr", address, "-list")
	// The times differ from run to run and have the same width.
	output = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`).ReplaceAllString(output, "TIME")
	wantOutput(t, code, output, 0, "GREETING      NAME   COUNT  UPDATED\n"+
		"Hello         Ada    2      TIME\n"+"Good morning  Grace  1      TIME\n")
}

func TestClientReportsAWrongCallOnOneLine(t *testing.T) {
	for args, want := range map[string]string{
		"-addr=localhost":  `invalid value "localhost" for flag -addr: want HOST:PORT`,
		"-calls=0":         `invalid value "0" for flag -calls: want a whole number from 1 to 10000000`,
		"-list -calls=2":   "flag -calls goes with greetings: want no -list beside it",
		"-calls=2 -addr=x": `invalid value "x" for flag -addr: want HOST:PORT`,
	} {
		code, output := execute(t.Context(), strings.Fields(args)...)
		wantOutput(t, code, output, 2, "client: "+want+" (see -help)\n")
	}
	if code, output := execute(t.Context(), "-help"); code != 0 || !strings.HasPrefix(output, "Usage: client [flags]\n") {
		t.Errorf("got exit code %d and %q, want 0 and the usage", code, output)
	}
}

func TestClientReportsACallThatFailsOnOneLine(t *testing.T) {
	// Connections get as far as the listener's queue, and no further. Nobody answers
	// on port 1, which is reserved.
	address, silent := startServer(t), listen(t).Addr().String()
	for args, want := range map[string]string{
		"-addr " + address: address + " failed: InvalidArgument: name must not be empty\n",
		"-addr " + silent + " -name Ada -timeout 20ms":   silent + " failed: DeadlineExceeded: ",
		"-addr 127.0.0.1:1 -name Ada":                    "127.0.0.1:1 failed: Unavailable: ",
		"-addr 127.0.0.1:1 -name Ada -tls -timeout 9.5s": "127.0.0.1:1 failed: Unavailable: ",
		"-addr 127.0.0.1:1 -list":                        "127.0.0.1:1 failed: Unavailable: ",
	} {
		code, output := execute(t.Context(), strings.Fields(args)...)
		if code != 1 || !strings.HasPrefix(output, "client: call to "+want) || strings.Count(output, "\n") != 1 {
			t.Errorf("%s: got exit code %d and %q, want 1 and one line with %s", args, code, output, want)
		}
	}
}

func TestClientReportsOutputThatItCannotWrite(t *testing.T) {
	address := startServer(t)
	closed, output := io.Pipe()
	_ = closed.Close()
	for _, args := range [][]string{{"-name", "Ada"}, {"-list"}, {"-calls", "2", "-name", "Ada"}} {
		err := run(t.Context(), append([]string{"client", "-addr", address}, args...), output)
		if !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%q: got error %v, want %v", args, err, io.ErrClosedPipe)
		}
	}
}

func TestLoadMakesAllCallsAndReportsThemByCode(t *testing.T) {
	address := startServer(t)
	load := []string{"-addr", address, "-calls", "40", "-concurrency", "4", "-connections", "2"}
	code, output := execute(t.Context(), append(load, "-name", "Ada", "-timeout", patience.String())...)
	if code != 0 || !strings.HasPrefix(output, "calls: 40\n") || !strings.HasSuffix(output, "\nOK: 40\n") {
		t.Errorf("got exit code %d and report\n%swant 40 calls, all of them OK", code, output)
	}
	// A line for each name and one for the columns.
	if _, list := execute(t.Context(), "-addr", address, "-list"); strings.Count(list, "\n") != 41 {
		t.Errorf("got list\n%swant each call with a name of its own", list)
	}

	code, output = execute(t.Context(), append(load, "-greeting", strings.Repeat("x", 101))...)
	if code != 1 || !strings.HasSuffix(output, "\nInvalidArgument: 40\nclient: 40 of 40 calls failed\n") {
		t.Errorf("got exit code %d and report\n%swant 40 calls with InvalidArgument", code, output)
	}

	// No call ends by itself.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	code, output = execute(ctx, "-addr", listen(t).Addr().String(), "-name", "Ada", "-calls", "1000")
	if code != 0 || !strings.HasPrefix(output, "calls: 0\n") {
		t.Errorf("got exit code %d and report\n%swant one of no calls after a stop", code, output)
	}
}

func TestReportCountsTheCallsOfAllWorkers(t *testing.T) {
	outcomes := make([]outcome, 2)
	for i := range 100 {
		part := &outcomes[i%2]
		part.durations = append(part.durations, time.Duration(100-i)*time.Millisecond)
	}
	outcomes[0].codes = map[codes.Code]int{codes.OK: 50}
	outcomes[1].codes = map[codes.Code]int{codes.OK: 49, codes.Unavailable: 1}

	var stdout bytes.Buffer
	err := report(&stdout, 2*time.Second, outcomes)
	code := config.ExitCode("client", err, &stdout)
	wantOutput(t, code, stdout.String(), 1, "calls: 100\nseconds: 2.000\ncalls per second: 50\n"+
		"p50 in ms: 50.000\np99 in ms: 99.000\np100 in ms: 100.000\nOK: 99\nUnavailable: 1\n"+
		"client: 1 of 100 calls failed\n")
}
