package config

import (
	"flag"
	"fmt"
	"slices"
	"strings"
)

// prefix begins the names of the environment variables that are read.
const prefix = "SERVICE_"

// Variable returns the name of the environment variable that does what the flag
// does, such as SERVICE_METRICS_PORT for metrics-port. It is empty for -version,
// because SERVICE_VERSION is likely to be there for another reason.
func Variable(name string) string {
	if name == "version" {
		return ""
	}

	return prefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// Environment fills the flags that Parse has not met on the command line from
// environ, which has the form of os.Environ. It returns the names of variables
// that look like one for a flag and are not. Its error is of type *UsageError.
func Environment(flags *flag.FlagSet, environ []string) ([]string, error) {
	variables := map[string]string{}
	for _, variable := range environ {
		if name, text, _ := strings.Cut(variable, "="); strings.HasPrefix(name, prefix) {
			variables[name] = text
		}
	}
	// Kubernetes tells all containers about a Service called "service" with
	// SERVICE_PORT=tcp://10.0.0.1:80, which is not meant for the flag.
	link := Variable("port")
	foreign := strings.Contains(variables[link], "://")
	onCommandLine := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { onCommandLine[f.Name] = true })

	var failure error
	flags.VisitAll(func(f *flag.Flag) {
		name := Variable(f.Name)
		text, ok := variables[name]
		if foreign && name == link {
			return
		}
		delete(variables, name)
		if !ok || onCommandLine[f.Name] || failure != nil {
			return
		}
		if err := flags.Set(f.Name, text); err != nil {
			failure = fmt.Errorf("invalid value %q for environment variable %s: %w", text, name, err)
		}
	})
	if failure != nil {
		return nil, &UsageError{Err: failure}
	}

	unknown := make([]string, 0, len(variables))
	for name := range variables {
		unknown = append(unknown, name)
	}
	slices.Sort(unknown)

	return unknown, nil
}
