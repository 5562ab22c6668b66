package hello_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	hellov1 "github.com/seungkyu/tks-contract/api/hello/v1"
	"github.com/seungkyu/tks-contract/internal/hello"
)

// brokenStore fails each call with its error.
type brokenStore struct {
	err error
}

func (s brokenStore) Ping(context.Context) error { return s.err }

func (s brokenStore) Add(context.Context, string, string) (int64, error) { return 0, s.err }

func (s brokenStore) Latest(context.Context, int) ([]hello.Greeting, error) { return nil, s.err }

func newService(store hello.Store) *hello.Service {
	return hello.NewService(store, slog.New(slog.DiscardHandler))
}

// wantInvalid fails the test unless err says that field breaks rule: in a sentence
// for people and in a detail for programs.
func wantInvalid(t *testing.T, err error, field, rule string) {
	t.Helper()
	got := status.Convert(err)
	if got.Code() != codes.InvalidArgument || got.Message() != field+" "+rule {
		t.Errorf("got %v %q, want InvalidArgument %q", got.Code(), got.Message(), field+" "+rule)
	}
	for _, detail := range got.Details() {
		request, ok := detail.(*errdetails.BadRequest)
		if ok && request.GetFieldViolations()[0].GetField() == field &&
			request.GetFieldViolations()[0].GetDescription() == rule {
			return
		}
	}
	t.Errorf("got details %v, want a BadRequest with field %q and rule %q", got.Details(), field, rule)
}

func TestStoreErrorIsLoggedAndBecomesTheCodeThatTheCallerCanActOn(t *testing.T) {
	failure := errors.New("disk on db-7 is full")
	away := fmt.Errorf("count: %w: disk on db-7 is full", hello.ErrUnavailable)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	sayHello := func(ctx context.Context) func(*hello.Service) error {
		return func(service *hello.Service) error {
			_, err := service.SayHello(ctx, &hellov1.SayHelloRequest{Name: "Ada"})
			return err
		}
	}
	list := func(ctx context.Context) func(*hello.Service) error {
		return func(service *hello.Service) error {
			_, err := service.ListGreetings(ctx, &hellov1.ListGreetingsRequest{})
			return err
		}
	}
	for _, test := range []struct {
		call           func(*hello.Service) error
		store          error
		code           codes.Code
		message, level string
	}{
		{sayHello(t.Context()), failure, codes.Internal, "the greeting could not be counted", "ERROR"},
		{list(t.Context()), failure, codes.Internal, "the greetings could not be listed", "ERROR"},
		{sayHello(t.Context()), away, codes.Unavailable, "the greeting could not be counted", "ERROR"},
		{sayHello(canceled), failure, codes.Canceled, "context canceled", "INFO"},
		{list(late), failure, codes.DeadlineExceeded, "context deadline exceeded", "INFO"},
	} {
		var log bytes.Buffer
		service := hello.NewService(brokenStore{test.store}, slog.New(slog.NewTextHandler(&log, nil)))
		got := status.Convert(test.call(service))
		if got.Code() != test.code || got.Message() != test.message {
			t.Errorf("got %v %q, want %v %q", got.Code(), got.Message(), test.code, test.message)
		}
		if !strings.Contains(log.String(), "level="+test.level) || !strings.Contains(log.String(), "disk on db-7 is full") {
			t.Errorf("the log lacks level %s or the cause: %s", test.level, log.String())
		}
	}
}

func TestMemoryLosesNoConcurrentGreeting(t *testing.T) {
	const callers, each = 8, 50
	memory := hello.NewMemory()
	var wait sync.WaitGroup
	for range callers {
		wait.Go(func() {
			for range each {
				_, added := memory.Add(t.Context(), "Hello", "Ada")
				if _, err := memory.Latest(t.Context(), 1); err != nil || added != nil {
					t.Error(added, err)
				}
			}
		})
	}
	wait.Wait()
	greetings, err := memory.Latest(t.Context(), 1)
	if err != nil || greetings[0].Count != callers*each {
		t.Errorf("got greetings %v and error %v, want count %d", greetings, err, callers*each)
	}
	if err := memory.Ping(t.Context()); err != nil {
		t.Errorf("got error %v from a memory, which is always there", err)
	}
}

func TestSayHelloCountsEachGreeting(t *testing.T) {
	service := newService(hello.NewMemory())
	for _, step := range []struct {
		greeting, name string
		want           int64
	}{
		{"", "Ada", 1}, {"", "Ada", 2}, {"Welcome", "Ada", 1}, {"", "Grace", 1}, {"Hello", "Ada", 3},
	} {
		response, err := service.SayHello(t.Context(), &hellov1.SayHelloRequest{Greeting: step.greeting, Name: step.name})
		if err != nil || response.GetCount() != step.want {
			t.Errorf("greeting %q for %q: got %v and error %v, want count %d",
				step.greeting, step.name, response, err, step.want)
		}
	}
}

func TestSayHelloRejectsTextThatBreaksARule(t *testing.T) {
	long := strings.Repeat("a", 101)
	for _, test := range []struct{ greeting, name, field, rule string }{
		{"Hello", "", "name", "must not be empty"},
		{"Hello", long, "name", "must have at most 100 characters"},
		{"Hello", "Ada\n", "name", "must not contain control characters"},
		{long, "Ada", "greeting", "must have at most 100 characters"},
		{"Hel\x00lo", "Ada", "greeting", "must not contain control characters"},
	} {
		// The store must not be reached: it would answer with another code.
		_, err := newService(brokenStore{errors.New("reached")}).SayHello(t.Context(),
			&hellov1.SayHelloRequest{Greeting: test.greeting, Name: test.name})
		wantInvalid(t, err, test.field, test.rule)
	}
}

// FuzzSayHello checks that a text is either greeted as it is or rejected, and
// that the choice follows the rules of the API. More texts than the seeds:
// go test -fuzz=FuzzSayHello -fuzztime=10000x ./internal/hello.
func FuzzSayHello(f *testing.F) {
	for _, seed := range []struct{ greeting, name string }{
		{"", "Ada"},
		{"Welcome", "Seungkyu"},
		{"Hello", ""},
		{"100%d", "%s"},
		{"Good day to you", "O'Neil; \"Jr.\" \\"},
		{"Hel\x00lo", "Ada\n"},
		{strings.Repeat("가", 100), strings.Repeat("가", 100)},
		{strings.Repeat("가", 100), strings.Repeat("a", 101)},
		{"\u0085", "\u200b"},
	} {
		f.Add(seed.greeting, seed.name)
	}
	f.Fuzz(func(t *testing.T, greeting, name string) {
		if !utf8.ValidString(greeting) || !utf8.ValidString(name) {
			return // gRPC does not let such a request in.
		}
		response, err := newService(hello.NewMemory()).SayHello(t.Context(),
			&hellov1.SayHelloRequest{Greeting: greeting, Name: name})
		if greeting == "" {
			greeting = "Hello"
		}
		valid := name != ""
		for _, text := range []string{greeting, name} {
			valid = valid && utf8.RuneCountInString(text) <= 100 && !strings.ContainsFunc(text, unicode.IsControl)
		}
		if valid {
			if err != nil || response.GetMessage() != greeting+", "+name || response.GetCount() != 1 {
				t.Errorf("greeting %q for %q: got %v and error %v", greeting, name, response, err)
			}
		} else if status.Code(err) != codes.InvalidArgument {
			t.Errorf("greeting %q for %q: got %v and error %v, want InvalidArgument", greeting, name, response, err)
		}
	})
}

// list greets each of the names and then lists at most limit greetings.
func list(t *testing.T, service *hello.Service, limit int32, names ...string) []*hellov1.Greeting {
	t.Helper()
	for _, name := range names {
		if _, err := service.SayHello(t.Context(), &hellov1.SayHelloRequest{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	response, err := service.ListGreetings(t.Context(), &hellov1.ListGreetingsRequest{Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	return response.GetGreetings()
}

func TestListGreetingsPutsTheNewestFirst(t *testing.T) {
	start := time.Now()
	service := newService(hello.NewMemory())
	if got := list(t, service, 0); len(got) != 0 {
		t.Errorf("got greetings %v at first, want none", got)
	}

	greetings := list(t, service, 0, "Ada", "Grace", "Ada")
	if len(greetings) != 2 {
		t.Fatalf("got %d greetings, want 2", len(greetings))
	}
	for i, want := range []*hellov1.Greeting{{Name: "Ada", Count: 2}, {Name: "Grace", Count: 1}} {
		got := greetings[i]
		if got.GetGreeting() != "Hello" || got.GetName() != want.GetName() || got.GetCount() != want.GetCount() {
			t.Errorf("greeting %d: got %v, want %v", i, got, want)
		}
		if at := got.GetUpdatedAt().AsTime(); at.Before(start) || at.After(time.Now()) {
			t.Errorf("greeting %d: got time %v, want one during the test", i, at)
		}
	}
}

func TestListGreetingsStopsAtTheLimit(t *testing.T) {
	service := newService(hello.NewMemory())
	names := make([]string, 0, 1001)
	for i := range 1001 {
		names = append(names, "name "+strconv.Itoa(i))
	}
	list(t, service, 1, names...)
	for limit, want := range map[int32]int{0: 50, 1: 1, 1000: 1000} {
		if got := len(list(t, service, limit)); got != want {
			t.Errorf("limit %d: got %d greetings, want %d", limit, got, want)
		}
	}
	for _, limit := range []int32{-1, 1001} {
		// The store must not be reached: it would answer with another code.
		_, err := newService(brokenStore{errors.New("reached")}).ListGreetings(t.Context(),
			&hellov1.ListGreetingsRequest{Limit: limit})
		wantInvalid(t, err, "limit", "must be from 0 to 1000")
	}
}
