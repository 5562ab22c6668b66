package main

import (
	"context"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestServerWarnsThatItForgetsWithoutADatabase(t *testing.T) {
	logs := start(t).log
	if !strings.Contains(logs, `"level":"WARN"`) || !strings.Contains(logs, "lost when the server stops") {
		t.Errorf("the log lacks a warning:\n%s", logs)
	}
}

// nowhere has the flags for a database on a reserved port, on which nobody answers.
var nowhere = []string{
	"-port", "0", "-metrics-port", "0", "-dbhost", "127.0.0.1", "-dbport", "1", "-dbuser", "ada", "-dbname", "x",
}

func TestServerReportsADatabaseThatItCannotUseOnOneLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing")
	for want, test := range map[string]struct {
		code int
		args []string
	}{
		"flag -dbuser is needed with -dbhost: want ":    {2, []string{"-dbuser", ""}},
		"cannot read -dbpassword-file: open " + path:    {1, []string{"-dbpassword-file", path}},
		"cannot reach the database: 127.0.0.1 port 1: ": {1, []string{"-dbwait", "0s"}},
	} {
		code, output := execute(t, nil, append(slices.Clone(nowhere), test.args...)...)
		if code != test.code || !strings.HasPrefix(output, "server: "+want) || strings.Count(output, "\n") != 1 {
			t.Errorf("got exit code %d and %q, want %d and one line that begins with %q", code, output, test.code, want)
		}
	}
}

func TestServerStopsWhileItWaitsForTheDatabase(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	log, done := make(lines, 100), make(chan error, 1)
	go func() { done <- run(ctx, append([]string{"server"}, nowhere...), nil, io.Discard, log) }()
	if line := wait(t, "the first attempt", log); !strings.Contains(line, "the database is not there yet") {
		t.Errorf("got log %q, want the failed attempt", line)
	}
	cancel()
	if err := wait(t, "the stop", done); err != nil {
		t.Errorf("got error %v, want none", err)
	}
}
