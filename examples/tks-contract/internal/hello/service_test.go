package hello_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	hellov1 "github.com/seungkyu/tks-contract/api/hello/v1"
	"github.com/seungkyu/tks-contract/internal/hello"
)

// brokenStore fails each call with its error.
type brokenStore struct {
	err error
}

func (s brokenStore) Add(context.Context, string, string) (int64, error) {
	return 0, s.err
}

func (s brokenStore) Latest(context.Context, int) ([]hello.Greeting, error) {
	return nil, s.err
}

func newService(store hello.Store) *hello.Service {
	return hello.NewService(store, slog.New(slog.DiscardHandler))
}

// wantStatus fails the test unless err is a status with this code and message.
func wantStatus(t *testing.T, err error, code codes.Code, message string) {
	t.Helper()

	got := status.Convert(err)
	if got.Code() != code || got.Message() != message {
		t.Errorf("got %v %q, want %v %q", got.Code(), got.Message(), code, message)
	}
}

func TestStoreErrorIsLoggedButNotSent(t *testing.T) {
	t.Parallel()

	calls := map[string]struct {
		call func(context.Context, *hello.Service) error
		want string
	}{
		"SayHello": {
			func(ctx context.Context, service *hello.Service) error {
				_, err := service.SayHello(ctx, &hellov1.SayHelloRequest{Name: "Ada"})

				return err
			},
			"the greeting could not be counted",
		},
		"ListGreetings": {
			func(ctx context.Context, service *hello.Service) error {
				_, err := service.ListGreetings(ctx, &hellov1.ListGreetingsRequest{})

				return err
			},
			"the greetings could not be listed",
		},
	}
	for name, test := range calls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			var log bytes.Buffer
			store := brokenStore{errors.New("disk on db-7 is full")}
			service := hello.NewService(store, slog.New(slog.NewTextHandler(&log, nil)))

			err := test.call(t.Context(), service)

			wantStatus(t, err, codes.Internal, test.want)
			if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "disk on db-7 is full") {
				t.Errorf("the log lacks the cause: %s", log.String())
			}
		})
	}
}

func TestStoreErrorOfACanceledCallIsCanceled(t *testing.T) {
	t.Parallel()

	ctx, cancel := context.WithCancel(t.Context())
	cancel()

	_, err := newService(brokenStore{ctx.Err()}).SayHello(ctx, &hellov1.SayHelloRequest{Name: "Ada"})

	wantStatus(t, err, codes.Canceled, context.Canceled.Error())
}

func TestStoreErrorAfterTheDeadlineIsDeadlineExceeded(t *testing.T) {
	t.Parallel()

	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()

	_, err := newService(brokenStore{ctx.Err()}).ListGreetings(ctx, &hellov1.ListGreetingsRequest{})

	wantStatus(t, err, codes.DeadlineExceeded, context.DeadlineExceeded.Error())
}

func TestStoreThatCannotBeReachedIsUnavailable(t *testing.T) {
	t.Parallel()

	store := brokenStore{fmt.Errorf("count: %w: connection refused", hello.ErrUnavailable)}
	_, err := newService(store).SayHello(t.Context(), &hellov1.SayHelloRequest{Name: "Ada"})

	wantStatus(t, err, codes.Unavailable, "the greeting could not be counted")
}
