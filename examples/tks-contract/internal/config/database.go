package config

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// Database says how to reach PostgreSQL. It names the file with the password
// and not the password, so that nobody prints the secret by accident.
type Database struct {
	// Host is a host name, an address, or the folder of a Unix socket.
	Host string
	// Port is the TCP port, also when Host names a Unix socket.
	Port string
	// User is the role to log in as.
	User string
	// Name is the database to use.
	Name string
	// PasswordFile may be empty when the server asks for no password.
	PasswordFile string
	// SSLMode is one of PostgreSQL's, such as verify-full.
	SSLMode string
	// SSLRootCert is a PEM file of CAs. Empty means those of the system.
	SSLRootCert string
	// Prepare is false for a pooler that does not support prepared statements.
	Prepare bool
	// Wait is how long the start may wait for the database. 0 means one attempt.
	Wait time.Duration
}

// AddFlags declares the flags that fill d, which then holds their defaults.
func (d *Database) AddFlags(flags *flag.FlagSet) {
	flags.StringVar(&d.Host, "dbhost", "", "PostgreSQL `host`; without it greetings are kept in memory only")
	portVar(flags, &d.Port, "dbport", "5432", 1, "PostgreSQL `port`")
	flags.StringVar(&d.User, "dbuser", "", "PostgreSQL `user`; needed with -dbhost")
	flags.StringVar(&d.Name, "dbname", "", "PostgreSQL database `name`; needed with -dbhost")
	flags.StringVar(&d.PasswordFile, "dbpassword-file", "", "`file` that holds the password of -dbuser")
	sslModeVar(flags, &d.SSLMode, "dbsslmode", "prefer",
		"TLS `mode` of the connections, one of PostgreSQL's: disable, prefer, require, verify-ca or verify-full")
	flags.StringVar(&d.SSLRootCert, "dbsslrootcert", "",
		"PEM `file` of the CAs of PostgreSQL's certificate, if not those of the system")
	BoolVar(flags, &d.Prepare, "dbprepare", true,
		"use prepared statements; false for a pooler in transaction mode that does not support them")
	durationVar(flags, &d.Wait, "dbwait", time.Minute,
		"`duration` for which the start waits for PostgreSQL; 0 means one attempt")
}

// sslModeVar declares a flag for the TLS mode of PostgreSQL connections.
func sslModeVar(flags *flag.FlagSet, target *string, name, initial, usage string) {
	*target = initial
	flags.Var(&value{text: initial, set: func(text string) error {
		if !slices.Contains([]string{"disable", "prefer", "require", "verify-ca", "verify-full"}, text) {
			return errors.New("want disable, prefer, require, verify-ca or verify-full")
		}
		*target = text

		return nil
	}}, name, usage)
}

// Validate reports flags that are missing beside the others.
func (d *Database) Validate() error {
	if d.Host == "" {
		if d.User != "" || d.Name != "" || d.PasswordFile != "" {
			return errors.New("flag -dbhost is needed with -dbuser, -dbname and -dbpassword-file: " +
				"want the host of PostgreSQL")
		}

		return nil
	}
	if d.User == "" {
		return errors.New("flag -dbuser is needed with -dbhost: want the name of a PostgreSQL user")
	}
	if d.Name == "" {
		return errors.New("flag -dbname is needed with -dbhost: want the name of a PostgreSQL database")
	}

	return nil
}

// Password reads the password file. It is empty when no file is named.
func (d *Database) Password() (string, error) {
	if d.PasswordFile == "" {
		return "", nil
	}
	content, err := os.ReadFile(d.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("cannot read -dbpassword-file: %w", err)
	}

	// Editors and echo end a file with a newline that is not in the password.
	// Only one goes, since a password may well end in white space.
	return strings.TrimSuffix(string(content), "\n"), nil
}
