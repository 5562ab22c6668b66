package hello

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/types/known/timestamppb"

	hellov1 "github.com/seungkyu/tks-contract/api/hello/v1"
)

const (
	defaultLimit = 50
	maxLimit     = 1000
)

// ListGreetings returns the greetings that were counted, newest first.
func (s *Service) ListGreetings(
	ctx context.Context, request *hellov1.ListGreetingsRequest,
) (*hellov1.ListGreetingsResponse, error) {
	limit := int(request.GetLimit())
	if limit < 0 || limit > maxLimit {
		return nil, invalid("limit", fmt.Sprintf("must be from 0 to %d", maxLimit))
	}
	if limit == 0 {
		limit = defaultLimit
	}

	greetings, err := s.store.Latest(ctx, limit)
	if err != nil {
		return nil, s.storeError(ctx, err, "the greetings could not be listed")
	}

	response := &hellov1.ListGreetingsResponse{Greetings: make([]*hellov1.Greeting, 0, len(greetings))}
	for _, greeting := range greetings {
		response.Greetings = append(response.Greetings, &hellov1.Greeting{
			Greeting:  greeting.Greeting,
			Name:      greeting.Name,
			Count:     greeting.Count,
			UpdatedAt: timestamppb.New(greeting.UpdatedAt),
		})
	}
	return response, nil
}
