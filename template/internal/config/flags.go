package config

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"
)

const highestPort = 65535

// value is a flag whose error says what the flag accepts.
type value struct {
	text string
	// set stores what the text means.
	set func(text string) error
	// boolean flags may stand without a text, which then means true.
	boolean bool
}

// String returns the text as it was given. The flag package also calls it on a
// zero value, to find out whether a default is worth printing.
func (v *value) String() string {
	return v.text
}

// Set checks and stores text.
func (v *value) Set(text string) error {
	if err := v.set(text); err != nil {
		return err
	}
	v.text = text

	return nil
}

// IsBoolFlag is how the flag package asks for flags without a text.
func (v *value) IsBoolFlag() bool {
	return v.boolean
}

// BoolVar declares a switch.
func BoolVar(flags *flag.FlagSet, target *bool, name string, initial bool, usage string) {
	*target = initial
	flags.Var(&value{text: strconv.FormatBool(initial), boolean: true, set: func(text string) error {
		parsed, err := strconv.ParseBool(text)
		if err != nil {
			return errors.New("want true or false")
		}
		*target = parsed

		return nil
	}}, name, usage)
}

// PositiveDurationVar declares a duration flag that has to be above zero.
func PositiveDurationVar(flags *flag.FlagSet, target *time.Duration, name string, initial time.Duration, usage string) {
	*target = initial
	flags.Var(&value{text: initial.String(), set: func(text string) error {
		parsed, err := time.ParseDuration(text)
		if err != nil || parsed <= 0 {
			return errors.New("want a duration above 0, such as 500ms, 20s or 1m30s")
		}
		*target = parsed

		return nil
	}}, name, usage)
}

// durationVar declares a duration flag that may be zero.
func durationVar(flags *flag.FlagSet, target *time.Duration, name string, initial time.Duration, usage string) {
	*target = initial
	flags.Var(&value{text: initial.String(), set: func(text string) error {
		parsed, err := time.ParseDuration(text)
		if err != nil || parsed < 0 {
			return errors.New("want a duration of 0 or more, such as 0s, 500ms or 1m30s")
		}
		*target = parsed

		return nil
	}}, name, usage)
}

// NumberVar declares a flag for a whole number within a range.
func NumberVar[number int | uint32](
	flags *flag.FlagSet, target *number, name string, initial, lowest, highest number, usage string,
) {
	*target = initial
	flags.Var(&value{text: fmt.Sprint(initial), set: func(text string) error {
		parsed, err := strconv.ParseInt(text, 10, 64)
		if err != nil || parsed < int64(lowest) || parsed > int64(highest) {
			return fmt.Errorf("want a whole number from %d to %d", lowest, highest)
		}
		*target = number(parsed)

		return nil
	}}, name, usage)
}

// portVar declares a flag for a port from lowest to the highest one there is.
func portVar(flags *flag.FlagSet, target *string, name, initial string, lowest int, usage string) {
	*target = initial
	flags.Var(&value{text: initial, set: func(text string) error {
		parsed, err := strconv.Atoi(text)
		if err != nil || parsed < lowest || parsed > highestPort {
			return fmt.Errorf("want a whole number from %d to %d", lowest, highestPort)
		}
		*target = strconv.Itoa(parsed)

		return nil
	}}, name, usage)
}

// optionalPortVar declares a flag for a port that need not be there.
func optionalPortVar(flags *flag.FlagSet, target *string, name, initial, usage string) {
	*target = initial
	flags.Var(&value{text: initial, set: func(text string) error {
		if text == Off {
			*target = Off

			return nil
		}
		parsed, err := strconv.Atoi(text)
		if err != nil || parsed < 0 || parsed > highestPort {
			return fmt.Errorf("want %s or a whole number from 0 to %d", Off, highestPort)
		}
		*target = strconv.Itoa(parsed)

		return nil
	}}, name, usage)
}

// levelVar declares a flag for the level of a log.
func levelVar(flags *flag.FlagSet, target *slog.Level, name string, initial slog.Level, usage string) {
	names := []string{"debug", "info", "warn", "error"}
	levels := []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError}
	*target = initial
	flags.Var(&value{text: names[slices.Index(levels, initial)], set: func(text string) error {
		index := slices.Index(names, text)
		if index < 0 {
			return errors.New("want debug, info, warn or error")
		}
		*target = levels[index]

		return nil
	}}, name, usage)
}
