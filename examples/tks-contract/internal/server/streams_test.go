package server

import (
	"context"
	"log/slog"
	"testing"
	"time"

	middleware "github.com/grpc-ecosystem/go-grpc-middleware/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The API of the sample has no stream and gRPC answers most late calls itself,
// so these interceptors are called directly.

func TestPanicFailsItsOwnStreamOnly(t *testing.T) {
	t.Parallel()

	caught := panics{
		counter: prometheus.NewCounter(prometheus.CounterOpts{Name: "panics"}), logger: slog.New(slog.DiscardHandler),
	}
	stream := &middleware.WrappedServerStream{WrappedContext: t.Context()}
	err := caught.recoverStream(nil, stream,
		&grpc.StreamServerInfo{FullMethod: "/a/B"}, func(any, grpc.ServerStream) error { panic("the secret is 42") })

	if got := status.Convert(err); got.Code() != codes.Internal || got.Message() != "internal error" {
		t.Errorf("got %v, want Internal and no detail", err)
	}
	if got := testutil.ToFloat64(caught.counter); got != 1 {
		t.Errorf("counted %v panics, want 1", got)
	}
}

func TestCallWhoseTimeIsUpIsNotBegun(t *testing.T) {
	t.Parallel()

	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	_, err := boundCalls(time.Hour)(ctx, nil, &grpc.UnaryServerInfo{}, func(context.Context, any) (any, error) {
		t.Error("the call was begun")

		return nil, nil
	})
	if got := status.Code(err); got != codes.DeadlineExceeded {
		t.Errorf("got code %v, want DeadlineExceeded", got)
	}
}
