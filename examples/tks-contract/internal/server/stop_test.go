package server_test

import (
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	hellov1 "github.com/seungkyu/tks-contract/api/hello/v1"
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

	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}

	return &marked{Listener: listener}
}

func TestServeLetsARunningCallFinish(t *testing.T) {
	t.Parallel()

	entered, release := make(chan struct{}), make(chan struct{})
	running := start(t, scene{sayHello: func(ctx context.Context) error {
		close(entered)
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}})

	answered := make(chan error, 1)
	go func() { answered <- running.sayHello(callContext(t)) }()
	wait(t, "the call to begin", entered)

	running.stop()
	select {
	case err := <-running.served:
		t.Fatalf("Serve returned %v during a call", err)
	default:
	}

	close(release)
	if err := wait(t, "the answer", answered); err != nil {
		t.Errorf("the running call failed: %v", err)
	}
	if err := wait(t, "Serve to return", running.served); err != nil {
		t.Errorf("Serve returned %v", err)
	}
}

func TestServeCutsCallsOffAfterTheShutdownTimeout(t *testing.T) {
	t.Parallel()

	entered, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	running := start(t, scene{
		change: func(s *config.Server) { s.ShutdownTimeout = time.Millisecond },
		sayHello: func(context.Context) error {
			close(entered)
			// The worst case: a handler that ignores its context.
			<-release

			return nil
		},
	})

	answered := make(chan error, 1)
	go func() { answered <- running.sayHello(callContext(t)) }()
	wait(t, "the call to begin", entered)
	running.stop()

	if err := wait(t, "Serve to return", running.served); err != nil {
		t.Errorf("Serve returned %v", err)
	}
	if err := wait(t, "the answer", answered); status.Code(err) != codes.Unavailable {
		t.Errorf("the call got %v, want code Unavailable", err)
	}
	if !strings.Contains(running.log.String(), "stopped before all calls had finished") {
		t.Errorf("the log does not say so:\n%s", running.log)
	}
}

// client calls the server in a loop and remembers how that went.
type client struct {
	// accepted counts calls that have reached the service, answered those that
	// came back, and red those that came back after readiness went red.
	accepted, answered, red atomic.Int64
	// failed is the error that ended the loop, early that it came while the server
	// still listened.
	failed error
	early  bool
}

// loop calls until a call fails, and tells firsts of its first reply. A fresh
// client connects anew for each call.
func (c *client) loop(
	ctx context.Context, listener *marked, name string, fresh bool, firsts chan<- struct{}, red *atomic.Bool,
) {
	ctx = metadata.AppendToOutgoingContext(ctx, "client", name)
	var conn *grpc.ClientConn
	defer func() {
		if conn != nil {
			_ = conn.Close()
		}
	}()

	for {
		if conn == nil {
			conn, c.failed = grpc.NewClient("passthrough:///"+listener.Addr().String(),
				grpc.WithTransportCredentials(insecure.NewCredentials()))
			if c.failed != nil {
				return
			}
		}
		afterRed := red.Load()
		_, c.failed = hellov1.NewHelloServiceClient(conn).SayHello(ctx, &hellov1.SayHelloRequest{})
		if c.failed != nil {
			c.early = !listener.closed.Load()

			return
		}
		if c.answered.Add(1) == 1 {
			firsts <- struct{}{}
		}
		if afterRed {
			c.red.Add(1)
		}
		if fresh {
			_ = conn.Close()
			conn = nil
		}
	}
}

// What the server owes its clients when it stops: as long as it listens, each
// call is answered, on old and on new connections. From then on a call that the
// service has begun is answered too. Any other call never got there, so that its
// client, which sees Unavailable, can go to another server without harm.
func TestStopLosesNoReplyOf200Clients(t *testing.T) {
	t.Parallel()

	const count = 200
	clients := map[string]*client{}
	for i := range count {
		clients[strings.Repeat("i", i+1)] = &client{}
	}
	listener := listenMarked(t)
	running := start(t, scene{
		listener: listener,
		change:   func(s *config.Server) { s.ShutdownDelay = time.Second },
		sayHello: func(ctx context.Context) error {
			sent, _ := metadata.FromIncomingContext(ctx)
			clients[sent.Get("client")[0]].accepted.Add(1)

			return nil
		},
	})
	ctx := callContext(t)

	var (
		loops sync.WaitGroup
		red   atomic.Bool
	)
	firsts := make(chan struct{}, count)
	for name, client := range clients {
		loops.Go(func() { client.loop(ctx, listener, name, len(name)%10 == 0, firsts, &red) })
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

	if err := wait(t, "Serve to return", running.served); err != nil {
		t.Errorf("Serve returned %v", err)
	}
	var afterRed int64
	for name, client := range clients {
		id := len(name)
		if accepted, answered := client.accepted.Load(), client.answered.Load(); accepted != answered {
			t.Errorf("client %d: %d calls were accepted and %d answered", id, accepted, answered)
		}
		if client.early || status.Code(client.failed) != codes.Unavailable {
			t.Errorf("client %d: got %v (while the server listened: %t)", id, client.failed, client.early)
		}
		afterRed += client.red.Load()
	}
	if afterRed == 0 {
		t.Error("got no reply while readiness was red")
	}
}
