package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc/filters"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc"
)

// flushTimeout bounds the wait for a collector when the program ends.
const flushTimeout = 3 * time.Second

// StartTracing returns the options of a gRPC server whose calls are traced, or none
// when the environment names no collector, and a function that sends the last
// spans. The variables are OpenTelemetry's; service is for when they have no name.
func StartTracing(
	ctx context.Context, service, version string, logger *slog.Logger,
) ([]grpc.ServerOption, func(), error) {
	if !tracingWanted() {
		return nil, func() {}, nil
	}

	// Without these, OpenTelemetry would write plain text to standard error.
	otel.SetLogger(logr.FromSlogHandler(logger.Handler()))
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		logger.WarnContext(ctx, "tracing has a problem", "error", err)
	}))

	// This does not wait for a connection: the collector may come later.
	exporter, err := otlptracegrpc.New(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot set up tracing: %w", err)
	}
	// The later option wins, so the environment has the last word.
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", service), attribute.String("service.version", version)),
		resource.WithTelemetrySDK(),
		resource.WithFromEnv(),
	)
	if err != nil {
		logger.WarnContext(ctx, "tracing ignores a part of OTEL_RESOURCE_ATTRIBUTES", "error", err)
	}
	provider := trace.NewTracerProvider(trace.WithBatcher(exporter), trace.WithResource(about))
	handler := otelgrpc.NewServerHandler(
		otelgrpc.WithTracerProvider(provider),
		otelgrpc.WithMeterProvider(noop.NewMeterProvider()),
		otelgrpc.WithPropagators(propagation.NewCompositeTextMapPropagator(
			propagation.TraceContext{}, propagation.Baggage{})),
		// Probes ask every few seconds and would hide the calls that matter.
		otelgrpc.WithFilter(filters.Not(filters.HealthCheck())),
	)
	flush := func() {
		flushing, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
		defer cancel()
		if err := provider.Shutdown(flushing); err != nil {
			logger.WarnContext(flushing, "the last spans are lost", "error", err)
		}
	}
	return []grpc.ServerOption{grpc.StatsHandler(handler)}, flush, nil
}

// tracingWanted reports whether the environment names a collector and does not
// turn tracing off.
func tracingWanted() bool {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return false
	}
	return os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}
