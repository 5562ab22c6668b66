package main

import (
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
	facts := buildFacts{version: "dev", commit: "unknown", built: "unknown"}
	if info, ok := debug.ReadBuildInfo(); ok {
		facts.learn(info)
	}
	for _, told := range []struct {
		text   string
		target *string
	}{{version, &facts.version}, {commit, &facts.commit}, {built, &facts.built}} {
		if told.text != "" {
			*told.target = told.text
		}
	}

	return facts
}

// learn takes over what Go knows. The time is that of the commit, which is the
// same for everybody who builds it.
func (b *buildFacts) learn(info *debug.BuildInfo) {
	if info.Main.Version != "" && info.Main.Version != "(devel)" {
		b.version = info.Main.Version
	}
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision":
			b.commit = setting.Value
		case setting.Key == "vcs.time":
			b.built = setting.Value
		case setting.Key == "vcs.modified" && setting.Value == "true":
			b.commit += "-modified"
		}
	}
}

func printVersion(program string, stdout io.Writer) error {
	facts := thisBuild()
	_, err := fmt.Fprintln(stdout, filepath.Base(program), facts.version,
		"commit", facts.commit, "built", facts.built, runtime.Version())

	return err
}
