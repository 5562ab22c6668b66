package main

import (
	"bytes"
	"regexp"
	"runtime"
	"runtime/debug"
	"testing"
)

func TestVersionIsOneLineThatSaysWhatIsRunning(t *testing.T) {
	t.Parallel()

	var stdout, stderr bytes.Buffer
	if err := run(t.Context(), []string{"/usr/bin/greeter", "-version"}, nil, &stdout, &stderr); err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`^greeter \S+ commit \S+ built \S+ ` + regexp.QuoteMeta(runtime.Version()) + `\n$`)
	if !want.MatchString(stdout.String()) || stderr.Len() > 0 {
		t.Errorf("got output %q and errors %q, want a match of %s", stdout.String(), stderr.String(), want)
	}
}

func TestVersionComesFromTheRepositoryUnlessTheLinkerIsTold(t *testing.T) {
	t.Parallel()

	facts := buildFacts{version: "dev", commit: "unknown", built: "unknown"}
	facts.learn(&debug.BuildInfo{Main: debug.Module{Version: "(devel)"}})
	if want := (buildFacts{"dev", "unknown", "unknown"}); facts != want {
		t.Errorf("got %+v, want %+v", facts, want)
	}

	facts.learn(&debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "4f2a1c9"},
		{Key: "vcs.time", Value: "2026-01-31T12:00:00Z"},
		{Key: "vcs.modified", Value: "true"},
	}})
	if want := (buildFacts{"v1.2.3", "4f2a1c9-modified", "2026-01-31T12:00:00Z"}); facts != want {
		t.Errorf("got %+v, want %+v", facts, want)
	}
}
