package server_test

import (
	"context"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/seungkyu/tks-contract/internal/config"
)

// marked is a listener that remembers when the server has closed it.
type marked struct {
	net.Listener

	closed atomic.Bool
}

func (m *marked) Close() error {
	m.closed.Store(true)
	return m.Listener.Close()
}

func listenMarked(t *testing.T) *marked {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "localhost:0")
	noError(t, err)
	return &marked{Listener: listener}
}

func TestServeReportsAListenerThatFails(t *testing.T) {
	listener := bufconn.Listen(1)
	noError(t, listener.Close())
	if err := wait(t, "Serve to return", start(t, scene{listener: listener}).served); err == nil {
		t.Error("got no error for a listener that is closed")
	}

	listener = bufconn.Listen(1)
	running := start(t, scene{listener: listener, change: func(s *config.Server) { s.ShutdownDelay = patience }})
	readiness := watchHealth(callContext(t), t, running.conn, "")
	wantHealth(t, readiness, serving)
	running.stop()
	wantHealth(t, readiness, notServing)
	noError(t, listener.Close())
	if err := wait(t, "Serve to return", running.served); err == nil {
		t.Error("got no error for a listener that was closed during the delay")
	}
}

func TestServeReturnsWhenItIsStoppedAtOnce(t *testing.T) {
	running := start(t, scene{})
	running.stop()
	running.wantEnd(t)
}

func TestServeLetsARunningCallFinish(t *testing.T) {
	gate := newGate()
	running := start(t, scene{call: gate.call})
	answered := running.begin(callContext(t))
	wait(t, "the call to begin", gate.entered)

	running.stop()
	select {
	case err := <-running.served:
		t.Fatalf("Serve returned %v during a call", err)
	default:
	}
	close(gate.opened)
	wantCode(t, wait(t, "the answer", answered), codes.OK)
	running.wantEnd(t)
}

func TestServeCutsCallsOffAfterTheShutdownTimeout(t *testing.T) {
	gate := newGate()
	defer close(gate.opened)
	running := start(t, scene{
		call: gate.call, change: func(s *config.Server) { s.ShutdownTimeout = time.Millisecond },
	})
	answered := running.begin(callContext(t))
	wait(t, "the call to begin", gate.entered)

	running.stop()
	running.wantEnd(t)
	wantCode(t, wait(t, "the answer", answered), codes.Unavailable)
	running.record(t, "stopped before all calls had finished")
}

// What the server owes its clients when it stops: as long as it listens, each
// call is answered, on old and on new connections. From then on a call that the
// service has begun is answered too. Any other call never got there, so that its
// client, which sees Unavailable, can go to another server without harm.
func TestStopLosesNoReplyOf200Clients(t *testing.T) {
	t.Parallel()
	const count = 200
	var accepted, answered [count]atomic.Int64
	listener := listenMarked(t)
	running := start(t, scene{
		listener: listener,
		change:   func(s *config.Server) { s.ShutdownDelay = time.Second },
		call: func(ctx context.Context) error {
			sent, _ := metadata.FromIncomingContext(ctx)
			client, err := strconv.Atoi(strings.Join(sent.Get("client"), ""))
			accepted[client].Add(1)
			return err
		},
	})
	ctx := callContext(t)

	var (
		loops    sync.WaitGroup
		red      atomic.Bool
		afterRed atomic.Int64
	)
	firsts := make(chan int, count)
	for client := range count {
		loops.Go(func() {
			numbered := metadata.AppendToOutgoingContext(ctx, "client", strconv.Itoa(client))
			for conn := connect(t, listener); ; {
				redBefore := red.Load()
				if _, err := testgrpc.NewTestServiceClient(conn).EmptyCall(numbered, &testgrpc.Empty{}); err != nil {
					if status.Code(err) != codes.Unavailable || !listener.closed.Load() {
						t.Errorf("client %d: got %v (the server listens: %t)", client, err, !listener.closed.Load())
					}
					return
				}
				if answered[client].Add(1) == 1 {
					firsts <- client
				}
				if redBefore {
					afterRed.Add(1)
				}
				if client%10 == 0 { // These connect anew for each call.
					_ = conn.Close()
					conn = connect(t, listener)
				}
			}
		})
	}
	for range count {
		wait(t, "the first reply of each client", firsts)
	}

	readiness := watchHealth(ctx, t, running.conn, "readiness")
	wantHealth(t, readiness, serving)
	running.stop()
	wantHealth(t, readiness, notServing)
	red.Store(true)
	if listener.closed.Load() {
		t.Error("the server closed its port before the delay was over")
	}
	loops.Wait()
	running.wantEnd(t)
	for client := range count {
		if accepted, answered := accepted[client].Load(), answered[client].Load(); accepted != answered {
			t.Errorf("client %d: %d calls were accepted and %d answered", client, accepted, answered)
		}
	}
	if afterRed.Load() == 0 {
		t.Error("got no reply while readiness was red")
	}
}

const (
	serving    = healthv1.HealthCheckResponse_SERVING
	notServing = healthv1.HealthCheckResponse_NOT_SERVING
)

type watch = grpc.ServerStreamingClient[healthv1.HealthCheckResponse]

// watchHealth returns a stream of what the server says about name.
func watchHealth(ctx context.Context, t *testing.T, conn *grpc.ClientConn, name string) watch {
	t.Helper()
	stream, err := healthv1.NewHealthClient(conn).Watch(ctx, &healthv1.HealthCheckRequest{Service: name})
	noError(t, err)
	return stream
}

func wantHealth(t *testing.T, stream watch, want healthv1.HealthCheckResponse_ServingStatus) {
	t.Helper()
	if response, err := stream.Recv(); err != nil || response.GetStatus() != want {
		t.Fatalf("got health %v and error %v, want %v", response.GetStatus(), err, want)
	}
}

func TestReadinessFollowsTheStoreAndLivenessDoesNot(t *testing.T) {
	running := start(t, scene{change: func(s *config.Server) { s.HealthInterval = time.Millisecond }})
	ctx := callContext(t)
	var watches []watch
	for _, name := range []string{"", "readiness", "grpc.testing.TestService"} {
		watches = append(watches, watchHealth(ctx, t, running.conn, name))
	}

	for _, step := range []struct {
		broken bool
		want   healthv1.HealthCheckResponse_ServingStatus
	}{{false, serving}, {true, notServing}, {false, serving}} {
		running.broken.Store(step.broken)
		for _, stream := range watches {
			wantHealth(t, stream, step.want)
		}
		wantHealth(t, watchHealth(ctx, t, running.conn, "liveness"), serving)
	}

	if record := running.record(t, "not ready"); record["error"] != "the store is gone" || record["level"] != "WARN" {
		t.Errorf("got record %v, want the reason at level WARN", record)
	}
	if got := strings.Count(running.log.String(), `"msg":"not ready"`); got != 1 {
		t.Errorf("the same state was logged %d times", got)
	}
}

func TestHealthWatchDoesNotHoldUpAStop(t *testing.T) {
	running := start(t, scene{change: func(s *config.Server) { s.ShutdownTimeout = time.Hour }})
	// Its context would let it go on for longer than the test waits.
	stream := watchHealth(t.Context(), t, running.conn, "")
	wantHealth(t, stream, serving)

	running.stop()
	running.wantEnd(t)
	running.record(t, "stopped")
}
