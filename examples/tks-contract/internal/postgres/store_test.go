package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seungkyu/tks-contract/internal/config"
	"github.com/seungkyu/tks-contract/internal/hello"
)

// The store has to fit the service, and the compiler can say so.
var _ hello.Store = (*Store)(nil)

// testDatabase returns the database that the environment names. The test is
// skipped when there is none.
func testDatabase(t *testing.T) config.Database {
	t.Helper()

	database := config.Database{
		Host:         os.Getenv("TEST_DBHOST"),
		Port:         os.Getenv("TEST_DBPORT"),
		User:         os.Getenv("TEST_DBUSER"),
		Name:         os.Getenv("TEST_DBNAME"),
		PasswordFile: os.Getenv("TEST_DBPASSWORD_FILE"),
		Prepare:      true,
	}
	if database.Host == "" {
		t.Skip("needs a PostgreSQL: set TEST_DBHOST, TEST_DBPORT (5432 if unset), TEST_DBUSER, TEST_DBNAME " +
			"and, if it wants a password, TEST_DBPASSWORD_FILE")
	}
	if database.Port == "" {
		database.Port = "5432"
	}

	return database
}

// openEmptyStore returns a store with a schema of its own, which has no table
// yet and is gone after the test.
func openEmptyStore(t *testing.T) *Store {
	t.Helper()

	database := testDatabase(t)
	schema := "test_" + strings.ToLower(rand.Text())
	t.Setenv("PGOPTIONS", "-c search_path="+schema)

	store, err := Open(t.Context(), database, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)

	execute(t, store, "CREATE SCHEMA "+schema)
	t.Cleanup(func() { execute(t, store, "DROP SCHEMA "+schema+" CASCADE") })

	return store
}

// openStore returns a store with the tables that the Helm chart creates.
func openStore(t *testing.T) *Store {
	t.Helper()

	store := openEmptyStore(t)
	paths, err := filepath.Glob("../../deploy/helm/*/files/sql/*.sql")
	if err != nil || len(paths) == 0 {
		t.Fatalf("found no SQL files (error: %v)", err)
	}
	slices.Sort(paths)
	for _, path := range paths {
		statements, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		// Twice, because the files promise to bear that.
		execute(t, store, string(statements))
		execute(t, store, string(statements))
	}

	return store
}

func execute(t *testing.T, store *Store, statements string) {
	t.Helper()

	// Cleanup functions need it too, and the test's own context is done by then.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	if _, err := store.pool.Exec(ctx, statements); err != nil {
		t.Fatal(err)
	}
}

func TestAddCountsEachGreeting(t *testing.T) {
	store := openStore(t)

	for _, step := range []struct {
		greeting, name string
		want           int64
	}{
		{"Hello", "Ada", 1},
		{"Hello", "Ada", 2},
		{"Welcome", "Ada", 1},
		{"Hello", "Grace", 1},
		{"Hello", "Ada", 3},
	} {
		got, err := store.Add(t.Context(), step.greeting, step.name)
		if err != nil {
			t.Fatal(err)
		}
		if got != step.want {
			t.Errorf("greeting %q for %q: got count %d, want %d", step.greeting, step.name, got, step.want)
		}
	}
}

func TestAddLosesNoConcurrentGreeting(t *testing.T) {
	const callers, each = 8, 25
	store := openStore(t)

	var wait sync.WaitGroup
	for range callers {
		wait.Go(func() {
			for range each {
				if _, err := store.Add(t.Context(), "Hello", "Ada"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()

	greetings, err := store.Latest(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := greetings[0].Count; got != callers*each {
		t.Errorf("got count %d, want %d", got, callers*each)
	}
}

func TestAddTakesTextAsItIs(t *testing.T) {
	store := openStore(t)

	const greeting, name = `'); DROP TABLE greetings; --`, `가 "\' $1 %s`
	if _, err := store.Add(t.Context(), greeting, name); err != nil {
		t.Fatal(err)
	}
	greetings, err := store.Latest(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(greetings) != 1 || greetings[0].Greeting != greeting || greetings[0].Name != name {
		t.Errorf("got %+v, want the texts that went in", greetings)
	}
}

func TestLatestPutsTheNewestFirst(t *testing.T) {
	store := openStore(t)
	for _, name := range []string{"Ada", "Grace", "Edsger", "Ada"} {
		if _, err := store.Add(t.Context(), "Hello", name); err != nil {
			t.Fatal(err)
		}
	}

	for limit, want := range map[int][]string{
		10: {"Ada", "Edsger", "Grace"},
		2:  {"Ada", "Edsger"},
	} {
		greetings, err := store.Latest(t.Context(), limit)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]string, 0, len(greetings))
		for _, greeting := range greetings {
			got = append(got, greeting.Name)
			if greeting.UpdatedAt.IsZero() {
				t.Errorf("%q has no time", greeting.Name)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("limit %d: got %q, want %q", limit, got, want)
		}
	}
}

func TestLatestIsEmptyAtFirst(t *testing.T) {
	greetings, err := openStore(t).Latest(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(greetings) != 0 {
		t.Errorf("got %+v, want nothing", greetings)
	}
}

func TestStoreReportsAMissingTable(t *testing.T) {
	store := openEmptyStore(t)
	const want = `relation "greetings" does not exist`

	if _, err := store.Add(t.Context(), "Hello", "Ada"); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Add: got error %v, want one with %s", err, want)
	}
	if _, err := store.Latest(t.Context(), 1); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Latest: got error %v, want one with %s", err, want)
	}
}

func TestPingSucceedsWhenTheDatabaseAnswers(t *testing.T) {
	if err := openEmptyStore(t).Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestStoreStopsWithTheCall(t *testing.T) {
	store := openStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()

	if _, err := store.Add(ctx, "Hello", "Ada"); !errors.Is(err, context.Canceled) {
		t.Errorf("Add: got error %v, want %v", err, context.Canceled)
	}
	if _, err := store.Latest(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("Latest: got error %v, want %v", err, context.Canceled)
	}
}
