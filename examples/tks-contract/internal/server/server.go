// Package server serves APIs over gRPC and stops without cutting calls off.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	grpcprom "github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"github.com/seungkyu/tks-contract/internal/config"
)

const (
	// Goroutines that are kept, as growing the stack of a new one costs more than
	// all interceptors together.
	streamWorkers = 64
	// Bytes that a client may send ahead; gRPC's own windows grow to 16 MiB each.
	streamWindow     = 64 << 10
	connectionWindow = 1 << 20
)

// Server is a gRPC server with the health service and those registered with it.
type Server struct {
	grpc      *grpc.Server
	readiness *readiness
	settings  config.Server
	calls     *grpcprom.ServerMetrics
	// limited has the methods that -max-in-flight is about.
	limited map[string]bool
	// draining is closed when running calls are all that is left to do.
	draining chan struct{}
	logger   *slog.Logger
}

// New returns a server whose readiness follows store. Its metrics go to registry.
func New(
	store Pinger, settings config.Server, registry prometheus.Registerer, logger *slog.Logger,
	options ...grpc.ServerOption,
) *Server {
	s := &Server{
		readiness: newReadiness(store, logger),
		settings:  settings,
		calls:     grpcprom.NewServerMetrics(grpcprom.WithServerHandlingTimeHistogram()),
		limited:   map[string]bool{},
		draining:  make(chan struct{}),
		logger:    logger,
	}
	panics := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "grpc_server_panics_recovered_total",
		Help: "Total number of RPCs that panicked and were answered with Internal.",
	})
	registry.MustRegister(s.calls, panics)
	recovered := recovery.WithRecoveryHandlerContext(answerPanics(panics, logger))

	s.grpc = grpc.NewServer(append(
		options,
		grpc.MaxRecvMsgSize(settings.MaxMessageSize),
		grpc.MaxConcurrentStreams(settings.MaxConcurrentStreams),
		grpc.NumStreamWorkers(streamWorkers),
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
			// The shortest interval that grpc-go clients can set. Others get a GOAWAY.
			MinTime:             10 * time.Second,
			PermitWithoutStream: true,
		}),
		grpc.InTapHandle(limitCalls(
			settings.MaxInFlight, s.limited, logCalls(logger), s.calls.UnaryServerInterceptor())),
		// The first interceptor is the outer one, so that panics are counted and
		// logged as calls too.
		grpc.ChainUnaryInterceptor(
			s.calls.UnaryServerInterceptor(),
			logCalls(logger),
			recovery.UnaryServerInterceptor(recovered),
			boundCalls(settings.RequestTimeout),
		),
		grpc.ChainStreamInterceptor(
			s.calls.StreamServerInterceptor(),
			recovery.StreamServerInterceptor(recovered),
			s.endWatches,
		),
	)...)
	healthv1.RegisterHealthServer(s.grpc, s.readiness.health)
	if settings.Reflection {
		reflection.Register(s.grpc)
	}
	return s
}

// RegisterService adds an API before Serve: it is what the Register functions of
// generated code call.
func (s *Server) RegisterService(description *grpc.ServiceDesc, api any) {
	s.grpc.RegisterService(description, api)
	s.readiness.add(description.ServiceName)
}

// Serve answers calls on listener until ctx is done. Then it says that it is not
// ready, answers calls for the shutdown delay as before, and at last waits for
// running calls, though not longer than the shutdown timeout. A stop that ctx
// asked for is no error. Serve closes listener and can be called once.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	// So that a method is in the metrics before its first call.
	s.calls.InitializeMetrics(s.grpc)
	for name, registered := range s.grpc.GetServiceInfo() {
		for _, method := range registered.Methods {
			s.limited["/"+name+"/"+method.Name] = name != healthv1.Health_ServiceDesc.ServiceName
		}
	}
	checks, endChecks := context.WithCancel(ctx)
	defer endChecks()
	// Once before all else, so that the first answer about readiness is right.
	s.readiness.check(checks)
	go s.readiness.follow(checks, s.settings.HealthInterval)

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
	endChecks()
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
