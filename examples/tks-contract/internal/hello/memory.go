package hello

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// Memory is a Store that forgets everything when the program ends. It never
// removes a greeting, so it suits development and tests rather than a busy server.
type Memory struct {
	mu       sync.Mutex
	uses     int64
	counters map[pair]counter
}

type pair struct {
	greeting, name string
}

type counter struct {
	count     int64
	updatedAt time.Time
	// lastUse orders greetings that the clock cannot tell apart.
	lastUse int64
}

// NewMemory returns an empty Memory.
func NewMemory() *Memory {
	return &Memory{counters: make(map[pair]counter)}
}

// Ping returns nil: a memory is always there.
func (*Memory) Ping(context.Context) error {
	return nil
}

// Add counts one more use of greeting for name and returns the new count.
func (m *Memory) Add(_ context.Context, greeting, name string) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()

	key := pair{greeting, name}
	m.uses++
	used := counter{count: m.counters[key].count + 1, updatedAt: time.Now(), lastUse: m.uses}
	m.counters[key] = used

	return used.count, nil
}

// Latest returns at most limit greetings, the last used one first.
func (m *Memory) Latest(_ context.Context, limit int) ([]Greeting, error) {
	m.mu.Lock()
	defer m.mu.Unlock()

	keys := make([]pair, 0, len(m.counters))
	for key := range m.counters {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b pair) int {
		return cmp.Compare(m.counters[b].lastUse, m.counters[a].lastUse)
	})
	keys = keys[:min(limit, len(keys))]

	greetings := make([]Greeting, 0, len(keys))
	for _, key := range keys {
		used := m.counters[key]
		greetings = append(greetings, Greeting{
			Greeting: key.greeting, Name: key.name, Count: used.count, UpdatedAt: used.updatedAt,
		})
	}

	return greetings, nil
}
