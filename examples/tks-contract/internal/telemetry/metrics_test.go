package telemetry_test

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/seungkyu/tks-contract/internal/telemetry"
)

// patience bounds every wait of these tests.
const patience = 30 * time.Second

// serveMetrics returns the URL of the metrics of a new registry.
func serveMetrics(t *testing.T, profiles bool) string {
	t.Helper()

	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stop := telemetry.ServeMetrics(t.Context(), listener, telemetry.NewRegistry("v1", "4f2a1c9"), profiles,
		slog.New(slog.DiscardHandler))
	t.Cleanup(stop)

	return "http://" + listener.Addr().String()
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Timeout: patience}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}

	return response.StatusCode, string(body)
}

func TestMetricsTellWhatIsRunning(t *testing.T) {
	t.Parallel()

	code, body := get(t, serveMetrics(t, false)+"/metrics")
	if code != http.StatusOK {
		t.Fatalf("got status %d", code)
	}
	for _, want := range []string{
		`service_build_info{commit="4f2a1c9",go_version="go`, `version="v1"} 1`, "\ngo_goroutines ", "\nprocess_open_fds ",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the metrics lack %q", want)
		}
	}
}

func TestProfilesAreServedOnDemand(t *testing.T) {
	t.Parallel()

	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/cmdline", "/debug/pprof/symbol"} {
		for profiles, want := range map[bool]int{true: http.StatusOK, false: http.StatusNotFound} {
			if code, _ := get(t, serveMetrics(t, profiles)+path); code != want {
				t.Errorf("%s with profiles %t: got status %d, want %d", path, profiles, code, want)
			}
		}
	}
}

func TestMetricsThatCannotBeServedAreLogged(t *testing.T) {
	t.Parallel()

	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	lines := make(writer, 2)
	t.Cleanup(telemetry.ServeMetrics(t.Context(), listener, telemetry.NewRegistry("", ""), false,
		slog.New(slog.NewTextHandler(lines, nil))))
	for _, want := range []string{`level=INFO msg="metrics listening"`, "level=ERROR"} {
		select {
		case line := <-lines:
			if !strings.Contains(line, want) {
				t.Errorf("got line %q, want one with %s", line, want)
			}
		case <-time.After(patience):
			t.Fatalf("waited too long for a line with %s", want)
		}
	}
}

// writer sends each line of a log to whoever receives from it.
type writer chan string

func (w writer) Write(line []byte) (int, error) {
	w <- string(line)

	return len(line), nil
}
