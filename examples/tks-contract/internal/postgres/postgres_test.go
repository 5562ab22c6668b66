package postgres

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

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
		Port:         cmp.Or(os.Getenv("TEST_DBPORT"), "5432"),
		User:         os.Getenv("TEST_DBUSER"),
		Name:         os.Getenv("TEST_DBNAME"),
		PasswordFile: os.Getenv("TEST_DBPASSWORD_FILE"),
		Prepare:      true,
	}
	if database.Host == "" {
		t.Skip("needs a PostgreSQL: run make test-postgres, which starts one, or set TEST_DBHOST, TEST_DBPORT " +
			"(5432 if unset), TEST_DBUSER, TEST_DBNAME and, if it wants a password, TEST_DBPASSWORD_FILE")
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
	noError(t, err)
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
		noError(t, err)
		t.Log("applying ", path)
		execute(t, store, string(statements))
	}
	return store
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
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

// add counts a greeting for each of the names and returns the last count.
func add(t *testing.T, store *Store, greeting string, names ...string) (count int64) {
	t.Helper()
	for _, name := range names {
		var err error
		if count, err = store.Add(t.Context(), greeting, name); err != nil {
			t.Fatal(err)
		}
	}
	return count
}

func latest(t *testing.T, store *Store, limit int) []hello.Greeting {
	t.Helper()
	greetings, err := store.Latest(t.Context(), limit)
	noError(t, err)
	return greetings
}

func TestAddCountsEachGreetingAndLosesNone(t *testing.T) {
	store := openStore(t)
	for _, step := range []struct {
		greeting, name string
		want           int64
	}{
		{"Hello", "Ada", 1},
		{"Hello", "Ada", 2},
		{"Hello", "Grace", 1},
		{"Hello", "Ada", 3},
		{`'); DROP TABLE greetings; --`, `가 "\' $1 %s`, 1},
	} {
		count := add(t, store, step.greeting, step.name)
		if got := latest(t, store, 1)[0]; got.Greeting != step.greeting || got.Name != step.name ||
			got.Count != step.want || count != step.want {
			t.Errorf("got count %d and %+v, want %+v", count, got, step)
		}
	}

	const callers, each = 8, 25
	var wait sync.WaitGroup
	for range callers {
		wait.Go(func() {
			for range each {
				if _, err := store.Add(t.Context(), "Hello", "everybody"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	if got := latest(t, store, 1)[0].Count; got != callers*each {
		t.Errorf("got count %d after concurrent calls, want %d", got, callers*each)
	}
}

func TestLatestPutsTheNewestFirst(t *testing.T) {
	store := openStore(t)
	if got := latest(t, store, 10); len(got) != 0 {
		t.Errorf("got %+v at first, want nothing", got)
	}
	add(t, store, "Hello", "Ada", "Grace", "Edsger", "Ada")
	for limit, want := range map[int][]string{10: {"Ada", "Edsger", "Grace"}, 2: {"Ada", "Edsger"}} {
		var got []string
		for _, greeting := range latest(t, store, limit) {
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

func TestStoreReportsAMissingTableAndStopsWithTheCall(t *testing.T) {
	store := openEmptyStore(t)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for want, ctx := range map[string]context.Context{
		`relation "greetings" does not exist`: t.Context(), context.Canceled.Error(): canceled,
	} {
		_, err := store.Add(ctx, "Hello", "Ada")
		_, latestErr := store.Latest(ctx, 1)
		for _, err := range []error{err, latestErr} {
			if err == nil || !strings.Contains(err.Error(), want) || errors.Is(err, hello.ErrUnavailable) {
				t.Errorf("got error %v, want one with %s", err, want)
			}
		}
	}
	if err := store.Ping(t.Context()); err != nil {
		t.Errorf("Ping: got error %v", err)
	}
}

func TestPoolIsMeasured(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(openEmptyStore(t).Metrics()...)
	// Opening took the one connection twice, to ping and to make the schema.
	const want = `
		# HELP db_pool_acquires_total Times that a call got a connection.
		# TYPE db_pool_acquires_total counter
		db_pool_acquires_total 2
		# HELP db_pool_connections Connections to the database by what they do.
		# TYPE db_pool_connections gauge
		db_pool_connections{state="connecting"} 0
		db_pool_connections{state="idle"} 1
		db_pool_connections{state="in_use"} 0
	`
	err := testutil.GatherAndCompare(registry, strings.NewReader(want), "db_pool_acquires_total", "db_pool_connections")
	if err != nil {
		t.Error(err)
	}
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("got problems %v and error %v, want none", problems, err)
	}
}

// nowhere returns a database on a reserved port, on which nobody answers. A
// port that was closed could be given to another test.
func nowhere() config.Database {
	return config.Database{Host: "127.0.0.1", Port: "1", User: "ada", Name: "greetings"}
}

func poolOf(t *testing.T, database config.Database) *pgxpool.Config {
	t.Helper()
	settings, err := poolSettings(database)
	noError(t, err)
	return settings
}

// openError returns the error of Open, which has one line, and what Open logs.
func openError(ctx context.Context, t *testing.T, database config.Database) (string, error) {
	t.Helper()
	var log bytes.Buffer
	store, err := Open(ctx, database, slog.New(slog.NewTextHandler(&log, nil)))
	if err == nil {
		store.Close()
		t.Fatal("got no error")
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("the error has several lines: %v", err)
	}
	return log.String(), err
}

func TestOpenReportsADatabaseThatDoesNotExistAtOnce(t *testing.T) {
	database := testDatabase(t)
	database.Name, database.Wait = `no 'such' \ database`, 10*time.Second
	log, err := openError(t.Context(), t, database)
	if !strings.Contains(err.Error(), `database "no 'such' \ database" does not exist`) || log != "" {
		t.Errorf("got error %v and log %q, want an error at once", err, log)
	}
}

func TestOpenWaitsForADatabaseThatIsAway(t *testing.T) {
	t.Parallel()
	for wait, attempts := range map[time.Duration]bool{0: false, 400 * time.Millisecond: true} {
		database := nowhere()
		database.Wait = wait
		log, err := openError(t.Context(), t, database)
		if !strings.HasPrefix(err.Error(), "cannot reach the database: 127.0.0.1 port 1: dial") ||
			!strings.Contains(err.Error(), "connection refused") {
			t.Errorf("got error %v, want a refused connection", err)
		}
		if got := strings.Contains(log, `level=WARN msg="the database is not there yet"`) &&
			strings.Contains(log, "connection refused") && strings.Contains(log, "next_attempt_in="); got != attempts {
			t.Errorf("-dbwait %s: attempts in the log: %t, want %t:\n%s", wait, got, attempts, log)
		}
	}
}

func TestOpenGivesUpOnADatabaseThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	// Connections get as far as the listener's queue, and no further.
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	noError(t, err)
	defer func() { _ = listener.Close() }()
	database := nowhere()
	_, database.Port, _ = net.SplitHostPort(listener.Addr().String())
	late := errors.New("the test waited long enough")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, late)
	defer cancel()
	if _, err := openError(ctx, t, database); !errors.Is(err, late) {
		t.Errorf("got error %v, want one because %v", err, late)
	}
}

func TestOpenReportsAnUnreadablePasswordFile(t *testing.T) {
	database := nowhere()
	database.PasswordFile = filepath.Join(t.TempDir(), "missing")
	if _, err := openError(t.Context(), t, database); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got error %v, want %v", err, fs.ErrNotExist)
	}
}

func TestReasonIsTheOneThatAPersonCanActOn(t *testing.T) {
	refused := &pgconn.PgError{Message: "password authentication failed"}
	unknown := &net.DNSError{Err: "no such host", Name: "db"}
	unreachable := &net.OpError{Op: "dial", Net: "tcp", Err: unknown}
	other := errors.New("server refused TLS connection")
	for _, test := range []struct{ err, want error }{
		{errors.Join(other, unreachable, refused), refused},
		{errors.Join(other, unreachable), unknown},
		{errors.Join(other, &net.OpError{Op: "dial", Err: other}), &net.OpError{Op: "dial", Err: other}},
		{other, other},
	} {
		if got := reason(t.Context(), test.err); got.Error() != test.want.Error() {
			t.Errorf("%v: got reason %v, want %v", test.err, got, test.want)
		}
	}
}

func TestCodeOfPostgreSQLTellsWhetherAnotherAttemptIsOfUse(t *testing.T) {
	for code, want := range map[string]struct{ permanent, unavailable bool }{
		"28P01": {permanent: true},   // wrong password
		"28000": {permanent: true},   // no such role
		"3D000": {permanent: true},   // no such database
		"57P01": {unavailable: true}, // stopping
		"57P03": {unavailable: true}, // starting up
		"53300": {},                  // too many connections
		"57014": {},                  // canceled
		"42P01": {},                  // no such table
		"":      {},                  // no code: the statement may have done its work
	} {
		err := errors.New("unexpected EOF")
		if code != "" {
			err = errors.Join(errors.New("first mode"), &pgconn.PgError{Code: code})
		}
		if got := permanent(err); got != want.permanent {
			t.Errorf("code %s: got permanent %t, want %t", code, got, want.permanent)
		}
		if got := errors.Is(unavailable(err), hello.ErrUnavailable); got != want.unavailable {
			t.Errorf("code %s: got unavailable %t, want %t", code, got, want.unavailable)
		}
	}
}

func TestEachConnectionReadsThePasswordAnew(t *testing.T) {
	t.Setenv("PGPASSWORD", "from the environment")
	database := nowhere()
	file := filepath.Join(t.TempDir(), "password")
	for _, want := range []string{"", "old", "new"} {
		if want != "" {
			database.PasswordFile = file
		}
		settings := poolOf(t, database)
		noError(t, os.WriteFile(file, []byte(want+"\n"), 0o600))
		connection := settings.ConnConfig.Copy()
		if connection.Password != "" {
			t.Errorf("got password %q before there is a connection, want none", connection.Password)
		}
		if err := settings.BeforeConnect(t.Context(), connection); err != nil || connection.Password != want {
			t.Errorf("got password %q and error %v, want %q", connection.Password, err, want)
		}
	}
}

func TestConnectionsFollowTheFlagsRatherThanTheEnvironment(t *testing.T) {
	t.Setenv("PGSSLMODE", "require")
	t.Setenv("PGSSLROOTCERT", "/nowhere/ca.crt")
	for _, test := range []struct {
		mode      string
		encrypted bool
		prepare   bool
		want      pgx.QueryExecMode
	}{
		{"disable", false, true, pgx.QueryExecModeCacheStatement},
		{"require", true, false, pgx.QueryExecModeCacheDescribe},
	} {
		got := poolOf(t, config.Database{Host: "db", Port: "5432", SSLMode: test.mode, Prepare: test.prepare}).ConnConfig
		if (got.TLSConfig != nil) != test.encrypted || got.DefaultQueryExecMode != test.want {
			t.Errorf("%+v: got TLS %t and mode %s", test, got.TLSConfig != nil, got.DefaultQueryExecMode)
		}
	}
}

func TestStoreSaysThatItsDatabaseIsGone(t *testing.T) {
	pool, err := pgxpool.NewWithConfig(t.Context(), poolOf(t, nowhere()))
	noError(t, err)
	t.Cleanup(pool.Close)
	store := &Store{pool: pool}
	if _, err = store.Add(t.Context(), "Hello", "Ada"); !errors.Is(err, hello.ErrUnavailable) {
		t.Errorf("Add: got error %v, want %v", err, hello.ErrUnavailable)
	}
	if _, err = store.Latest(t.Context(), 1); !errors.Is(err, hello.ErrUnavailable) {
		t.Errorf("Latest: got error %v, want %v", err, hello.ErrUnavailable)
	}
	err = store.Ping(t.Context())
	if err == nil || !strings.Contains(err.Error(), "connection refused") || strings.Contains(err.Error(), "\n") {
		t.Errorf("Ping: got error %v, want one line with connection refused", err)
	}
}
