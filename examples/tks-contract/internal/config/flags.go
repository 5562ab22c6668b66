package config

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind is what a flag accepts: in words, and as a function that reads it.
type Kind[T any] struct {
	want  string
	parse func(text string) (T, error)
}

// Kinds of flags, whose errors say more than those of the package flag.
var (
	Switch      = Kind[bool]{"true or false", strconv.ParseBool}
	Positive    = Kind[time.Duration]{"a duration above 0, such as 500ms, 20s or 1m30s", durationFrom(1)}
	notNegative = Kind[time.Duration]{"a duration of 0 or more, such as 0s, 500ms or 1m30s", durationFrom(0)}
)

// Number is a whole number within a range.
func Number[T int | uint32](lowest, highest T) Kind[T] {
	return Kind[T]{fmt.Sprintf("a whole number from %d to %d", lowest, highest), func(text string) (T, error) {
		number, err := strconv.ParseInt(text, 10, 64)
		if number < int64(lowest) || number > int64(highest) {
			return 0, strconv.ErrRange
		}
		return T(number), err
	}}
}

// port is a TCP port from lowest on, or one of the words.
func port(lowest int, words ...string) Kind[string] {
	number := Number(lowest, 65535)
	return Kind[string]{strings.Join(append(words, number.want), " or "), func(text string) (string, error) {
		if slices.Contains(words, text) {
			return text, nil
		}
		parsed, err := number.parse(text)
		return strconv.Itoa(parsed), err
	}}
}

func durationFrom(lowest time.Duration) func(string) (time.Duration, error) {
	return func(text string) (time.Duration, error) {
		duration, err := time.ParseDuration(text)
		if duration < lowest {
			return 0, strconv.ErrRange
		}
		return duration, err
	}
}

func oneOf(names ...string) Kind[string] {
	last := len(names) - 1
	return Kind[string]{strings.Join(names[:last], ", ") + " or " + names[last], func(text string) (string, error) {
		if !slices.Contains(names, text) {
			return "", strconv.ErrSyntax
		}
		return text, nil
	}}
}

// Var declares a flag of a kind.
func Var[T any](flags *flag.FlagSet, target *T, name string, initial T, kind Kind[T], usage string) {
	*target = initial
	flags.Var(value[T]{target, kind}, name, usage)
}

// value is what the package flag needs of a flag.
type value[T any] struct {
	target *T
	kind   Kind[T]
}

// String returns the value. The package flag also calls it without a target, to
// find out whether a default is worth printing.
func (v value[T]) String() string {
	if v.target == nil {
		return ""
	}
	return fmt.Sprint(*v.target)
}

// Set reads text.
func (v value[T]) Set(text string) error {
	parsed, err := v.kind.parse(text)
	if err != nil {
		return errors.New("want " + v.kind.want)
	}
	*v.target = parsed
	return nil
}

// IsBoolFlag is how the package flag asks for flags without a text, such as -pprof.
func (v value[T]) IsBoolFlag() bool {
	_, ok := any(v.target).(*bool)
	return ok
}

// UsageError says that a program cannot run because of how it was called. Its Err
// names the flag and what it accepts.
type UsageError struct {
	Err error
}

// Error returns one sentence and where to read more.
func (e *UsageError) Error() string {
	return e.Err.Error() + " (see -help)"
}

// ExitCode reports err to stderr and returns the code that tells scripts apart a
// wrong call (2) and a failure (1).
func ExitCode(program string, err error, stderr io.Writer) int {
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return 0
	}
	// Some errors have several lines. One line is easier to find among the logs.
	fmt.Fprintf(stderr, "%s: %s\n", program, strings.Join(strings.Fields(err.Error()), " "))
	if _, ok := errors.AsType[*UsageError](err); ok {
		return 2
	}
	return 1
}

// Parse reads args, without the program's name, into flags. After -help it writes
// the usage to help and returns flag.ErrHelp. Other errors are of type *UsageError.
func Parse(flags *flag.FlagSet, args []string, help io.Writer) error {
	// The flag package would print the error and the whole usage, but an error
	// is easier to see when it is the only line.
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}

	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(help, "Usage: %s [flags]\n\n", flags.Name())
		flags.SetOutput(help)
		flags.PrintDefaults()
		return flag.ErrHelp
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q: only flags are accepted", flags.Arg(0))
	}
	if err != nil {
		return &UsageError{err}
	}
	return nil
}

// prefix begins the names of the environment variables that are read, such as
// SERVICE_METRICS_PORT for -metrics-port.
const prefix = "SERVICE_"

// Environment fills the flags that Parse has not met on the command line from
// environ, which has the form of os.Environ. It returns the names of variables
// that look like one for a flag and are not. Its error is of type *UsageError.
func Environment(flags *flag.FlagSet, environ []string) ([]string, error) {
	byVariable, onCommandLine := map[string]string{}, map[string]bool{}
	flags.VisitAll(func(f *flag.Flag) {
		byVariable[prefix+strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))] = f.Name
	})
	flags.Visit(func(f *flag.Flag) { onCommandLine[f.Name] = true })
	// This one is likely to be there for another reason.
	delete(byVariable, prefix+"VERSION")

	var unknown []string
	for _, variable := range environ {
		name, text, _ := strings.Cut(variable, "=")
		flagName, known := byVariable[name]
		// Kubernetes tells all containers about a Service called "service" with
		// SERVICE_PORT=tcp://10.0.0.1:80, which is not meant for the flag.
		if flagName == "port" && strings.Contains(text, "://") {
			known = false
		}
		switch {
		case !strings.HasPrefix(name, prefix), onCommandLine[flagName]:
		case !known:
			unknown = append(unknown, name)
		default:
			if err := flags.Set(flagName, text); err != nil {
				return nil, &UsageError{fmt.Errorf("invalid value %q for environment variable %s: %w", text, name, err)}
			}
		}
	}
	slices.Sort(unknown)
	return unknown, nil
}
