package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/seungkyu/tks-contract/internal/postgres"
)

func TestServerWarnsThatItForgetsWithoutADatabase(t *testing.T) {
	t.Parallel()

	logs := start(t).logs.String()
	if !strings.Contains(logs, `"level":"WARN"`) || !strings.Contains(logs, "lost when the server stops") {
		t.Errorf("the log lacks a warning:\n%s", logs)
	}
}

func TestServerReportsWrongDatabaseFlagsOnOneLine(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		args []string
		want string
	}{
		"port out of range": {
			[]string{"-dbport", "0"},
			"server: invalid value \"0\" for flag -dbport: want a whole number from 1 to 65535 (see -help)\n",
		},
		"no user": {
			[]string{"-dbhost", "db", "-dbname", "greetings"},
			"server: flag -dbuser is needed with -dbhost: want the name of a PostgreSQL user (see -help)\n",
		},
		"no name": {
			[]string{"-dbhost", "db", "-dbuser", "ada"},
			"server: flag -dbname is needed with -dbhost: want the name of a PostgreSQL database (see -help)\n",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			code, stderr := fail(t, test.args...)
			if code != 2 || stderr != test.want {
				t.Errorf("got exit code %d and %q, want 2 and %q", code, stderr, test.want)
			}
		})
	}
}

func TestServerReportsAnUnreadablePasswordFile(t *testing.T) {
	t.Parallel()

	path := filepath.Join(t.TempDir(), "missing")

	code, stderr := fail(t, "-port", "0", "-metrics-port", "0", "-dbhost", "localhost", "-dbuser", "ada", "-dbname", "greetings",
		"-dbpassword-file", path)
	want := "server: cannot read -dbpassword-file: open " + path + ": no such file or directory\n"
	if code != 1 || stderr != want {
		t.Errorf("got exit code %d and %q, want 1 and %q", code, stderr, want)
	}
}

func TestServerReportsAnUnreachableDatabaseOnOneLine(t *testing.T) {
	t.Parallel()

	// Nobody answers on this port, which is reserved.
	code, stderr := fail(t, "-port", "0", "-dbhost", "127.0.0.1", "-dbport", "1", "-dbuser", "ada", "-dbname", "greetings",
		"-metrics-port", "0", "-dbwait", "0s")
	if code != 1 || !strings.HasPrefix(stderr, "server: cannot reach the database: ") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("got exit code %d and %q, want 1 and one line that says what is wrong", code, stderr)
	}
}

func TestServerStopsWhileItWaitsForTheDatabase(t *testing.T) {
	t.Parallel()

	// Nobody answers on this port, which is reserved.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	waiting := make(chan string, 100)
	done := make(chan error, 1)
	args := []string{
		"server", "-port", "0", "-metrics-port", "0", "-dbhost", "127.0.0.1", "-dbport", "1", "-dbuser", "ada", "-dbname", "x",
	}
	go func() { done <- run(ctx, args, nil, &bytes.Buffer{}, lines(waiting)) }()

	select {
	case line := <-waiting:
		if !strings.Contains(line, "the database is not there yet") {
			t.Errorf("got line %q, want the failed attempt", line)
		}
	case <-time.After(patience):
		t.Fatal("the server logged nothing")
	}
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("got error %v, want none", err)
		}
	case <-time.After(patience):
		t.Fatal("the server did not stop")
	}
}

// lines sends each line of a log to whoever receives from it.
type lines chan<- string

func (l lines) Write(line []byte) (int, error) {
	l <- string(line)

	return len(line), nil
}

// storageCollector returns what measures the storage. Its connections are made
// when they are needed, so there need not be a database.
func storageCollector(t *testing.T) prometheus.Collector {
	t.Helper()

	pool, err := pgxpool.New(t.Context(), "host=127.0.0.1 port=1 user=ada dbname=greetings")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)

	return postgres.NewCollector(pool)
}
