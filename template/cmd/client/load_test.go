package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
)

func TestLoadMakesAllCallsAndReportsThem(t *testing.T) {
	t.Parallel()

	address := startServer(t)
	report := output(t, "-addr", address, "-name", "Ada", "-calls", "40", "-concurrency", "4", "-connections", "2",
		"-timeout", patience.String())

	names := make([]string, 0, 8)
	for line := range strings.Lines(report) {
		name, _, _ := strings.Cut(line, ": ")
		names = append(names, name)
	}
	want := "calls, seconds, calls per second, p50 in ms, p99 in ms, p100 in ms, OK"
	if got := strings.Join(names, ", "); got != want {
		t.Errorf("got the lines %s, want %s", got, want)
	}
	if !strings.HasPrefix(report, "calls: 40\n") || !strings.HasSuffix(report, "\nOK: 40\n") {
		t.Errorf("got report\n%swant 40 calls, all of them OK", report)
	}
	// A line for each name and one for the columns.
	if got := strings.Count(output(t, "-addr", address, "-list"), "\n"); got != 41 {
		t.Errorf("got %d lines, want 41: each call with a name of its own", got)
	}
}

func TestLoadCountsFailuresByCode(t *testing.T) {
	t.Parallel()

	var stdout bytes.Buffer
	err := run(t.Context(), []string{
		"client", "-addr", startServer(t), "-calls", "3", "-greeting", strings.Repeat("x", 101), "-timeout", patience.String(),
	}, &stdout)
	if err == nil || err.Error() != "3 of 3 calls failed" {
		t.Errorf("got error %v", err)
	}
	if !strings.HasSuffix(stdout.String(), "\nInvalidArgument: 3\n") {
		t.Errorf("got report\n%swant 3 calls with InvalidArgument", stdout.String())
	}
}

func TestLoadThatIsStoppedReportsWhatItHasDone(t *testing.T) {
	t.Parallel()

	// Connections get as far as the listener's queue, so that no call ends by itself.
	address := listen(t).Addr().String()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()

	var stdout bytes.Buffer
	if err := run(ctx, []string{"client", "-addr", address, "-name", "Ada", "-calls", "1000"}, &stdout); err != nil {
		t.Error(err)
	}
	if !strings.HasPrefix(stdout.String(), "calls: 0\n") {
		t.Errorf("got report\n%swant one of no calls", stdout.String())
	}
}

func TestReportCountsTheCallsOfAllWorkers(t *testing.T) {
	t.Parallel()

	outcomes := make([]outcome, 2)
	for i := range 100 {
		part := &outcomes[i%2]
		part.durations = append(part.durations, time.Duration(100-i)*time.Millisecond)
	}
	outcomes[0].codes = map[codes.Code]int{codes.OK: 50}
	outcomes[1].codes = map[codes.Code]int{codes.OK: 49, codes.Unavailable: 1}

	var stdout bytes.Buffer
	err := report(&stdout, 2*time.Second, outcomes)
	want := "calls: 100\nseconds: 2.000\ncalls per second: 50\n" +
		"p50 in ms: 50.000\np99 in ms: 99.000\np100 in ms: 100.000\nOK: 99\nUnavailable: 1\n"
	if got := stdout.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if err == nil || err.Error() != "1 of 100 calls failed" {
		t.Errorf("got error %v, want one that counts", err)
	}
}
