package main

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"runtime/debug"
)

// These are variables because the linker sets them:
// -ldflags "-X main.version=v1.2.3 -X main.commit=4f2a1c9 -X main.built=2026-01-31T12:00:00Z".
var version, commit, built string

// buildFacts say where a program comes from.
type buildFacts struct {
	version, commit, built string
}

// thisBuild returns what the linker was told, or else what Go found out from the
// repository, or else words that say that nobody knows.
func thisBuild() buildFacts {
	var known buildFacts
	if info, ok := debug.ReadBuildInfo(); ok {
		known = factsOf(info)
	}
	return buildFacts{
		version: cmp.Or(version, known.version, "dev"),
		commit:  cmp.Or(commit, known.commit, "unknown"),
		built:   cmp.Or(built, known.built, "unknown"),
	}
}

// factsOf returns what Go knows, with the time of the commit.
func factsOf(info *debug.BuildInfo) buildFacts {
	var facts buildFacts
	if info.Main.Version != "(devel)" {
		facts.version = info.Main.Version
	}
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision":
			facts.commit = setting.Value
		case setting.Key == "vcs.time":
			facts.built = setting.Value
		case setting.Key == "vcs.modified" && setting.Value == "true":
			facts.commit += "-modified"
		}
	}
	return facts
}

func printVersion(program string, stdout io.Writer) error {
	facts := thisBuild()
	_, err := fmt.Fprintln(stdout, filepath.Base(program), facts.version,
		"commit", facts.commit, "built", facts.built, runtime.Version())
	return err
}
