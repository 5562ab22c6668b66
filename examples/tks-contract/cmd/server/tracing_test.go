package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"net"
	"strings"
	"testing"
	"time"

	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	hellov1 "github.com/seungkyu/tks-contract/api/hello/v1"
)

// collector receives spans as an OpenTelemetry collector does.
type collector struct {
	collectorv1.UnimplementedTraceServiceServer

	requests chan *collectorv1.ExportTraceServiceRequest
}

func (c *collector) Export(
	_ context.Context, request *collectorv1.ExportTraceServiceRequest,
) (*collectorv1.ExportTraceServiceResponse, error) {
	c.requests <- request

	return &collectorv1.ExportTraceServiceResponse{}, nil
}

// startCollector returns a collector that the environment names.
func startCollector(t *testing.T) *collector {
	t.Helper()

	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &collector{requests: make(chan *collectorv1.ExportTraceServiceRequest, 10)}
	server := grpc.NewServer()
	collectorv1.RegisterTraceServiceServer(server, c)
	t.Cleanup(server.Stop)
	go func() { _ = server.Serve(listener) }()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+listener.Addr().String())

	return c
}

func TestCallIsTracedWithTheIDsOfItsCallerAndOfItsLog(t *testing.T) {
	const traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	spans := startCollector(t)
	server := start(t, "-log-level", "debug")

	ctx := metadata.AppendToOutgoingContext(t.Context(), "traceparent", "00-"+traceID+"-00f067aa0ba902b7-01")
	if _, err := hellov1.NewHelloServiceClient(server.conn).SayHello(ctx, &hellov1.SayHelloRequest{Name: "Ada"}); err != nil {
		t.Fatal(err)
	}
	if _, err := healthv1.NewHealthClient(server.conn).Check(ctx, &healthv1.HealthCheckRequest{}); err != nil {
		t.Fatal(err)
	}
	// The stop sends what there is.
	if err := server.stop(); err != nil {
		t.Fatal(err)
	}

	var request *collectorv1.ExportTraceServiceRequest
	select {
	case request = <-spans.requests:
	case <-time.After(patience):
		t.Fatal("no span arrived")
	}
	resource := request.GetResourceSpans()[0]
	var service string
	for _, attribute := range resource.GetResource().GetAttributes() {
		if attribute.GetKey() == "service.name" {
			service = attribute.GetValue().GetStringValue()
		}
	}
	if service != serviceName {
		t.Errorf("got service name %q, want %q", service, serviceName)
	}
	got := resource.GetScopeSpans()[0].GetSpans()
	if len(got) != 1 || got[0].GetName() != "hello.v1.HelloService/SayHello" ||
		hex.EncodeToString(got[0].GetTraceId()) != traceID {
		t.Fatalf("got spans %v, want one of SayHello in the caller's trace", got)
	}

	for line := range strings.Lines(server.logs.String()) {
		var record struct {
			Msg, Method string
			TraceID     string `json:"trace_id"`
			SpanID      string `json:"span_id"`
		}
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatal(err)
		}
		if record.Msg == "call" && record.Method == hellov1.HelloService_SayHello_FullMethodName {
			if record.TraceID != traceID || record.SpanID != hex.EncodeToString(got[0].GetSpanId()) {
				t.Errorf("got %+v, want the ids of the span", record)
			}

			return
		}
	}
	t.Errorf("the call is not in the log:\n%s", server.logs)
}

func TestCallWithoutACollectorHasNoTrace(t *testing.T) {
	t.Parallel()

	server := start(t, "-log-level", "debug")
	if _, err := hellov1.NewHelloServiceClient(server.conn).SayHello(t.Context(), &hellov1.SayHelloRequest{Name: "Ada"}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(server.logs.String(), "trace_id") {
		t.Errorf("the log has ids of a trace:\n%s", server.logs)
	}
}
