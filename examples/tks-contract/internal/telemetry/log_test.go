package telemetry_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"github.com/seungkyu/tks-contract/internal/telemetry"
)

func decode(t *testing.T, line []byte) map[string]any {
	t.Helper()

	record := map[string]any{}
	if err := json.Unmarshal(line, &record); err != nil {
		t.Fatalf("%v in %q", err, line)
	}

	return record
}

func TestRecordOfATracedCallHasItsIDs(t *testing.T) {
	t.Parallel()

	var log bytes.Buffer
	logger := telemetry.NewLogger(&log, slog.LevelInfo).With("part", "test")
	ctx := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2},
	}))
	logger.InfoContext(ctx, "hello")

	record := decode(t, log.Bytes())
	for key, want := range map[string]string{
		"msg": "hello", "part": "test", "trace_id": "01000000000000000000000000000000", "span_id": "0200000000000000",
	} {
		if got := record[key]; got != want {
			t.Errorf("%s: got %v, want %s", key, got, want)
		}
	}
}

func TestRecordOutsideOfACallHasNoIDs(t *testing.T) {
	t.Parallel()

	var log bytes.Buffer
	telemetry.NewLogger(&log, slog.LevelInfo).WithGroup("group").InfoContext(t.Context(), "hello", "key", "value")

	record := decode(t, log.Bytes())
	if _, ok := record["trace_id"]; ok {
		t.Errorf("got record %v, want no trace_id", record)
	}
	if group, _ := record["group"].(map[string]any); group["key"] != "value" {
		t.Errorf("got record %v, want the key in the group", record)
	}
}

func TestRecordsBelowTheLevelAreNotWritten(t *testing.T) {
	t.Parallel()

	var log bytes.Buffer
	telemetry.NewLogger(&log, slog.LevelWarn).InfoContext(t.Context(), "hello")
	if log.Len() > 0 {
		t.Errorf("got %s, want nothing", log.String())
	}
}
