package config

import (
	"cmp"
	"errors"
	"flag"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func parseDatabase(t *testing.T, args ...string) (database Database, err error) {
	t.Helper()
	flags := flag.NewFlagSet("server", flag.ContinueOnError)
	database.AddFlags(flags)
	err = Parse(flags, args, io.Discard)
	return database, cmp.Or(err, database.Validate())
}

func TestEveryDatabaseFlagHasADefaultAndItsOwnSetting(t *testing.T) {
	got, err := parseDatabase(t)
	want := Database{Port: "5432", SSLMode: "prefer", Prepare: true, Wait: time.Minute}
	if err != nil || got != want {
		t.Errorf("got %+v and error %v, want %+v", got, err, want)
	}
	got, err = parseDatabase(t, "-dbhost", "db", "-dbport", "6432", "-dbuser", "ada", "-dbname", "greetings",
		"-dbpassword-file", "password", "-dbwait", "0s", "-dbsslmode", "verify-full", "-dbsslrootcert", "ca.crt",
		"-dbprepare=false")
	want = Database{
		Host: "db", Port: "6432", User: "ada", Name: "greetings", PasswordFile: "password",
		SSLMode: "verify-full", SSLRootCert: "ca.crt",
	}
	if err != nil || got != want {
		t.Errorf("got %+v and error %v, want %+v", got, err, want)
	}
}

func TestDatabaseFlagSaysWhatItAccepts(t *testing.T) {
	const port = " for flag -dbport: want a whole number from 1 to 65535"
	for args, want := range map[string]string{
		"-dbport=0":     `invalid value "0"` + port,
		"-dbport=65536": `invalid value "65536"` + port,
		"-dbsslmode=on": `invalid value "on" for flag -dbsslmode: ` +
			"want disable, prefer, require, verify-ca or verify-full",
		"-dbname=x":                   "flag -dbhost is needed with -dbuser, -dbname and -dbpassword-file: want the host of PostgreSQL",
		"-dbhost=x -dbname=greetings": "flag -dbuser is needed with -dbhost: want the name of a PostgreSQL user",
		"-dbhost=x -dbuser=ada":       "flag -dbname is needed with -dbhost: want the name of a PostgreSQL database",
	} {
		_, err := parseDatabase(t, strings.Fields(args)...)
		wantUsage(t, err, want)
	}
}

func TestPasswordLosesOneTrailingNewline(t *testing.T) {
	database := Database{}
	if got, err := database.Password(); err != nil || got != "" {
		t.Errorf("no file: got %q and error %v, want nothing", got, err)
	}
	database.PasswordFile = filepath.Join(t.TempDir(), "password")
	if _, err := database.Password(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got error %v, want %v", err, fs.ErrNotExist)
	}
	for want, content := range map[string]string{
		"secret": "secret", "secret ": "secret \n", "secret\n": "secret\n\n", " s": " s\n", "": "",
	} {
		if err := os.WriteFile(database.PasswordFile, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := database.Password(); err != nil || got != want {
			t.Errorf("content %q: got %q and error %v, want %q", content, got, err, want)
		}
	}
}
