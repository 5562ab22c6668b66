package server

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"
)

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

// panics turns a panic into an error of the call that caused it, so that other
// calls go on. The caller is not told more than that something is wrong.
type panics struct {
	counter prometheus.Counter
	logger  *slog.Logger
}

// recoverCall is the interceptor for calls.
func (p panics) recoverCall(
	ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler,
) (response any, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			response, err = nil, p.answer(ctx, info.FullMethod, reason)
		}
	}()

	return handler(ctx, request)
}

// recoverStream is the interceptor for streams.
func (p panics) recoverStream(
	service any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler,
) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = p.answer(stream.Context(), info.FullMethod, reason)
		}
	}()

	return handler(service, stream)
}

func (p panics) answer(ctx context.Context, method string, reason any) error {
	p.counter.Inc()
	p.logger.LogAttrs(ctx, slog.LevelError, "panic",
		slog.String("method", method),
		slog.String("reason", fmt.Sprint(reason)),
		slog.String("stack", string(debug.Stack())),
	)

	return status.Error(codes.Internal, "internal error")
}

// limitCalls rejects calls while limit others are running, unless limit is 0. A
// call is rejected before its message is received, so that all messages together
// fit into the memory. Only the methods in counted count: a busy server is not a
// broken one, and health checks pass. A rejected call goes through observers, as
// interceptors see no other calls than those that are let in.
func limitCalls(limit int, counted map[string]bool, observers ...grpc.UnaryServerInterceptor) tap.ServerInHandle {
	var running atomic.Int64

	return func(ctx context.Context, call *tap.Info) (context.Context, error) {
		if limit == 0 || !counted[call.FullMethodName] {
			return ctx, nil
		}
		if running.Add(1) <= int64(limit) {
			// However a call ends, its context ends with it.
			context.AfterFunc(ctx, func() { running.Add(-1) })

			return ctx, nil
		}
		running.Add(-1)

		answer := func(context.Context, any) (any, error) {
			return nil, status.Errorf(codes.ResourceExhausted, "more than %d calls at once; try again later", limit)
		}
		for _, observe := range observers {
			next := answer
			answer = func(ctx context.Context, request any) (any, error) {
				return observe(ctx, request, &grpc.UnaryServerInfo{FullMethod: call.FullMethodName}, next)
			}
		}
		_, err := answer(ctx, nil)

		return nil, err
	}
}

// boundCalls gives each call a deadline, unless its caller gave it an earlier
// one, and does not begin calls that nobody waits for any more.
func boundCalls(timeout time.Duration) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		if err := ctx.Err(); err != nil {
			return nil, status.FromContextError(err).Err()
		}
		// Most callers bring a deadline, and a second timer would do nothing but cost.
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= timeout {
			return handler(ctx, request)
		}
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()

		return handler(ctx, request)
	}
}
