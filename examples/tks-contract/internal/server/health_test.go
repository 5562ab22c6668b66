package server_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/seungkyu/tks-contract/internal/config"
)

const (
	serving    = healthv1.HealthCheckResponse_SERVING
	notServing = healthv1.HealthCheckResponse_NOT_SERVING
)

type watch = grpc.ServerStreamingClient[healthv1.HealthCheckResponse]

// watchHealth returns a stream of what the server says about name.
func watchHealth(ctx context.Context, t *testing.T, conn *grpc.ClientConn, name string) watch {
	t.Helper()

	stream, err := healthv1.NewHealthClient(conn).Watch(ctx, &healthv1.HealthCheckRequest{Service: name})
	if err != nil {
		t.Fatal(err)
	}

	return stream
}

func wantHealth(t *testing.T, stream watch, want healthv1.HealthCheckResponse_ServingStatus) {
	t.Helper()

	response, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if got := response.GetStatus(); got != want {
		t.Fatalf("got health %v, want %v", got, want)
	}
}

// healthOf returns what the server answers about name.
func healthOf(t *testing.T, conn *grpc.ClientConn, name string) healthv1.HealthCheckResponse_ServingStatus {
	t.Helper()

	response, err := healthv1.NewHealthClient(conn).Check(callContext(t), &healthv1.HealthCheckRequest{Service: name})
	if err != nil {
		t.Fatalf("service %q: %v", name, err)
	}

	return response.GetStatus()
}

func TestEveryHealthNameIsServingAtFirst(t *testing.T) {
	t.Parallel()

	conn := start(t, scene{}).conn
	for _, name := range []string{"", "readiness", "liveness", "hello.v1.HelloService"} {
		if got := healthOf(t, conn, name); got != serving {
			t.Errorf("service %q: got %v, want SERVING", name, got)
		}
	}
}

func TestReadinessFollowsTheStoreAndLivenessDoesNot(t *testing.T) {
	t.Parallel()

	running := start(t, scene{change: func(s *config.Server) { s.HealthInterval = time.Millisecond }})
	ctx := callContext(t)
	names := []string{"", "readiness", "hello.v1.HelloService"}
	watches := make([]watch, 0, len(names))
	for _, name := range names {
		watches = append(watches, watchHealth(ctx, t, running.conn, name))
	}

	for _, step := range []struct {
		broken bool
		want   healthv1.HealthCheckResponse_ServingStatus
	}{{false, serving}, {true, notServing}, {false, serving}} {
		running.store.broken.Store(step.broken)
		for _, stream := range watches {
			wantHealth(t, stream, step.want)
		}
		if got := healthOf(t, running.conn, "liveness"); got != serving {
			t.Errorf("store broken is %t: got liveness %v, want SERVING", step.broken, got)
		}
	}

	record := findRecord(t, running.log.String(), "not ready")
	if record["error"] != "the store is gone" || record["level"] != "WARN" {
		t.Errorf("got record %v, want the reason at level WARN", record)
	}
	if got := strings.Count(running.log.String(), `"msg":"not ready"`); got != 1 {
		t.Errorf("the same state was logged %d times", got)
	}
}

func TestHealthWatchDoesNotHoldUpAStop(t *testing.T) {
	t.Parallel()

	running := start(t, scene{})
	// Its context would let it go on for as long as a test may wait.
	stream := watchHealth(callContext(t), t, running.conn, "")
	wantHealth(t, stream, serving)

	running.stop()
	if err := wait(t, "Serve to return", running.served); err != nil {
		t.Errorf("Serve returned %v", err)
	}
	if strings.Contains(running.log.String(), "stopped before all calls had finished") {
		t.Error("the watch was cut off")
	}
}
