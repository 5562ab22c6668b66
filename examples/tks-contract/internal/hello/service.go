// Package hello greets people and counts the greetings.
package hello

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	hellov1 "github.com/seungkyu/tks-contract/api/hello/v1"
)

// Greeting says how often a name got the words of a greeting, and when it last did.
type Greeting struct {
	Greeting, Name string
	Count          int64
	UpdatedAt      time.Time
}

// Store is what the service needs of its storage. It has to be safe for
// concurrent use, since calls are served concurrently.
type Store interface {
	// Add counts one more use of greeting for name and returns the new count.
	Add(ctx context.Context, greeting, name string) (int64, error)
	// Latest returns at most limit greetings, the last used one first.
	Latest(ctx context.Context, limit int) ([]Greeting, error)
	// Ping returns an error when the store cannot be used, so that no calls come.
	Ping(ctx context.Context) error
}

// ErrUnavailable is in the errors of a Store that could not be reached and has
// therefore done nothing. Callers are told that they may try again.
var ErrUnavailable = errors.New("the store cannot be reached")

// Service implements the HelloService of the API. Each of its RPCs has a file.
type Service struct {
	// The embedded type answers RPCs that the API has and the service lacks.
	hellov1.UnimplementedHelloServiceServer

	store  Store
	logger *slog.Logger
}

// NewService returns a service that keeps its greetings in store and logs what
// it does not tell the caller to logger.
func NewService(store Store, logger *slog.Logger) *Service {
	return &Service{store: store, logger: logger}
}

// storeError turns an error of the store into the answer for the caller. The
// cause may name hosts and tables, so it goes to the log and not to the caller.
func (s *Service) storeError(ctx context.Context, cause error, message string) error {
	level, answer := slog.LevelError, status.Error(codes.Internal, message)
	if errors.Is(cause, ErrUnavailable) {
		answer = status.Error(codes.Unavailable, message)
	}
	// A caller who gave up, or whose time was up, is no fault of the store.
	if err := ctx.Err(); err != nil {
		level, answer = slog.LevelInfo, status.FromContextError(err).Err()
	}
	s.logger.LogAttrs(ctx, level, "the store failed", slog.String("answer", message), slog.Any("error", cause))
	return answer
}

// invalid returns the answer to a request in which a field breaks a rule: as a
// sentence for people and as a google.rpc.BadRequest for programs.
func invalid(field, rule string) error {
	answer := status.New(codes.InvalidArgument, field+" "+rule)
	detailed, err := answer.WithDetails(&errdetails.BadRequest{
		FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: field, Description: rule}},
	})
	if err == nil {
		answer = detailed
	}
	return answer.Err()
}
