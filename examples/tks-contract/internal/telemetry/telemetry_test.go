package telemetry_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"github.com/seungkyu/tks-contract/internal/telemetry"
)

func TestRecordOfATracedCallHasItsIDs(t *testing.T) {
	var log bytes.Buffer
	logger := telemetry.NewLogger(&log, "warn").With("part", "test").WithGroup("group")
	traced := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2},
	}))
	logger.InfoContext(traced, "below the level")
	logger.WarnContext(t.Context(), "without a trace")
	logger.WarnContext(traced, "within a trace", "key", "value")

	var records []map[string]any
	for line := range strings.Lines(log.String()) {
		record := map[string]any{}
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		records = append(records, record)
	}
	if len(records) != 2 {
		t.Fatalf("got records %v, want 2", records)
	}
	if _, ok := records[0]["group"].(map[string]any); ok || records[0]["part"] != "test" {
		t.Errorf("got record %v, want the part and no ids", records[0])
	}
	group, _ := records[1]["group"].(map[string]any)
	for key, want := range map[string]string{
		"key": "value", "trace_id": "01000000000000000000000000000000", "span_id": "0200000000000000",
	} {
		if group[key] != want {
			t.Errorf("%s: got %v in %v, want %s", key, group[key], records[1], want)
		}
	}
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// serveMetrics returns the URL of the metrics of a new registry.
func serveMetrics(t *testing.T, profiles bool) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	noError(t, err)
	t.Cleanup(telemetry.ServeMetrics(t.Context(), listener, telemetry.NewRegistry("v1", "4f2a1c9"), profiles,
		slog.New(slog.DiscardHandler)))
	return "http://" + listener.Addr().String()
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	noError(t, err)
	response, err := http.DefaultClient.Do(request)
	noError(t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	noError(t, err)
	return response.StatusCode, string(body)
}

func TestMetricsTellWhatIsRunning(t *testing.T) {
	code, body := get(t, serveMetrics(t, false)+"/metrics")
	for _, want := range []string{
		`service_build_info{commit="4f2a1c9",go_version="go`, `version="v1"} 1`, "\ngo_goroutines ", "\nprocess_open_fds ",
	} {
		if code != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("got status %d and metrics without %q", code, want)
		}
	}
}

func TestProfilesAreServedOnDemand(t *testing.T) {
	for profiles, want := range map[bool]int{true: http.StatusOK, false: http.StatusNotFound} {
		url := serveMetrics(t, profiles)
		for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/cmdline", "/debug/pprof/symbol"} {
			if code, _ := get(t, url+path); code != want {
				t.Errorf("%s with profiles %t: got status %d, want %d", path, profiles, code, want)
			}
		}
	}
}

func TestMetricsThatCannotBeServedAreLogged(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	noError(t, err)
	noError(t, listener.Close())
	log, output, err := os.Pipe()
	noError(t, err)
	t.Cleanup(telemetry.ServeMetrics(t.Context(), listener, telemetry.NewRegistry("", ""), false,
		slog.New(slog.NewTextHandler(output, nil))))
	lines := bufio.NewScanner(log)
	for _, want := range []string{`level=INFO msg="metrics listening"`, "level=ERROR"} {
		if !lines.Scan() || !strings.Contains(lines.Text(), want) {
			t.Errorf("got line %q, want one with %s", lines.Text(), want)
		}
	}
}

// The environment belongs to the whole process, so this test does not run in
// parallel. That spans arrive is a test of cmd/server.
func TestTracingIsOffUnlessACollectorIsNamed(t *testing.T) {
	const endpoint, collector = "OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"
	for _, test := range []struct {
		variables map[string]string
		want      int
	}{
		{nil, 0},
		{map[string]string{endpoint: collector}, 1},
		{map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": collector}, 1},
		{map[string]string{endpoint: collector, "OTEL_SDK_DISABLED": "true"}, 0},
		{map[string]string{endpoint: collector, "OTEL_TRACES_EXPORTER": "none"}, 0},
	} {
		for _, variable := range []string{
			endpoint, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER",
		} {
			t.Setenv(variable, test.variables[variable])
		}
		options, flush, err := telemetry.StartTracing(t.Context(), "svc", "v1", slog.New(slog.DiscardHandler))
		noError(t, err)
		flush()
		if got := len(options); got != test.want {
			t.Errorf("%v: got %d options, want %d", test.variables, got, test.want)
		}
	}
}
