package postgres

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/seungkyu/tks-contract/internal/config"
	"github.com/seungkyu/tks-contract/internal/hello"
)

func TestOpenReportsADatabaseThatDoesNotExist(t *testing.T) {
	t.Parallel()

	database := testDatabase(t)
	database.Name = `no 'such' \ database`

	store, err := Open(t.Context(), database, slog.New(slog.DiscardHandler))
	if err == nil {
		store.Close()
	}
	const want = `database "no 'such' \ database" does not exist`
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got error %v, want one with %s", err, want)
	}
}

func TestOpenReportsARefusedConnectionOnOneLine(t *testing.T) {
	t.Parallel()

	database := nowhere()

	_, err := Open(t.Context(), database, slog.New(slog.DiscardHandler))
	if err == nil {
		t.Fatal("got no error")
	}
	for _, want := range []string{"cannot reach the database: 127.0.0.1 port " + database.Port, "connection refused"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one with %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("the error has several lines: %v", err)
	}
}

func TestOpenGivesUpOnADatabaseThatDoesNotAnswer(t *testing.T) {
	t.Parallel()

	// Connections get as far as the listener's queue, and no further.
	database := databaseAt(t, listen(t))
	late := errors.New("the test waited long enough")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, late)
	defer cancel()

	if _, err := Open(ctx, database, slog.New(slog.DiscardHandler)); !errors.Is(err, late) {
		t.Errorf("got error %v, want one because %v", err, late)
	}
}

func TestReasonIsTheOneThatAPersonCanActOn(t *testing.T) {
	t.Parallel()

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

func TestOpenReportsAnUnreadablePasswordFile(t *testing.T) {
	t.Parallel()

	database := config.Database{Host: "127.0.0.1", Port: "1", PasswordFile: filepath.Join(t.TempDir(), "missing")}
	if _, err := Open(t.Context(), database, slog.New(slog.DiscardHandler)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got error %v, want %v", err, fs.ErrNotExist)
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()

	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })

	return listener
}

// nowhere returns a database on a reserved port, on which nobody answers. A
// port that was closed could be given to another test.
func nowhere() config.Database {
	return config.Database{Host: "127.0.0.1", Port: "1", User: "ada", Name: "greetings"}
}

func databaseAt(t *testing.T, listener net.Listener) config.Database {
	t.Helper()

	host, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}

	return config.Database{Host: host, Port: port, User: "ada", Name: "greetings"}
}

func TestOpenWaitsForADatabaseThatIsAway(t *testing.T) {
	t.Parallel()

	database := nowhere()
	database.Wait = 400 * time.Millisecond

	var log bytes.Buffer
	_, err := Open(t.Context(), database, slog.New(slog.NewTextHandler(&log, nil)))
	if err == nil || !strings.Contains(err.Error(), "connection refused") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got error %v, want one line with connection refused", err)
	}
	if !strings.Contains(log.String(), `level=WARN msg="the database is not there yet"`) ||
		!strings.Contains(log.String(), "connection refused") || !strings.Contains(log.String(), "next_attempt_in=") {
		t.Errorf("the log lacks the attempt:\n%s", log.String())
	}
}

func TestOpenDoesNotWaitWhenWaitingIsOfNoUse(t *testing.T) {
	t.Parallel()

	for code, want := range map[string]bool{
		"28P01": true, "28000": true, "3D000": true, // password, role, database
		"57P03": false, "53300": false, // starting up, too many connections
	} {
		err := errors.Join(errors.New("first mode"), &pgconn.PgError{Code: code})
		if got := permanent(err); got != want {
			t.Errorf("code %s: got permanent %t, want %t", code, got, want)
		}
	}
	if permanent(errors.New("connection refused")) {
		t.Error("got permanent for a refused connection")
	}
}

func TestOpenDoesNotWaitForADatabaseThatDoesNotExist(t *testing.T) {
	t.Parallel()

	database := testDatabase(t)
	database.Name = "nowhere"
	database.Wait = time.Hour

	var log bytes.Buffer
	_, err := Open(t.Context(), database, slog.New(slog.NewTextHandler(&log, nil)))
	if err == nil || !strings.Contains(err.Error(), `database "nowhere" does not exist`) || log.Len() > 0 {
		t.Errorf("got error %v and log %q, want an error at once", err, log.String())
	}
}

func TestEachConnectionReadsThePasswordAnew(t *testing.T) {
	t.Setenv("PGPASSWORD", "from the environment")
	database := config.Database{
		Host: "db", Port: "5432", User: "ada", Name: "greetings", PasswordFile: filepath.Join(t.TempDir(), "password"),
	}
	settings, err := poolSettings(database)
	if err != nil {
		t.Fatal(err)
	}
	if got := settings.ConnConfig.Password; got != "" {
		t.Errorf("got password %q before there is a connection, want none", got)
	}

	for _, want := range []string{"old", "new"} {
		if err := os.WriteFile(database.PasswordFile, []byte(want+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		connection := settings.ConnConfig.Copy()
		if err := settings.BeforeConnect(t.Context(), connection); err != nil {
			t.Fatal(err)
		}
		if got := connection.Password; got != want {
			t.Errorf("got password %q, want %q", got, want)
		}
	}
}

func TestPasswordIsNotTakenFromTheEnvironment(t *testing.T) {
	t.Setenv("PGPASSWORD", "from the environment")
	settings, err := poolSettings(config.Database{Host: "db", Port: "5432", User: "ada", Name: "greetings"})
	if err != nil {
		t.Fatal(err)
	}
	connection := settings.ConnConfig.Copy()
	if err := settings.BeforeConnect(t.Context(), connection); err != nil {
		t.Fatal(err)
	}
	if connection.Password != "" {
		t.Errorf("got password %q, want none", connection.Password)
	}
}

func TestFlagsWinOverTheEnvironment(t *testing.T) {
	t.Setenv("PGSSLMODE", "require")
	t.Setenv("PGSSLROOTCERT", "/nowhere/ca.crt")
	for mode, encrypted := range map[string]bool{"disable": false, "require": true} {
		settings, err := poolSettings(config.Database{Host: "db", Port: "5432", SSLMode: mode})
		if err != nil {
			t.Fatal(err)
		}
		if got := settings.ConnConfig.TLSConfig != nil; got != encrypted {
			t.Errorf("-dbsslmode %s: got TLS %t, want %t", mode, got, encrypted)
		}
	}
}

func TestStatementsArePreparedUnlessAFlagForbidsIt(t *testing.T) {
	t.Parallel()

	for prepare, want := range map[bool]pgx.QueryExecMode{
		true:  pgx.QueryExecModeCacheStatement,
		false: pgx.QueryExecModeCacheDescribe,
	} {
		settings, err := poolSettings(config.Database{Host: "db", Port: "5432", Prepare: prepare})
		if err != nil {
			t.Fatal(err)
		}
		if got := settings.ConnConfig.DefaultQueryExecMode; got != want {
			t.Errorf("-dbprepare=%t: got mode %s, want %s", prepare, got, want)
		}
	}
}

// lost returns a store whose database is not there.
func lost(t *testing.T) *Store {
	t.Helper()

	settings, err := poolSettings(nowhere())
	if err != nil {
		t.Fatal(err)
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)

	return &Store{pool: pool}
}

func TestStoreSaysThatItsDatabaseIsGone(t *testing.T) {
	t.Parallel()

	store := lost(t)
	if _, err := store.Add(t.Context(), "Hello", "Ada"); !errors.Is(err, hello.ErrUnavailable) {
		t.Errorf("Add: got error %v, want %v", err, hello.ErrUnavailable)
	}
	if _, err := store.Latest(t.Context(), 1); !errors.Is(err, hello.ErrUnavailable) {
		t.Errorf("Latest: got error %v, want %v", err, hello.ErrUnavailable)
	}
	err := store.Ping(t.Context())
	if err == nil || !strings.Contains(err.Error(), "connection refused") || strings.Contains(err.Error(), "\n") {
		t.Errorf("Ping: got error %v, want one line with connection refused", err)
	}
}

func TestStatementThatMayHaveDoneItsWorkIsNotTriedAgain(t *testing.T) {
	t.Parallel()

	for err, want := range map[error]bool{
		&pgconn.PgError{Code: "57P01", Message: "terminating connection"}: true,
		&pgconn.PgError{Code: "57014", Message: "canceling statement"}:    false,
		&pgconn.PgError{Code: "42P01", Message: "no such table"}:          false,
		errors.New("unexpected EOF"):                                      false,
	} {
		if got := errors.Is(unavailable(err), hello.ErrUnavailable); got != want {
			t.Errorf("%v: got unavailable %t, want %t", err, got, want)
		}
	}
}
