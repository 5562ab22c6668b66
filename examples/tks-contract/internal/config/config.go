// Package config reads the settings of the server from its command line.
package config

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"time"
)

// DefaultPort is where the server listens and where the client looks for it
// unless a flag says otherwise. It is text because that is what flags and
// network addresses are made of.
const DefaultPort = "9110"

const (
	defaultShutdownTimeout = 20 * time.Second
	highestPort            = 65535
)

// Config holds the settings of the server that do not depend on its storage.
type Config struct {
	// Port is the TCP port to listen on. "0" lets the system choose a free one.
	Port string
	// Reflection lets tools such as grpcurl ask the server for its API.
	Reflection bool
	// ShutdownTimeout is how long calls may take to finish after a stop signal.
	ShutdownTimeout time.Duration
	// Version asks for the version instead of a running server.
	Version bool
}

// AddFlags declares the flags that fill c, which then holds their defaults.
func (c *Config) AddFlags(flags *flag.FlagSet) {
	portVar(flags, &c.Port, "port", DefaultPort, 0, "TCP `port` to listen on; 0 means any free port")
	BoolVar(flags, &c.Reflection, "reflection", true, "serve gRPC reflection, for tools such as grpcurl")
	PositiveDurationVar(flags, &c.ShutdownTimeout, "shutdown-timeout", defaultShutdownTimeout,
		"`duration` that running calls may take to finish after a stop signal")
	BoolVar(flags, &c.Version, "version", false, "print the version and exit")
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

// PositiveDurationVar declares a duration flag that has to be above zero.
func PositiveDurationVar(flags *flag.FlagSet, target *time.Duration, name string, value time.Duration, usage string) {
	*target = value
	flags.Var(positiveDuration{target}, name, usage)
}

// BoolVar declares a switch. Unlike that of the flag package, its error says
// which values are accepted.
func BoolVar(flags *flag.FlagSet, target *bool, name string, value bool, usage string) {
	*target = value
	flags.Var(boolean{target}, name, usage)
}

// portVar declares a flag for a port from lowest to the highest one there is.
func portVar(flags *flag.FlagSet, target *string, name, value string, lowest uint64, usage string) {
	*target = value
	flags.Var(port{text: target, lowest: lowest}, name, usage)
}

// The flag package calls String on zero values too, to find out whether a
// default is worth printing. That is why each String below bears a nil pointer.

type port struct {
	text   *string
	lowest uint64
}

func (p port) String() string {
	if p.text == nil {
		return ""
	}

	return *p.text
}

func (p port) Set(text string) error {
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil || number < p.lowest || number > highestPort {
		return fmt.Errorf("want a whole number from %d to %d", p.lowest, highestPort)
	}
	*p.text = strconv.FormatUint(number, 10)

	return nil
}

type positiveDuration struct {
	target *time.Duration
}

func (d positiveDuration) String() string {
	if d.target == nil {
		return ""
	}

	return d.target.String()
}

func (d positiveDuration) Set(text string) error {
	duration, err := time.ParseDuration(text)
	if err != nil || duration <= 0 {
		return errors.New("want a duration above 0, such as 500ms, 20s or 1m30s")
	}
	*d.target = duration

	return nil
}

type boolean struct {
	target *bool
}

func (b boolean) String() string {
	return strconv.FormatBool(b.target != nil && *b.target)
}

func (b boolean) Set(text string) error {
	value, err := strconv.ParseBool(text)
	if err != nil {
		return errors.New("want true or false")
	}
	*b.target = value

	return nil
}

// IsBoolFlag lets the flag stand without a value, which then means true.
func (boolean) IsBoolFlag() bool {
	return true
}
