package hello

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// Memory is a Store for development and tests: it never removes a greeting, and
// forgets all of them when the program ends.
type Memory struct {
	mu     sync.Mutex
	uses   int64
	stored map[[2]string]stored
}

type stored struct {
	Greeting

	// use orders greetings that the clock cannot tell apart.
	use int64
}

// NewMemory returns an empty Memory.
func NewMemory() *Memory {
	return &Memory{stored: map[[2]string]stored{}}
}

// Ping returns nil: a memory is always there.
func (*Memory) Ping(context.Context) error {
	return nil
}

// Add counts one more use of greeting for name and returns the new count.
func (m *Memory) Add(_ context.Context, greeting, name string) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()

	key := [2]string{greeting, name}
	count := m.stored[key].Count + 1
	m.uses++
	m.stored[key] = stored{Greeting{Greeting: greeting, Name: name, Count: count, UpdatedAt: time.Now()}, m.uses}
	return count, nil
}

// Latest returns at most limit greetings, the last used one first.
func (m *Memory) Latest(_ context.Context, limit int) ([]Greeting, error) {
	m.mu.Lock()
	defer m.mu.Unlock()

	all := slices.SortedFunc(maps.Values(m.stored), func(a, b stored) int { return cmp.Compare(b.use, a.use) })
	greetings := make([]Greeting, 0, min(limit, len(all)))
	for _, one := range all[:min(limit, len(all))] {
		greetings = append(greetings, one.Greeting)
	}
	return greetings, nil
}
