package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"log/slog"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

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

	listener := listen(t)
	logger := slog.New(slog.DiscardHandler)
	memory := hello.NewMemory()
	var settings config.Config
	settings.AddFlags(flag.NewFlagSet("server", flag.ContinueOnError))
	settings.Server.ShutdownDelay = 0
	api := server.New(hello.NewService(memory, logger), memory, settings.Server, prometheus.NewRegistry(), logger)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- api.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-served:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Error("the server did not stop")
		}
	})

	return listener.Addr().String()
}

// output calls run with args, which have to make it succeed, and returns what
// the program prints.
func output(t *testing.T, args ...string) string {
	t.Helper()

	var stdout bytes.Buffer
	if err := run(t.Context(), append([]string{"client"}, args...), &stdout); err != nil {
		t.Fatal(err)
	}

	return stdout.String()
}

// fail calls run with args, which have to make it fail, and returns the exit
// code and what the program prints to standard error.
func fail(t *testing.T, args ...string) (int, string) {
	t.Helper()

	var stdout, stderr bytes.Buffer
	code := exitCode(run(t.Context(), append([]string{"client"}, args...), &stdout), &stderr)
	if stdout.Len() > 0 {
		t.Errorf("got output %q, want none", stdout.String())
	}

	return code, stderr.String()
}

func TestClientPrintsTheGreetingAndItsCount(t *testing.T) {
	t.Parallel()

	args := []string{"-addr", startServer(t), "-greeting", "Welcome", "-name", "Seungkyu", "-timeout", patience.String()}
	for _, want := range []string{"Welcome, Seungkyu\ncount: 1\n", "Welcome, Seungkyu\ncount: 2\n"} {
		if got := output(t, args...); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestClientListsGreetingsInColumns(t *testing.T) {
	t.Parallel()

	address := startServer(t)
	output(t, "-addr", address, "-name", "Ada")
	output(t, "-addr", address, "-greeting", "Good morning", "-name", "Grace")

	got := output(t, "-addr", address, "-list")
	// The times differ from run to run and have the same width.
	got = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`).ReplaceAllString(got, "TIME")
	want := "GREETING      NAME   COUNT  UPDATED\n" +
		"Good morning  Grace  1      TIME\n" +
		"Hello         Ada    1      TIME\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestClientReportsAWrongCallOnOneLine(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		args []string
		want string
	}{
		"address without a port": {
			[]string{"-addr", "localhost"},
			"client: invalid value \"localhost\" for flag -addr: want HOST:PORT (see -help)\n",
		},
		"timeout of zero": {
			[]string{"-timeout", "0"},
			"client: invalid value \"0\" for flag -timeout: " +
				"want a duration above 0, such as 500ms, 20s or 1m30s (see -help)\n",
		},
		"neither true nor false": {
			[]string{"-list=perhaps"},
			"client: invalid boolean value \"perhaps\" for -list: want true or false (see -help)\n",
		},
		"certificate without its key": {
			[]string{"-tls-cert", "tls.crt"},
			"client: flag -tls-key is needed with -tls-cert: want a PEM file (see -help)\n",
		},
		"list with many calls": {
			[]string{"-list", "-calls", "2"},
			"client: flag -calls goes with greetings: want no -list beside it (see -help)\n",
		},
		"no calls": {
			[]string{"-calls", "0"},
			"client: invalid value \"0\" for flag -calls: want a whole number from 1 to 10000000 (see -help)\n",
		},
		"unknown flag": {
			[]string{"-verbose"},
			"client: flag provided but not defined: -verbose (see -help)\n",
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

func TestClientReportsWhatTheServerRejects(t *testing.T) {
	t.Parallel()

	address := startServer(t)

	code, stderr := fail(t, "-addr", address)
	want := "client: call to " + address + " failed: InvalidArgument: name must not be empty\n"
	if code != 1 || stderr != want {
		t.Errorf("got exit code %d and %q, want 1 and %q", code, stderr, want)
	}
}

func TestClientReportsAServerThatIsNotThere(t *testing.T) {
	t.Parallel()

	const address = "127.0.0.1:1" // nobody answers on this port, which is reserved

	for _, args := range [][]string{{"-name", "Ada"}, {"-list"}, {"-tls", "-name", "Ada"}} {
		code, stderr := fail(t, append([]string{"-addr", address}, args...)...)
		if code != 1 || !strings.HasPrefix(stderr, "client: call to "+address+" failed: Unavailable: ") ||
			strings.Count(stderr, "\n") != 1 {
			t.Errorf("got exit code %d and %q, want 1 and one line that says what is wrong", code, stderr)
		}
	}
}

func TestClientGivesUpAfterTheTimeout(t *testing.T) {
	t.Parallel()

	// Connections get as far as the listener's queue, and no further.
	address := listen(t).Addr().String()

	code, stderr := fail(t, "-addr", address, "-name", "Ada", "-timeout", "20ms")
	if code != 1 || !strings.Contains(stderr, "DeadlineExceeded") {
		t.Errorf("got exit code %d and %q, want 1 and DeadlineExceeded", code, stderr)
	}
}

func TestClientReportsOutputThatItCannotWrite(t *testing.T) {
	t.Parallel()

	full := errors.New("the disk is full")
	address := startServer(t)
	for _, args := range [][]string{{"-name", "Ada"}, {"-list"}, {"-calls", "2"}} {
		err := run(t.Context(), append([]string{"client", "-addr", address}, args...), brokenWriter{full})
		if !errors.Is(err, full) {
			t.Errorf("%q: got error %v, want %v", args, err, full)
		}
	}
}

// brokenWriter fails each write with its error.
type brokenWriter struct {
	err error
}

func (w brokenWriter) Write([]byte) (int, error) {
	return 0, w.err
}

func TestHelpIsPrintedWithoutAnError(t *testing.T) {
	t.Parallel()

	if got := output(t, "-help"); !strings.HasPrefix(got, "Usage: client [flags]\n") {
		t.Errorf("got %q, want the usage", got)
	}
}

func TestExitCodeOfSuccessIsZeroAndSilent(t *testing.T) {
	t.Parallel()

	var stderr bytes.Buffer
	if code := exitCode(nil, &stderr); code != 0 || stderr.Len() > 0 {
		t.Errorf("got exit code %d and %q, want 0 and nothing", code, stderr.String())
	}
}
