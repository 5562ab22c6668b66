package main

import (
	"encoding/json"
	"flag"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	hellov1 "github.com/seungkyu/tks-contract/api/hello/v1"
	"github.com/seungkyu/tks-contract/internal/config"
)

// table returns the rows of the tables below a heading of docs/operations.md by
// their first cell. Cells have no backticks any more.
func table(t *testing.T, heading string) map[string][]string {
	t.Helper()

	content, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(content), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("docs/operations.md has no heading %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")

	rows := map[string][]string{}
	for line := range strings.Lines(section) {
		line = strings.TrimSpace(strings.ReplaceAll(line, "`", ""))
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "| ---") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if _, ok := rows[cells[0]]; ok {
			t.Errorf("%s has two rows", cells[0])
		}
		rows[cells[0]] = cells[1:]
	}

	return rows
}

// compare fails the test unless both have the same rows.
func compare(t *testing.T, documented, found map[string][]string) {
	t.Helper()

	for _, name := range slices.Sorted(maps.Keys(found)) {
		if row, ok := documented[name]; !ok {
			t.Errorf("%s is not in docs/operations.md, or not in its table", name)
		} else if !slices.Equal(row, found[name]) {
			t.Errorf("%s: docs/operations.md has %q, want %q", name, row, found[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(documented)) {
		if _, ok := found[name]; !ok {
			t.Errorf("%s is in docs/operations.md only", name)
		}
	}
}

// withoutMeaning cuts the header row and the last cell of the rows, which is
// for people and must not be empty.
func withoutMeaning(t *testing.T, header string, rows map[string][]string) map[string][]string {
	t.Helper()

	delete(rows, header)
	for name, row := range rows {
		if row[len(row)-1] == "" {
			t.Errorf("%s has no meaning in docs/operations.md", name)
		}
		rows[name] = row[:len(row)-1]
	}

	return rows
}

func TestEveryFlagIsDocumentedWithVariableAndDefault(t *testing.T) {
	t.Parallel()

	found := map[string][]string{}
	newFlags(&config.Config{}, &storage{}).VisitAll(func(f *flag.Flag) {
		found["-"+f.Name] = []string{config.Variable(f.Name), f.DefValue}
	})

	compare(t, withoutMeaning(t, "flag", table(t, "Flags")), found)
}

// What no flag with a range accepts. All other flags take any text.
func TestEveryFlagOutOfRangeIsRefusedByItsNameAndTheRange(t *testing.T) {
	t.Parallel()

	texts := []string{
		"dbhost", "dbname", "dbpassword-file", "dbsslrootcert", "dbuser", "tls-cert", "tls-client-ca", "tls-key",
	}
	newFlags(&config.Config{}, &storage{}).VisitAll(func(f *flag.Flag) {
		if slices.Contains(texts, f.Name) {
			return
		}
		code, stderr := fail(t, "-"+f.Name+"=-1")
		if code != 2 || strings.Count(stderr, "\n") != 1 {
			t.Errorf("-%s: got code %d and %q, want code 2 and one line", f.Name, code, stderr)
		}
		if !strings.Contains(stderr, "-"+f.Name+": want ") {
			t.Errorf("-%s: %q does not name the flag and what it accepts", f.Name, stderr)
		}
	})
}

// families returns type and labels of the metrics in the text of a scrape. Those
// of the Go runtime and of the process count as one each.
func families(scrape string) map[string][]string {
	all := map[string][]string{}
	name := ""
	for line := range strings.Lines(scrape) {
		words := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "# TYPE go_"), strings.HasPrefix(line, "# TYPE process_"):
			prefix, _, _ := strings.Cut(words[2], "_")
			name = prefix + "_*"
			all[name] = []string{"several", ""}
		case strings.HasPrefix(line, "# TYPE "):
			name = words[2]
			all[name] = []string{words[3], ""}
		case !strings.HasPrefix(line, "#") && all[name][0] != "several":
			var labels []string
			for _, match := range regexp.MustCompile(`[{,](\w+)="`).FindAllStringSubmatch(line, -1) {
				if match[1] != "le" {
					labels = append(labels, match[1])
				}
			}
			all[name][1] = strings.Join(labels, ", ")
		}
	}

	return all
}

// realMetrics returns the metrics of a server with its storage.
func realMetrics(t *testing.T) map[string][]string {
	t.Helper()

	server := start(t)
	if _, err := hellov1.NewHelloServiceClient(server.conn).SayHello(t.Context(), &hellov1.SayHelloRequest{Name: "Ada"}); err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.metrics, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	scrape, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}

	// The server above keeps its greetings in memory, so the rest is added.
	registry := prometheus.NewRegistry()
	registry.MustRegister(storageCollector(t))
	recorder := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(recorder, request)

	return families(string(scrape) + recorder.Body.String())
}

func TestEveryMetricIsDocumentedWithTypeAndLabels(t *testing.T) {
	t.Parallel()

	compare(t, withoutMeaning(t, "metric", table(t, "Metrics")), realMetrics(t))
}

func TestDashboardAndAlertsUseMetricsThatThereAre(t *testing.T) {
	t.Parallel()

	found := realMetrics(t)
	for _, path := range []string{"dashboard.json", "alerts.yaml"} {
		content, err := os.ReadFile("../../deploy/observability/" + path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(path, ".json") && !json.Valid(content) {
			t.Errorf("%s is not JSON", path)
		}
		used := regexp.MustCompile(`\b(grpc_server|db_pool|service_build)_\w+`).FindAllString(string(content), -1)
		if len(used) == 0 {
			t.Errorf("%s uses no metric", path)
		}
		for _, name := range used {
			// A histogram is asked for by its buckets.
			if _, ok := found[strings.TrimSuffix(name, "_bucket")]; !ok {
				t.Errorf("%s uses %s, which there is not", path, name)
			}
		}
	}
}

func TestEveryAlertIsDocumented(t *testing.T) {
	t.Parallel()

	content, err := os.ReadFile("../../deploy/observability/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	matches := regexp.MustCompile(`(?m)^ *- alert: (\w+)$`).FindAllStringSubmatch(string(content), -1)
	alerts := make([]string, 0, len(matches))
	for _, match := range matches {
		alerts = append(alerts, match[1])
	}
	documented := table(t, "Alerts")
	delete(documented, "alert")

	slices.Sort(alerts)
	if names := slices.Sorted(maps.Keys(documented)); !slices.Equal(names, alerts) {
		t.Errorf("docs/operations.md has the alerts %v, want %v", names, alerts)
	}
}
