package config_test

import (
	"errors"
	"flag"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/seungkyu/tks-contract/internal/config"
)

// parseBoth reads args and then environ.
func parseBoth(t *testing.T, args, environ []string) (config.Config, []string, error) {
	t.Helper()

	var cfg config.Config
	flags := flag.NewFlagSet("server", flag.ContinueOnError)
	cfg.AddFlags(flags)
	if err := config.Parse(flags, args, io.Discard); err != nil {
		t.Fatal(err)
	}
	unknown, err := config.Environment(flags, environ)

	return cfg, unknown, err
}

func TestEnvironmentFillsFlagsThatWereNotGiven(t *testing.T) {
	t.Parallel()

	got, unknown, err := parseBoth(t, []string{"-port", "0"}, []string{
		"SERVICE_PORT=loses, so it is not even read", "SERVICE_MAX_CONNECTION_AGE=1h", "SERVICE_PPROF=true",
		"SERVICE_TLS_CERT=a=b", "PORT=1", "HOME=/",
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.Port != "0" || got.Server.MaxConnectionAge != time.Hour || !got.Pprof || got.TLS.Cert != "a=b" {
		t.Errorf("got %+v", got)
	}
	if len(unknown) > 0 {
		t.Errorf("got unknown variables %q, want none", unknown)
	}
}

func TestUnknownVariablesAreNamedWithoutTheirValues(t *testing.T) {
	t.Parallel()

	_, unknown, err := parseBoth(t, nil, []string{
		"SERVICE_PROT=1", "SERVICE_DBPASSWORD=secret", "SERVICE_VERSION=v1", "SERVICE_HOST",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"SERVICE_DBPASSWORD", "SERVICE_HOST", "SERVICE_PROT", "SERVICE_VERSION"}
	if !slices.Equal(unknown, want) {
		t.Errorf("got %q, want %q", unknown, want)
	}
}

func TestLinkToAServiceOfKubernetesIsNoPort(t *testing.T) {
	t.Parallel()

	got, unknown, err := parseBoth(t, nil, []string{"SERVICE_PORT=tcp://10.0.0.1:80", "SERVICE_SERVICE_HOST=10.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	if got.Port != config.DefaultPort || !slices.Equal(unknown, []string{"SERVICE_PORT", "SERVICE_SERVICE_HOST"}) {
		t.Errorf("got port %s and unknown variables %q, want the default and both", got.Port, unknown)
	}
}

func TestBadVariableIsNamedWithWhatItAccepts(t *testing.T) {
	t.Parallel()

	for variable, want := range map[string]string{
		"SERVICE_PORT=": `invalid value "" for environment variable SERVICE_PORT: ` +
			`want a whole number from 0 to 65535 (see -help)`,
		"SERVICE_REFLECTION=on": `invalid value "on" for environment variable SERVICE_REFLECTION: ` +
			`want true or false (see -help)`,
		"SERVICE_MAX_IN_FLIGHT=-1": `invalid value "-1" for environment variable SERVICE_MAX_IN_FLIGHT: ` +
			`want a whole number from 0 to 1000000 (see -help)`,
	} {
		_, _, err := parseBoth(t, nil, []string{variable})
		if _, ok := errors.AsType[*config.UsageError](err); !ok || err.Error() != want {
			t.Errorf("%s: got error %v, want %s", variable, err, want)
		}
	}
}
