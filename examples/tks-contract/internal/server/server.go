// Package server serves the API over gRPC and stops without cutting calls off.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	grpcprom "github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	hellov1 "github.com/seungkyu/tks-contract/api/hello/v1"
	"github.com/seungkyu/tks-contract/internal/config"
)

// streamWorkers is how many goroutines are kept for calls. A new goroutine has a
// small stack, and growing it costs more than all interceptors together. When all
// of these are busy, further calls get goroutines of their own.
const streamWorkers = 64

// How many bytes a client may send ahead, before a handler asks for them on a
// stream, and before the server has taken them from the network on a connection.
// Windows that follow the network, gRPC's default, can grow to 16 MiB for each
// stream.
const (
	streamWindow     = 64 << 10
	connectionWindow = 1 << 20
)

// Server is a gRPC server with the hello service and the health service.
type Server struct {
	grpc      *grpc.Server
	readiness *readiness
	settings  config.Server
	// draining is closed when running calls are all that is left to do.
	draining chan struct{}
	logger   *slog.Logger
}

// New returns a server for service, whose store decides about readiness. Its
// metrics go to registry. Further options, such as credentials, are the
// caller's. The server starts to listen in Serve.
func New(
	service hellov1.HelloServiceServer, store Pinger, settings config.Server,
	registry prometheus.Registerer, logger *slog.Logger, options ...grpc.ServerOption,
) *Server {
	healthServer := health.NewServer()
	s := &Server{
		readiness: newReadiness(healthServer, store, settings.HealthInterval, logger),
		settings:  settings,
		draining:  make(chan struct{}),
		logger:    logger,
	}
	calls := grpcprom.NewServerMetrics(grpcprom.WithServerHandlingTimeHistogram())
	caught := panics{logger: logger, counter: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "grpc_server_panics_recovered_total",
		Help: "Total number of RPCs that panicked and were answered with Internal.",
	})}
	registry.MustRegister(calls, caught.counter)

	counted := map[string]bool{}
	options = append(options, limits(settings)...)
	options = append(options,
		grpc.NumStreamWorkers(streamWorkers),
		grpc.InTapHandle(limitCalls(settings.MaxInFlight, counted, logCalls(logger), calls.UnaryServerInterceptor())),
		// The first interceptor is the outer one, so that panics are counted and
		// logged as calls too.
		grpc.ChainUnaryInterceptor(
			calls.UnaryServerInterceptor(),
			logCalls(logger),
			caught.recoverCall,
			boundCalls(settings.RequestTimeout),
		),
		grpc.ChainStreamInterceptor(
			calls.StreamServerInterceptor(),
			caught.recoverStream,
			s.endWatches,
		),
	)
	s.grpc = grpc.NewServer(options...)

	hellov1.RegisterHelloServiceServer(s.grpc, service)
	healthv1.RegisterHealthServer(s.grpc, healthServer)
	if settings.Reflection {
		reflection.Register(s.grpc)
	}
	// So that a method is in the metrics before its first call.
	calls.InitializeMetrics(s.grpc)
	for name, registered := range s.grpc.GetServiceInfo() {
		for _, method := range registered.Methods {
			counted["/"+name+"/"+method.Name] = name != healthv1.Health_ServiceDesc.ServiceName
		}
	}

	return s
}

// limits returns the options that keep single clients from taking everything.
func limits(settings config.Server) []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(settings.MaxMessageSize),
		grpc.MaxConcurrentStreams(settings.MaxConcurrentStreams),
		grpc.StaticStreamWindowSize(streamWindow),
		grpc.StaticConnWindowSize(connectionWindow),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionAge:      settings.MaxConnectionAge,
			MaxConnectionAgeGrace: settings.MaxConnectionAgeGrace,
			// Finds clients that are gone without a word.
			Time:    time.Minute,
			Timeout: 20 * time.Second,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{
			// The shortest interval that grpc-go clients can set.
			MinTime:             10 * time.Second,
			PermitWithoutStream: true,
		}),
	}
}

// Serve answers calls on listener until ctx is done. Then it says that it is not
// ready, answers calls for the shutdown delay as before, and at last waits for
// running calls, though not longer than the shutdown timeout. A stop that ctx
// asked for is no error. Serve closes listener and can be called once.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	checks, endChecks := context.WithCancel(ctx)
	defer endChecks()
	// Once before all else, so that the first answer about readiness is right.
	s.readiness.check(checks)
	go s.readiness.follow(checks)

	// People and scripts read the port from this line when the system chose it.
	s.logger.InfoContext(ctx, "listening", "address", listener.Addr().String())

	served := make(chan error, 1)
	go func() { served <- s.grpc.Serve(listener) }()

	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}

	s.logger.InfoContext(ctx, "stopping",
		"delay", s.settings.ShutdownDelay.String(), "timeout", s.settings.ShutdownTimeout.String())
	s.readiness.end()
	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-time.After(s.settings.ShutdownDelay):
	}

	s.stop(ctx)
	// The server says so when it was stopped before it had begun to serve.
	if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("serve: %w", err)
	}

	return nil
}

// stop returns when all calls have finished or the shutdown timeout is over.
func (s *Server) stop(ctx context.Context) {
	close(s.draining)
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		s.grpc.GracefulStop()
	}()

	select {
	case <-finished:
		s.logger.InfoContext(ctx, "stopped")
	case <-time.After(s.settings.ShutdownTimeout):
		s.logger.WarnContext(ctx, "stopped before all calls had finished")
		// Does not wait for finished: a handler that ignores its context would
		// hold that up for good.
		s.grpc.Stop()
	}
}
