package hello

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	hellov1 "github.com/seungkyu/tks-contract/api/hello/v1"
)

const (
	defaultGreeting = "Hello"
	maxCharacters   = 100
)

// SayHello greets one person and counts the greeting.
func (s *Service) SayHello(ctx context.Context, request *hellov1.SayHelloRequest) (*hellov1.SayHelloResponse, error) {
	greeting, name := request.GetGreeting(), request.GetName()
	if greeting == "" {
		greeting = defaultGreeting
	}
	if err := checkText("greeting", greeting); err != nil {
		return nil, err
	}
	if err := checkText("name", name); err != nil {
		return nil, err
	}

	count, err := s.store.Add(ctx, greeting, name)
	if err != nil {
		return nil, s.storeError(ctx, err, "the greeting could not be counted")
	}
	return &hellov1.SayHelloResponse{Message: greeting + ", " + name, Count: count}, nil
}

// checkText returns an error for the caller when a field breaks a rule.
func checkText(field, text string) error {
	if text == "" {
		return invalid(field, "must not be empty")
	}
	// Characters and not bytes, so that all scripts have the same room.
	if utf8.RuneCountInString(text) > maxCharacters {
		return invalid(field, fmt.Sprintf("must have at most %d characters", maxCharacters))
	}
	// They would break the lines of a terminal, and a database may reject NUL.
	if strings.ContainsFunc(text, unicode.IsControl) {
		return invalid(field, "must not contain control characters")
	}
	return nil
}
