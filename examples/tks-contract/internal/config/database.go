package config

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
)

// Database says how to reach PostgreSQL; what each setting means says its flag. It
// names the file with the password and not the password, so that nobody prints
// the secret by accident.
type Database struct {
	Host, Port, User, Name string
	PasswordFile           string
	SSLMode, SSLRootCert   string
	Prepare                bool
	Wait                   time.Duration
}

// AddFlags declares the flags that fill d, which then holds their defaults.
func (d *Database) AddFlags(flags *flag.FlagSet) {
	flags.StringVar(&d.Host, "dbhost", "", "PostgreSQL `host`; without it greetings are kept in memory only")
	Var(flags, &d.Port, "dbport", "5432", port(1), "PostgreSQL `port`")
	flags.StringVar(&d.User, "dbuser", "", "PostgreSQL `user`; needed with -dbhost")
	flags.StringVar(&d.Name, "dbname", "", "PostgreSQL database `name`; needed with -dbhost")
	flags.StringVar(&d.PasswordFile, "dbpassword-file", "", "`file` that holds the password of -dbuser")
	Var(flags, &d.SSLMode, "dbsslmode", "prefer",
		oneOf("disable", "prefer", "require", "verify-ca", "verify-full"),
		"TLS `mode` of the connections, one of PostgreSQL's: disable, prefer, require, verify-ca or verify-full")
	flags.StringVar(&d.SSLRootCert, "dbsslrootcert", "",
		"PEM `file` of the CAs of PostgreSQL's certificate, if not those of the system")
	Var(flags, &d.Prepare, "dbprepare", true, Switch,
		"use prepared statements; false for a pooler in transaction mode that does not support them")
	Var(flags, &d.Wait, "dbwait", time.Minute, notNegative,
		"`duration` for which the start waits for PostgreSQL; 0 means one attempt")
}

// Validate reports flags that are missing beside the others.
func (d *Database) Validate() error {
	switch {
	case d.Host == "" && (d.User != "" || d.Name != "" || d.PasswordFile != ""):
		return &UsageError{errors.New(
			"flag -dbhost is needed with -dbuser, -dbname and -dbpassword-file: want the host of PostgreSQL")}
	case d.Host != "" && d.User == "":
		return &UsageError{errors.New("flag -dbuser is needed with -dbhost: want the name of a PostgreSQL user")}
	case d.Host != "" && d.Name == "":
		return &UsageError{errors.New("flag -dbname is needed with -dbhost: want the name of a PostgreSQL database")}
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
