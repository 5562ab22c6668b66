package config_test

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"log/slog"
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
	want := config.Config{
		Port:        config.DefaultPort,
		MetricsPort: "9090",
		Server: config.Server{
			HealthInterval:        2 * time.Second,
			ShutdownDelay:         3 * time.Second,
			ShutdownTimeout:       20 * time.Second,
			RequestTimeout:        10 * time.Second,
			MaxConnectionAge:      5 * time.Minute,
			MaxConnectionAgeGrace: 30 * time.Second,
			MaxMessageSize:        262144,
			MaxConcurrentStreams:  100,
			MaxInFlight:           300,
		},
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestConfigComesFromTheFlags(t *testing.T) {
	t.Parallel()

	got, err := parse(t, "-port", "0", "-metrics-port", "off", "-pprof", "-log-level", "warn", "-version",
		"-tls-cert", "a", "-tls-key", "b", "-tls-client-ca", "c",
		"-reflection", "-health-interval", "1s", "-shutdown-delay", "0s", "-shutdown-timeout", "1m30s",
		"-request-timeout", "2s", "-max-connection-age", "3s", "-max-connection-age-grace", "4s",
		"-max-message-size", "2048", "-max-concurrent-streams", "5", "-max-in-flight", "6")
	if err != nil {
		t.Fatal(err)
	}
	want := config.Config{
		Port:        "0",
		MetricsPort: config.Off,
		Pprof:       true,
		LogLevel:    slog.LevelWarn,
		TLS:         config.ServerTLS{Cert: "a", Key: "b", ClientCA: "c"},
		Server: config.Server{
			Reflection:            true,
			HealthInterval:        time.Second,
			ShutdownTimeout:       90 * time.Second,
			RequestTimeout:        2 * time.Second,
			MaxConnectionAge:      3 * time.Second,
			MaxConnectionAgeGrace: 4 * time.Second,
			MaxMessageSize:        2048,
			MaxConcurrentStreams:  5,
			MaxInFlight:           6,
		},
		Version: true,
	}
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
		"metrics port that is no port": {
			[]string{"-metrics-port", "none"},
			`invalid value "none" for flag -metrics-port: want off or a whole number from 0 to 65535 (see -help)`,
		},
		"delay below zero": {
			[]string{"-shutdown-delay", "-1s"},
			`invalid value "-1s" for flag -shutdown-delay: ` +
				`want a duration of 0 or more, such as 0s, 500ms or 1m30s (see -help)`,
		},
		"message size below the range": {
			[]string{"-max-message-size", "1023"},
			`invalid value "1023" for flag -max-message-size: want a whole number from 1024 to 1073741824 (see -help)`,
		},
		"level that there is not": {
			[]string{"-log-level", "loud"},
			`invalid value "loud" for flag -log-level: want debug, info, warn or error (see -help)`,
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
		"-reflection", "(default false)",
		"-log-level level", "(default info)",
		"-shutdown-timeout duration", "(default 20s)",
		"-version",
	} {
		if !strings.Contains(help.String(), want) {
			t.Errorf("the help lacks %q:\n%s", want, help.String())
		}
	}
}
