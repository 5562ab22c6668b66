package server

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
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

// answerPanics turns a panic into an error of the call that caused it, so that
// other calls go on. The caller is not told more than that something is wrong.
func answerPanics(counter prometheus.Counter, logger *slog.Logger) recovery.RecoveryHandlerFuncContext {
	return func(ctx context.Context, reason any) error {
		counter.Inc()
		method, _ := grpc.Method(ctx)
		logger.LogAttrs(ctx, slog.LevelError, "panic",
			slog.String("method", method),
			slog.String("reason", fmt.Sprint(reason)),
			slog.String("stack", string(debug.Stack())),
		)
		return status.Error(codes.Internal, "internal error")
	}
}

// limitCalls rejects calls while limit others are running, unless limit is 0, and
// before their messages are received, so that all messages fit into the memory.
// Only the methods in limited count: a busy server is not a broken one, and health
// checks pass. Interceptors do not see rejected calls, so observers do.
func limitCalls(limit int, limited map[string]bool, observers ...grpc.UnaryServerInterceptor) tap.ServerInHandle {
	var running atomic.Int64
	return func(ctx context.Context, call *tap.Info) (context.Context, error) {
		if limit == 0 || !limited[call.FullMethodName] {
			return ctx, nil
		}
		if running.Add(1) <= int64(limit) {
			// However a call ends, its context ends with it.
			context.AfterFunc(ctx, func() { running.Add(-1) })
			return ctx, nil
		}
		running.Add(-1)

		err := status.Errorf(codes.ResourceExhausted, "more than %d calls at once; try again later", limit)
		reject := func(context.Context, any) (any, error) { return nil, err }
		for _, observe := range observers {
			_, _ = observe(ctx, nil, &grpc.UnaryServerInfo{FullMethod: call.FullMethodName}, reject)
		}
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
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		return handler(ctx, request)
	}
}
