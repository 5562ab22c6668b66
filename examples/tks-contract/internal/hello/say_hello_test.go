package hello_test

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	hellov1 "github.com/seungkyu/tks-contract/api/hello/v1"
	"github.com/seungkyu/tks-contract/internal/hello"
)

func TestSayHelloAnswersWithGreetingAndName(t *testing.T) {
	t.Parallel()

	longest := strings.Repeat("가", 100)
	tests := map[string]struct {
		greeting, name, want string
	}{
		"greeting given":          {"Welcome", "Seungkyu", "Welcome, Seungkyu"},
		"greeting left out":       {"", "Ada", "Hello, Ada"},
		"longest texts":           {longest, longest, longest + ", " + longest},
		"spaces and punctuation":  {"Good day to you", "O'Neil; \"Jr.\" \\", "Good day to you, O'Neil; \"Jr.\" \\"},
		"text that looks like %d": {"100%d", "%s", "100%d, %s"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			response, err := newService(hello.NewMemory()).SayHello(t.Context(),
				&hellov1.SayHelloRequest{Greeting: test.greeting, Name: test.name})
			if err != nil {
				t.Fatal(err)
			}
			if got := response.GetMessage(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestSayHelloCountsEachGreeting(t *testing.T) {
	t.Parallel()

	service := newService(hello.NewMemory())
	for _, step := range []struct {
		greeting, name string
		want           int64
	}{
		{"", "Ada", 1},
		{"", "Ada", 2},
		{"Welcome", "Ada", 1},
		{"", "Grace", 1},
		{"Hello", "Ada", 3},
	} {
		response, err := service.SayHello(t.Context(),
			&hellov1.SayHelloRequest{Greeting: step.greeting, Name: step.name})
		if err != nil {
			t.Fatal(err)
		}
		if got := response.GetCount(); got != step.want {
			t.Errorf("greeting %q for %q: got count %d, want %d", step.greeting, step.name, got, step.want)
		}
	}
}

func TestSayHelloRejectsTextThatBreaksARule(t *testing.T) {
	t.Parallel()

	tooLong := strings.Repeat("a", 101)
	tests := map[string]struct {
		greeting, name, want string
	}{
		"no name":           {"Hello", "", "name must not be empty"},
		"name too long":     {"Hello", tooLong, "name must have at most 100 characters"},
		"newline in name":   {"Hello", "Ada\n", "name must not contain control characters"},
		"greeting too long": {tooLong, "Ada", "greeting must have at most 100 characters"},
		"NUL in greeting":   {"Hel\x00lo", "Ada", "greeting must not contain control characters"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			// The store must not be reached: it would answer with another code.
			_, err := newService(brokenStore{errors.New("reached")}).SayHello(t.Context(),
				&hellov1.SayHelloRequest{Greeting: test.greeting, Name: test.name})

			wantStatus(t, err, codes.InvalidArgument, test.want)
		})
	}
}
