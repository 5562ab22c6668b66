package hello_test

import (
	"sync"
	"testing"

	"github.com/seungkyu/tks-contract/internal/hello"
)

func TestMemoryLosesNoConcurrentGreeting(t *testing.T) {
	t.Parallel()

	const callers, each = 8, 50
	memory := hello.NewMemory()

	var wait sync.WaitGroup
	for range callers {
		wait.Go(func() {
			for range each {
				if _, err := memory.Add(t.Context(), "Hello", "Ada"); err != nil {
					t.Error(err)
				}
				if _, err := memory.Latest(t.Context(), 1); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()

	greetings, err := memory.Latest(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := greetings[0].Count; got != callers*each {
		t.Errorf("got count %d, want %d", got, callers*each)
	}
}

func TestMemoryIsAlwaysThere(t *testing.T) {
	t.Parallel()

	if err := hello.NewMemory().Ping(t.Context()); err != nil {
		t.Error(err)
	}
}
