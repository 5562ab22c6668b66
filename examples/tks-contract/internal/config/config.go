// Package config reads the settings of the programs from their command line and,
// for the server, from its environment.
package config

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
)

// DefaultPort is where the server listens and where the client looks for it
// unless a flag says otherwise. It is text because that is what flags and
// network addresses are made of.
const DefaultPort = "9110"

// Off is the value of Config.MetricsPort that means no port.
const Off = "off"

// Config holds the settings of the server that do not depend on its storage.
type Config struct {
	// Port is the TCP port of the API. "0" lets the system choose a free one.
	Port string
	// MetricsPort is the TCP port of the metrics, such as Port, or Off.
	MetricsPort string
	// Pprof serves Go's profiles on the metrics port.
	Pprof bool
	// LogLevel is the lowest level that is logged.
	LogLevel slog.Level
	// TLS names the certificate of the server. Without one it speaks plain text.
	TLS ServerTLS
	// Server holds the settings of the gRPC server.
	Server Server
	// Version asks for the version instead of a running server.
	Version bool
}

// AddFlags declares the flags that fill c, which then holds their defaults.
func (c *Config) AddFlags(flags *flag.FlagSet) {
	portVar(flags, &c.Port, "port", DefaultPort, 0, "TCP `port` to listen on; 0 means any free port")
	optionalPortVar(flags, &c.MetricsPort, "metrics-port", "9090",
		"TCP `port` of the Prometheus metrics; 0 means any free port, off means none")
	BoolVar(flags, &c.Pprof, "pprof", false, "serve Go profiles under /debug/pprof/ on the metrics port")
	levelVar(flags, &c.LogLevel, "log-level", slog.LevelInfo, "lowest `level` that is logged: debug, info, warn or error")
	BoolVar(flags, &c.Version, "version", false, "print the version and exit")
	c.TLS.addFlags(flags)
	c.Server.addFlags(flags)
}

// CheckAddress reports an -addr of a client that is not HOST:PORT. Its error is of
// type *UsageError.
func CheckAddress(address string) error {
	if _, port, err := net.SplitHostPort(address); err != nil || port == "" {
		return &UsageError{Err: fmt.Errorf("invalid value %q for flag -addr: want HOST:PORT", address)}
	}

	return nil
}

// Validate reports flags that do not go together.
func (c *Config) Validate() error {
	return c.TLS.validate()
}

// UsageError says that a program cannot run because of how it was called.
type UsageError struct {
	// Err names the flag and what it accepts.
	Err error
}

// Error returns one sentence and where to read more.
func (e *UsageError) Error() string {
	return e.Err.Error() + " (see -help)"
}

// Unwrap returns the error that the command line caused.
func (e *UsageError) Unwrap() error {
	return e.Err
}

// Parse reads args, which do not include the program's name, into flags.
// After -help it writes the usage to help and returns flag.ErrHelp. All other
// errors are of type *UsageError.
func Parse(flags *flag.FlagSet, args []string, help io.Writer) error {
	// The flag package would print the error and the whole usage, but an error
	// is easier to see when it is the only line.
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}

	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		flags.SetOutput(help)
		fmt.Fprintf(flags.Output(), "Usage: %s [flags]\n\n", flags.Name())
		flags.PrintDefaults()

		return flag.ErrHelp
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q: only flags are accepted", flags.Arg(0))
	}
	if err != nil {
		return &UsageError{Err: err}
	}

	return nil
}
