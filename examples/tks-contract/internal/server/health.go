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
	health *health.Server
	store  Pinger
	logger *slog.Logger
	names  []string

	mu    sync.Mutex
	ready bool
}

func newReadiness(store Pinger, logger *slog.Logger) *readiness {
	r := &readiness{health: health.NewServer(), store: store, logger: logger}
	r.health.SetServingStatus("liveness", healthv1.HealthCheckResponse_SERVING)
	r.add("") // The whole server.
	r.add("readiness")
	return r
}

func (r *readiness) add(name string) {
	r.names = append(r.names, name)
	r.health.SetServingStatus(name, healthv1.HealthCheckResponse_NOT_SERVING)
}

// follow checks the store again and again until ctx is done.
func (r *readiness) follow(ctx context.Context, interval time.Duration) {
	for ticks := time.Tick(interval); ; {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
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

	// A stop has ended ctx before it calls end, which has the last word.
	if ready := err == nil; ready != r.ready && ctx.Err() == nil {
		r.tell(ready)
		if ready {
			r.logger.InfoContext(ctx, "ready")
		} else {
			r.logger.WarnContext(ctx, "not ready", "error", err)
		}
	}
}

// end tells everybody to send no more calls.
func (r *readiness) end() {
	r.mu.Lock()
	defer r.mu.Unlock()

	r.tell(false)
}

func (r *readiness) tell(ready bool) {
	r.ready = ready
	status := healthv1.HealthCheckResponse_NOT_SERVING
	if ready {
		status = healthv1.HealthCheckResponse_SERVING
	}
	for _, name := range r.names {
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
