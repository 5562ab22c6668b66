package config_test

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/seungkyu/tks-contract/internal/config"
)

func parse(t *testing.T, args ...string) (config.Config, error) {
	t.Helper()

	var cfg config.Config
	flags := flag.NewFlagSet("server", flag.ContinueOnError)
	cfg.AddFlags(flags)

	return cfg, config.Parse(flags, args, io.Discard)
}

func TestConfigHasDefaults(t *testing.T) {
	t.Parallel()

	got, err := parse(t)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Config{Port: config.DefaultPort, Reflection: true, ShutdownTimeout: 20 * time.Second}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestConfigComesFromTheFlags(t *testing.T) {
	t.Parallel()

	got, err := parse(t, "-port", "0", "-reflection=false", "-shutdown-timeout", "1m30s", "-version")
	if err != nil {
		t.Fatal(err)
	}
	want := config.Config{Port: "0", ShutdownTimeout: 90 * time.Second, Version: true}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestDefaultPortIsAcceptedByItsOwnFlag(t *testing.T) {
	t.Parallel()

	cfg, err := parse(t, "-port", config.DefaultPort)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Port != config.DefaultPort {
		t.Errorf("the flag turned the default port %q into %q", config.DefaultPort, cfg.Port)
	}
}

func TestUsageErrorNamesTheFlagAndWhatItAccepts(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		args []string
		want string
	}{
		"port above the range": {
			[]string{"-port", "65536"},
			`invalid value "65536" for flag -port: want a whole number from 0 to 65535 (see -help)`,
		},
		"port below the range": {
			[]string{"-port", "-1"},
			`invalid value "-1" for flag -port: want a whole number from 0 to 65535 (see -help)`,
		},
		"port that is no number": {
			[]string{"-port", "http"},
			`invalid value "http" for flag -port: want a whole number from 0 to 65535 (see -help)`,
		},
		"empty port": {
			[]string{"-port", ""},
			`invalid value "" for flag -port: want a whole number from 0 to 65535 (see -help)`,
		},
		"timeout of zero": {
			[]string{"-shutdown-timeout", "0s"},
			`invalid value "0s" for flag -shutdown-timeout: ` +
				`want a duration above 0, such as 500ms, 20s or 1m30s (see -help)`,
		},
		"timeout without a unit": {
			[]string{"-shutdown-timeout", "20"},
			`invalid value "20" for flag -shutdown-timeout: ` +
				`want a duration above 0, such as 500ms, 20s or 1m30s (see -help)`,
		},
		"switch that is neither on nor off": {
			[]string{"-reflection=maybe"},
			`invalid boolean value "maybe" for -reflection: want true or false (see -help)`,
		},
		"missing value": {
			[]string{"-port"},
			"flag needs an argument: -port (see -help)",
		},
		"unknown flag": {
			[]string{"-prot", "1"},
			"flag provided but not defined: -prot (see -help)",
		},
		"argument that is no flag": {
			[]string{"start"},
			`unexpected argument "start": only flags are accepted (see -help)`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			_, err := parse(t, test.args...)
			if _, ok := errors.AsType[*config.UsageError](err); !ok {
				t.Fatalf("got error %v of type %T, want a usage error", err, err)
			}
			if got := err.Error(); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestUsageErrorUnwrapsToItsCause(t *testing.T) {
	t.Parallel()

	cause := errors.New("cause")
	if err := error(&config.UsageError{Err: cause}); !errors.Is(err, cause) {
		t.Errorf("%v does not unwrap to its cause", err)
	}
}

func TestHelpShowsEveryFlagWithItsDefault(t *testing.T) {
	t.Parallel()

	var (
		cfg  config.Config
		help bytes.Buffer
	)
	flags := flag.NewFlagSet("server", flag.ContinueOnError)
	cfg.AddFlags(flags)

	if err := config.Parse(flags, []string{"-help"}, &help); !errors.Is(err, flag.ErrHelp) {
		t.Fatalf("got error %v, want %v", err, flag.ErrHelp)
	}
	for _, want := range []string{
		"Usage: server [flags]",
		"-port port", "(default " + config.DefaultPort + ")",
		"-reflection", "(default true)",
		"-shutdown-timeout duration", "(default 20s)",
		"-version",
	} {
		if !strings.Contains(help.String(), want) {
			t.Errorf("the help lacks %q:\n%s", want, help.String())
		}
	}
}
