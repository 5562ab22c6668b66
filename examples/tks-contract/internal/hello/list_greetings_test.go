package hello_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	hellov1 "github.com/seungkyu/tks-contract/api/hello/v1"
	"github.com/seungkyu/tks-contract/internal/hello"
)

// sayHello greets each of the names.
func sayHello(t *testing.T, service *hello.Service, names ...string) {
	t.Helper()

	for _, name := range names {
		if _, err := service.SayHello(t.Context(), &hellov1.SayHelloRequest{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestListGreetingsPutsTheNewestFirst(t *testing.T) {
	t.Parallel()

	start := time.Now()
	service := newService(hello.NewMemory())
	sayHello(t, service, "Ada", "Grace", "Ada")

	response, err := service.ListGreetings(t.Context(), &hellov1.ListGreetingsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	greetings := response.GetGreetings()
	if len(greetings) != 2 {
		t.Fatalf("got %d greetings, want 2", len(greetings))
	}
	for i, want := range []*hellov1.Greeting{
		{Greeting: "Hello", Name: "Ada", Count: 2},
		{Greeting: "Hello", Name: "Grace", Count: 1},
	} {
		got := greetings[i]
		if got.GetGreeting() != want.GetGreeting() || got.GetName() != want.GetName() || got.GetCount() != want.GetCount() {
			t.Errorf("greeting %d: got %v, want %v", i, got, want)
		}
		if at := got.GetUpdatedAt().AsTime(); at.Before(start) || at.After(time.Now()) {
			t.Errorf("greeting %d: got time %v, want one during the test", i, at)
		}
	}
}

func TestListGreetingsIsEmptyAtFirst(t *testing.T) {
	t.Parallel()

	response, err := newService(hello.NewMemory()).ListGreetings(t.Context(), &hellov1.ListGreetingsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if got := len(response.GetGreetings()); got != 0 {
		t.Errorf("got %d greetings, want none", got)
	}
}

func TestListGreetingsStopsAtTheLimit(t *testing.T) {
	t.Parallel()

	service := newService(hello.NewMemory())
	for i := range 1001 {
		sayHello(t, service, "name "+strconv.Itoa(i))
	}

	for limit, want := range map[int32]int{0: 50, 1: 1, 1000: 1000} {
		response, err := service.ListGreetings(t.Context(), &hellov1.ListGreetingsRequest{Limit: limit})
		if err != nil {
			t.Fatal(err)
		}
		if got := len(response.GetGreetings()); got != want {
			t.Errorf("limit %d: got %d greetings, want %d", limit, got, want)
		}
	}
}

func TestListGreetingsRejectsALimitOutOfRange(t *testing.T) {
	t.Parallel()

	for _, limit := range []int32{-1, 1001} {
		// The store must not be reached: it would answer with another code.
		_, err := newService(brokenStore{errors.New("reached")}).ListGreetings(t.Context(),
			&hellov1.ListGreetingsRequest{Limit: limit})

		wantStatus(t, err, codes.InvalidArgument, "limit must be from 0 to 1000")
	}
}
