// Package telemetry holds what makes a server observable: its logs, its metrics
// and its traces.
package telemetry

import (
	"context"
	"io"
	"log/slog"

	"go.opentelemetry.io/otel/trace"
)

// NewLogger returns a logger that writes JSON, one record a line. Records that
// are logged during a traced call bear the ids of its trace and span.
func NewLogger(output io.Writer, level slog.Level) *slog.Logger {
	return slog.New(traced{slog.NewJSONHandler(output, &slog.HandlerOptions{Level: level})})
}

// traced is a handler that adds the ids.
type traced struct {
	slog.Handler
}

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

// WithAttrs and WithGroup return handlers of the embedded type, so they have to
// be wrapped again.

// WithAttrs returns a handler whose records also have attrs.
func (t traced) WithAttrs(attrs []slog.Attr) slog.Handler {
	return traced{t.Handler.WithAttrs(attrs)}
}

// WithGroup returns a handler that puts attributes under name.
func (t traced) WithGroup(name string) slog.Handler {
	return traced{t.Handler.WithGroup(name)}
}
