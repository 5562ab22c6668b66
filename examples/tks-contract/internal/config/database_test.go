package config_test

import (
	"errors"
	"flag"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/seungkyu/tks-contract/internal/config"
)

func parseDatabase(t *testing.T, args ...string) (config.Database, error) {
	t.Helper()

	var database config.Database
	flags := flag.NewFlagSet("server", flag.ContinueOnError)
	database.AddFlags(flags)

	return database, config.Parse(flags, args, io.Discard)
}

func writePassword(t *testing.T, content string) string {
	t.Helper()

	path := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}

	return path
}

func TestDatabaseComesFromTheFlags(t *testing.T) {
	t.Parallel()

	got, err := parseDatabase(t, "-dbhost", "db", "-dbport", "6432", "-dbuser", "ada", "-dbname", "greetings",
		"-dbpassword-file", "/run/secrets/password", "-dbwait", "0s", "-dbsslmode", "verify-full",
		"-dbsslrootcert", "/run/secrets/ca.crt", "-dbprepare=false")
	if err != nil {
		t.Fatal(err)
	}
	want := config.Database{
		Host: "db", Port: "6432", User: "ada", Name: "greetings", PasswordFile: "/run/secrets/password",
		SSLMode: "verify-full", SSLRootCert: "/run/secrets/ca.crt",
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestDatabaseHasDefaults(t *testing.T) {
	t.Parallel()

	database, err := parseDatabase(t)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Database{Port: "5432", SSLMode: "prefer", Prepare: true, Wait: time.Minute}
	if database != want {
		t.Errorf("got %+v, want %+v", database, want)
	}
}

func TestDatabasePortHasToBeInRange(t *testing.T) {
	t.Parallel()

	for _, port := range []string{"", "0", "-1", "65536", "postgresql"} {
		t.Run("port "+port, func(t *testing.T) {
			t.Parallel()

			_, err := parseDatabase(t, "-dbport", port)
			want := `invalid value "` + port + `" for flag -dbport: want a whole number from 1 to 65535 (see -help)`
			if err == nil || err.Error() != want {
				t.Errorf("got error %v, want %s", err, want)
			}
		})
	}
}

func TestDatabaseSSLModeHasToBeOneOfPostgreSQL(t *testing.T) {
	t.Parallel()

	_, err := parseDatabase(t, "-dbsslmode", "on")
	const want = `invalid value "on" for flag -dbsslmode: ` +
		`want disable, prefer, require, verify-ca or verify-full (see -help)`
	if err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}

func TestDatabaseNeedsUserAndNameWithAHost(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		database config.Database
		want     string
	}{
		"no host":  {config.Database{}, ""},
		"complete": {config.Database{Host: "db", User: "ada", Name: "greetings"}, ""},
		"name without a host": {
			config.Database{Name: "greetings"},
			"flag -dbhost is needed with -dbuser, -dbname and -dbpassword-file: want the host of PostgreSQL",
		},
		"no user": {
			config.Database{Host: "db", Name: "greetings"},
			"flag -dbuser is needed with -dbhost: want the name of a PostgreSQL user",
		},
		"no name": {
			config.Database{Host: "db", User: "ada"},
			"flag -dbname is needed with -dbhost: want the name of a PostgreSQL database",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			var got string
			if err := test.database.Validate(); err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestPasswordLosesOneTrailingNewline(t *testing.T) {
	t.Parallel()

	for _, test := range []struct{ content, want string }{
		{"secret", "secret"},
		{"secret\n", "secret"},
		{"secret\n\n", "secret\n"},
		{" sec ret \n", " sec ret "},
		{"", ""},
	} {
		database := config.Database{PasswordFile: writePassword(t, test.content)}
		got, err := database.Password()
		if err != nil {
			t.Fatal(err)
		}
		if got != test.want {
			t.Errorf("file content %q gave %q, want %q", test.content, got, test.want)
		}
	}
}

func TestPasswordIsEmptyWithoutAFile(t *testing.T) {
	t.Parallel()

	var database config.Database
	got, err := database.Password()
	if err != nil {
		t.Fatal(err)
	}
	if got != "" {
		t.Errorf("got %q, want nothing", got)
	}
}

func TestPasswordReportsAnUnreadableFile(t *testing.T) {
	t.Parallel()

	database := config.Database{PasswordFile: filepath.Join(t.TempDir(), "missing")}
	_, err := database.Password()
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got error %v, want %v", err, fs.ErrNotExist)
	}
}
