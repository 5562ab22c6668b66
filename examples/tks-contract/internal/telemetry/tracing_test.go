package telemetry_test

import (
	"log/slog"
	"testing"

	"github.com/seungkyu/tks-contract/internal/telemetry"
)

// The environment belongs to the whole process, so these tests do not run in
// parallel. That spans arrive is a test of cmd/server.

func TestTracingIsOffUnlessACollectorIsNamed(t *testing.T) {
	tests := map[string]struct {
		environment map[string]string
		want        bool
	}{
		"nothing":               {nil, false},
		"endpoint":              {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, true},
		"endpoint for traces":   {map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1"}, true},
		"endpoint, disabled":    {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"}, false},
		"endpoint, no exporter": {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, variable := range []string{
				"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER",
			} {
				t.Setenv(variable, test.environment[variable])
			}
			handler, flush, err := telemetry.StartTracing(t.Context(), "svc", "v1", slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			flush()
			if got := handler != nil; got != test.want {
				t.Errorf("got a handler: %t, want %t", got, test.want)
			}
		})
	}
}
