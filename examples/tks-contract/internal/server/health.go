package server

import (
	"context"
	"log/slog"
	"sync"
	"time"

	middleware "github.com/grpc-ecosystem/go-grpc-middleware/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	hellov1 "github.com/seungkyu/tks-contract/api/hello/v1"
)

// pingTimeout bounds one look at the store. A store that takes longer is of no
// use to callers either.
const pingTimeout = 3 * time.Second

// Pinger is what readiness needs of the store.
type Pinger interface {
	// Ping returns an error when the store cannot be used.
	Ping(ctx context.Context) error
}

// readiness keeps the health service up to date. The name "liveness" is serving
// as long as the process answers at all, because a restart brings no database
// back. All other names follow the store.
type readiness struct {
	health   *health.Server
	store    Pinger
	interval time.Duration
	logger   *slog.Logger

	mu sync.Mutex
	// ready is what was told last.
	ready bool
	// ended means that ready stays false.
	ended bool
}

func newReadiness(server *health.Server, store Pinger, interval time.Duration, logger *slog.Logger) *readiness {
	r := &readiness{health: server, store: store, interval: interval, logger: logger}
	server.SetServingStatus("liveness", healthv1.HealthCheckResponse_SERVING)
	r.tell()

	return r
}

// follow checks the store again and again until ctx is done.
func (r *readiness) follow(ctx context.Context) {
	ticker := time.NewTicker(r.interval)
	defer ticker.Stop()

	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			r.check(ctx)
		}
	}
}

// check asks the store once.
func (r *readiness) check(ctx context.Context) {
	ping, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	err := r.store.Ping(ping)

	r.mu.Lock()
	defer r.mu.Unlock()

	// The end of ctx is a stop and says nothing about the store.
	if ready := err == nil; ready != r.ready && !r.ended && ctx.Err() == nil {
		r.ready = ready
		r.tell()
		if ready {
			r.logger.InfoContext(ctx, "ready")
		} else {
			r.logger.WarnContext(ctx, "not ready", "error", err)
		}
	}
}

// end tells everybody to send no more calls, whatever the store says.
func (r *readiness) end() {
	r.mu.Lock()
	defer r.mu.Unlock()

	r.ready, r.ended = false, true
	r.tell()
}

func (r *readiness) tell() {
	status := healthv1.HealthCheckResponse_NOT_SERVING
	if r.ready {
		status = healthv1.HealthCheckResponse_SERVING
	}
	// The empty name stands for the whole server.
	for _, name := range []string{"", "readiness", hellov1.HelloService_ServiceDesc.ServiceName} {
		r.health.SetServingStatus(name, status)
	}
}

// endWatches ends health watches when the server drains. They have no end of
// their own, so each of them would hold up the stop until its timeout.
func (s *Server) endWatches(
	service any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler,
) error {
	if info.FullMethod != healthv1.Health_Watch_FullMethodName {
		return handler(service, stream)
	}

	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	go func() {
		select {
		case <-s.draining:
			cancel()
		case <-ctx.Done():
		}
	}()

	return handler(service, &middleware.WrappedServerStream{ServerStream: stream, WrappedContext: ctx})
}
