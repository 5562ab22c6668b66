// Package telemetry holds what makes a server observable: its logs, its metrics
// and its traces.
package telemetry

import (
	"context"
	"io"
	"log/slog"

	"go.opentelemetry.io/otel/trace"
)

// NewLogger returns a logger that writes JSON, one record a line, from a level on,
// such as "info". Records that are logged during a traced call bear the ids of its
// trace and span.
func NewLogger(output io.Writer, level string) *slog.Logger {
	lowest := slog.LevelInfo
	_ = lowest.UnmarshalText([]byte(level))
	return slog.New(traced{slog.NewJSONHandler(output, &slog.HandlerOptions{Level: lowest})})
}

type traced struct{ slog.Handler }

// Handle adds the ids, if there are any, and passes the record on.
func (t traced) Handle(ctx context.Context, record slog.Record) error {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		record = record.Clone()
		record.AddAttrs(
			slog.String("trace_id", span.TraceID().String()),
			slog.String("span_id", span.SpanID().String()),
		)
	}
	return t.Handler.Handle(ctx, record)
}

// WithAttrs returns a handler whose records also have attrs. That of the embedded
// type has to be wrapped again.
func (t traced) WithAttrs(attrs []slog.Attr) slog.Handler {
	return traced{t.Handler.WithAttrs(attrs)}
}

// WithGroup returns a handler that puts attributes under name.
func (t traced) WithGroup(name string) slog.Handler {
	return traced{t.Handler.WithGroup(name)}
}
