package config

import (
	"bytes"
	"cmp"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// parse reads args and then environ.
func parse(t *testing.T, args, environ []string) (settings Config, unknown []string, err error) {
	t.Helper()
	flags := flag.NewFlagSet("server", flag.ContinueOnError)
	settings.AddFlags(flags)
	if err = Parse(flags, args, io.Discard); err == nil {
		unknown, err = Environment(flags, environ)
	}
	return settings, unknown, cmp.Or(err, settings.Validate())
}

// wantUsage fails the test unless err is a usage error with this text.
func wantUsage(t *testing.T, err error, want string) {
	t.Helper()
	want += " (see -help)"
	if _, ok := errors.AsType[*UsageError](err); !ok || err.Error() != want {
		t.Errorf("got error %v\nwant a usage error %s", err, want)
	}
}

func TestEveryFlagHasADefaultAndItsOwnSetting(t *testing.T) {
	defaults := Server{
		HealthInterval: 2 * time.Second, ShutdownDelay: 3 * time.Second, ShutdownTimeout: 20 * time.Second,
		RequestTimeout: 10 * time.Second, MaxConnectionAge: 5 * time.Minute, MaxConnectionAgeGrace: 30 * time.Second,
		MaxMessageSize: 262144, MaxConcurrentStreams: 100, MaxInFlight: 300,
	}
	got, _, err := parse(t, nil, nil)
	want := Config{Port: DefaultPort, MetricsPort: "9090", LogLevel: "info", Server: defaults}
	if err != nil || got != want {
		t.Errorf("got %+v and error %v, want %+v", got, err, want)
	}

	got, _, err = parse(t, []string{
		"-port", "0", "-metrics-port", "off", "-pprof", "-log-level", "warn", "-version",
		"-tls-cert", "a", "-tls-key", "b", "-tls-client-ca", "c",
		"-reflection", "-health-interval", "1s", "-shutdown-delay", "0s", "-shutdown-timeout", "1m30s",
		"-request-timeout", "2s", "-max-connection-age", "3s", "-max-connection-age-grace", "4s",
		"-max-message-size", "2048", "-max-concurrent-streams", "5", "-max-in-flight", "6",
	}, nil)
	want = Config{
		Port: "0", MetricsPort: Off, Pprof: true, LogLevel: "warn", Version: true,
		TLS: ServerTLS{Cert: "a", Key: "b", ClientCA: "c"},
		Server: Server{
			Reflection: true, HealthInterval: time.Second, ShutdownTimeout: 90 * time.Second,
			RequestTimeout: 2 * time.Second, MaxConnectionAge: 3 * time.Second, MaxConnectionAgeGrace: 4 * time.Second,
			MaxMessageSize: 2048, MaxConcurrentStreams: 5, MaxInFlight: 6,
		},
	}
	if err != nil || got != want {
		t.Errorf("got %+v and error %v, want %+v", got, err, want)
	}
}

func TestUsageErrorNamesTheFlagAndWhatItAccepts(t *testing.T) {
	const ports, positive = "want a whole number from 0 to 65535", "want a duration above 0, such as 500ms, 20s or 1m30s"
	for args, want := range map[string]string{
		"-port=65536":          `invalid value "65536" for flag -port: ` + ports,
		"-port=-1":             `invalid value "-1" for flag -port: ` + ports,
		"-port=http":           `invalid value "http" for flag -port: ` + ports,
		"-port=":               `invalid value "" for flag -port: ` + ports,
		"-port":                "flag needs an argument: -port",
		"-metrics-port=none":   `invalid value "none" for flag -metrics-port: want off or a whole number from 0 to 65535`,
		"-shutdown-timeout=0s": `invalid value "0s" for flag -shutdown-timeout: ` + positive,
		"-shutdown-timeout=20": `invalid value "20" for flag -shutdown-timeout: ` + positive,
		"-shutdown-delay=-1s": `invalid value "-1s" for flag -shutdown-delay: ` +
			"want a duration of 0 or more, such as 0s, 500ms or 1m30s",
		"-reflection=maybe":      `invalid boolean value "maybe" for -reflection: want true or false`,
		"-max-message-size=1023": `invalid value "1023" for flag -max-message-size: want a whole number from 1024 to 1073741824`,
		"-log-level=loud":        `invalid value "loud" for flag -log-level: want debug, info, warn or error`,
		"-prot=1":                "flag provided but not defined: -prot",
		"-tls-cert=a":            "flag -tls-key is needed with -tls-cert: want a PEM file",
		"-tls-key=b":             "flag -tls-cert is needed with -tls-key: want a PEM file",
		"-tls-client-ca=c":       "flag -tls-cert is needed with -tls-client-ca: want a PEM file",
		"start":                  `unexpected argument "start": only flags are accepted`,
	} {
		_, _, err := parse(t, []string{args}, nil)
		wantUsage(t, err, want)
	}
}

func TestEnvironmentFillsFlagsThatWereNotGiven(t *testing.T) {
	got, unknown, err := parse(t, []string{"-port", "0"}, []string{
		"SERVICE_PORT=loses, so it is not even read", "SERVICE_MAX_CONNECTION_AGE=1h", "SERVICE_PPROF=true",
		"SERVICE_TLS_CERT=a=b", "SERVICE_TLS_KEY=c", "PORT=1", "HOME=/",
	})
	if err != nil || len(unknown) > 0 ||
		got.Port != "0" || got.Server.MaxConnectionAge != time.Hour || !got.Pprof || got.TLS.Cert != "a=b" {
		t.Errorf("got %+v, unknown variables %q and error %v", got, unknown, err)
	}

	for variable, want := range map[string]string{
		"SERVICE_PORT=":            `"" for environment variable SERVICE_PORT: want a whole number from 0 to 65535`,
		"SERVICE_REFLECTION=on":    `"on" for environment variable SERVICE_REFLECTION: want true or false`,
		"SERVICE_MAX_IN_FLIGHT=-1": `"-1" for environment variable SERVICE_MAX_IN_FLIGHT: want a whole number from 0 to 1000000`,
	} {
		_, _, err := parse(t, nil, []string{variable})
		wantUsage(t, err, "invalid value "+want)
	}
}

func TestVariablesForNoFlagAreNamedWithoutTheirValues(t *testing.T) {
	got, unknown, err := parse(t, nil, []string{
		"SERVICE_PROT=1", "SERVICE_DBPASSWORD=secret", "SERVICE_VERSION=v1", "SERVICE_HOST",
		// What Kubernetes tells about a Service called "service".
		"SERVICE_PORT=tcp://10.0.0.1:80",
	})
	want := []string{"SERVICE_DBPASSWORD", "SERVICE_HOST", "SERVICE_PORT", "SERVICE_PROT", "SERVICE_VERSION"}
	if err != nil || !slices.Equal(unknown, want) || got.Port != DefaultPort {
		t.Errorf("got port %s, unknown variables %q and error %v, want %q", got.Port, unknown, err, want)
	}
}

func TestClientReportsFlagsAndFilesThatItCannotUse(t *testing.T) {
	_, err := (&Client{Address: "localhost"}).Connect()
	wantUsage(t, err, `invalid value "localhost" for flag -addr: want HOST:PORT`)
	_, err = (&Client{Address: "localhost:1", Cert: "a"}).Connect()
	wantUsage(t, err, "flag -tls-key is needed with -tls-cert: want a PEM file")

	err = (&Client{Address: "localhost:1"}).Failed("call to", status.Error(codes.NotFound, "gone"))
	if err.Error() != "call to localhost:1 failed: NotFound: gone" {
		t.Errorf("got error %v", err)
	}

	missing, empty := filepath.Join(t.TempDir(), "missing"), filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, client := range map[string]Client{
		"cannot use -tls-ca: open " + missing:                 {CA: missing},
		"cannot use -tls-ca: no certificate in " + empty:      {CA: empty},
		"cannot use -tls-cert with -tls-key: open " + missing: {Cert: missing, Key: missing},
	} {
		client.Address = "localhost:1"
		if _, err := client.Connect(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got error %v, want one that begins with %q", err, want)
		}
	}
}

func TestClientSpeaksPlainTextUnlessATLSFlagIsGiven(t *testing.T) {
	for security, want := range map[string]string{
		"-tls=false": "insecure", "-tls": "tls", "-tls-server-name=other": "tls",
	} {
		var client Client
		flags := flag.NewFlagSet("client", flag.ContinueOnError)
		client.AddFlags(flags, time.Second)
		if err := Parse(flags, []string{security}, io.Discard); err != nil {
			t.Fatal(err)
		}
		if got, err := client.credentials(); err != nil || got.Info().SecurityProtocol != want {
			t.Errorf("%s: got %v and error %v, want %s", security, got, err, want)
		}
		conn, err := client.Connect()
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
	}
}

func TestExitCodeTellsAWrongCallFromAFailureInOneLine(t *testing.T) {
	failure := errors.New("cannot connect:\n\tfirst address\n\tsecond address")
	for _, test := range []struct {
		err    error
		code   int
		output string
	}{
		{nil, 0, ""},
		{flag.ErrHelp, 0, ""},
		{failure, 1, "program: cannot connect: first address second address\n"},
		{&UsageError{Err: errors.New("wrong")}, 2, "program: wrong (see -help)\n"},
	} {
		var stderr bytes.Buffer
		if code := ExitCode("program", test.err, &stderr); code != test.code || stderr.String() != test.output {
			t.Errorf("%v: got code %d and %q, want %d and %q", test.err, code, stderr.String(), test.code, test.output)
		}
	}
}
