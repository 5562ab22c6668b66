package main

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestServerSaysThatItForgets(t *testing.T) {
	t.Parallel()

	logs := start(t).logs.String()
	if !strings.Contains(logs, `"level":"INFO"`) || !strings.Contains(logs, "lost when the server stops") {
		t.Errorf("the log does not say so:\n%s", logs)
	}
}

func TestServerHasNoDatabaseFlags(t *testing.T) {
	t.Parallel()

	code, stderr := fail(t, "-dbhost", "localhost")
	want := "server: flag provided but not defined: -dbhost (see -help)\n"
	if code != 2 || stderr != want {
		t.Errorf("got exit code %d and %q, want 2 and %q", code, stderr, want)
	}
}

// storageCollector returns what measures the storage: nothing yet.
func storageCollector(t *testing.T) prometheus.Collector {
	t.Helper()

	return prometheus.NewRegistry()
}
