// Package server serves the API over gRPC and stops without cutting calls off.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"

	hellov1 "github.com/seungkyu/tks-contract/api/hello/v1"
)

// Options are the choices that the caller of New has.
type Options struct {
	// Reflection lets tools such as grpcurl ask the server for its API.
	Reflection bool
	// ShutdownTimeout is how long running calls may take once Serve has to stop.
	ShutdownTimeout time.Duration
}

// Server is a gRPC server with the hello service and the health service.
type Server struct {
	grpc    *grpc.Server
	health  *health.Server
	options Options
	logger  *slog.Logger
}

// New returns a server for service. It starts to listen in Serve.
func New(service hellov1.HelloServiceServer, options Options, logger *slog.Logger) *Server {
	s := &Server{
		// The first interceptor is the outer one, so panics are logged as calls too.
		grpc:    grpc.NewServer(grpc.ChainUnaryInterceptor(logCalls(logger), recoverPanics(logger))),
		health:  health.NewServer(),
		options: options,
		logger:  logger,
	}
	hellov1.RegisterHelloServiceServer(s.grpc, service)
	healthv1.RegisterHealthServer(s.grpc, s.health)
	// The empty name, which stands for the whole server, is serving by default.
	s.health.SetServingStatus(hellov1.HelloService_ServiceDesc.ServiceName, healthv1.HealthCheckResponse_SERVING)
	if options.Reflection {
		reflection.Register(s.grpc)
	}

	return s
}

// Serve answers calls on listener until ctx is done, and then waits for running
// calls, though not longer than the shutdown timeout. A stop that ctx asked for
// is no error. Serve closes listener and can be called once.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	// People and scripts read the port from this line when the system chose it.
	s.logger.InfoContext(ctx, "listening", "address", listener.Addr().String())

	served := make(chan error, 1)
	go func() { served <- s.grpc.Serve(listener) }()

	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
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
	s.logger.InfoContext(ctx, "stopping", "timeout", s.options.ShutdownTimeout.String())
	// Tells load balancers to send no more calls while the last ones finish.
	s.health.Shutdown()

	finished := make(chan struct{})
	go func() {
		defer close(finished)
		s.grpc.GracefulStop()
	}()

	select {
	case <-finished:
		s.logger.InfoContext(ctx, "stopped")
	case <-time.After(s.options.ShutdownTimeout):
		s.logger.WarnContext(ctx, "stopped before all calls had finished")
		// Does not wait for finished: a handler that ignores its context would
		// hold that up for good.
		s.grpc.Stop()
	}
}

// logCalls logs each call. Failed calls are worth a line in production, and
// successful ones only to those who look for them.
func logCalls(logger *slog.Logger) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		start := time.Now()
		response, err := handler(ctx, request)

		level, code := slog.LevelDebug, status.Code(err)
		if code != codes.OK {
			level = slog.LevelInfo
		}
		logger.LogAttrs(ctx, level, "call",
			slog.String("method", info.FullMethod),
			slog.String("code", code.String()),
			slog.Duration("duration", time.Since(start)),
		)

		return response, err
	}
}

// recoverPanics turns a panic into an error of the call that caused it, so that
// other calls go on. The caller is not told more than that something is wrong.
func recoverPanics(logger *slog.Logger) grpc.UnaryServerInterceptor {
	return func(
		ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler,
	) (response any, err error) {
		defer func() {
			if reason := recover(); reason != nil {
				logger.LogAttrs(ctx, slog.LevelError, "panic",
					slog.String("method", info.FullMethod),
					slog.String("reason", fmt.Sprint(reason)),
					slog.String("stack", string(debug.Stack())),
				)
				response, err = nil, status.Error(codes.Internal, "internal error")
			}
		}()

		return handler(ctx, request)
	}
}
