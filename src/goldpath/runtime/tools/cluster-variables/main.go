// Cluster-variables substitutes the variables in manifests of Cluster API, as clusterctl does:
// it runs only the YAML processor of clusterctl, which reads neither the machine nor the network.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sort"

	"sigs.k8s.io/cluster-api/cmd/clusterctl/client/yamlprocessor"
)

// manifest is the text of a file, and the values of its variables.
type manifest struct {
	Text   string            `json:"text"`
	Values map[string]string `json:"values"`
}

// answer is the text after substitution, or else the names of variables without a value, or the
// reason why the text cannot be read.
type answer struct {
	Text    string   `json:"text"`
	Missing []string `json:"missing"`
	Reason  string   `json:"reason"`
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "cluster-variables:", err)
		os.Exit(2)
	}
}

// run reads a list of manifests as JSON, and prints the list of answers.
func run(in io.Reader, out io.Writer) error {
	var manifests []manifest
	if err := json.NewDecoder(in).Decode(&manifests); err != nil {
		return err
	}
	answers := make([]answer, 0, len(manifests))
	for _, one := range manifests {
		answers = append(answers, fill(one))
	}
	return json.NewEncoder(out).Encode(answers)
}

// fill substitutes the variables of a manifest.
func fill(one manifest) answer {
	processor := yamlprocessor.NewSimpleProcessor()
	result := answer{Missing: []string{}}
	defaults, err := processor.GetVariableMap([]byte(one.Text))
	if err != nil {
		result.Reason = err.Error()
		return result
	}
	for name, value := range defaults {
		if _, set := one.Values[name]; !set && value == nil {
			result.Missing = append(result.Missing, name)
		}
	}
	sort.Strings(result.Missing)
	if len(result.Missing) > 0 {
		return result
	}
	text, err := processor.Process([]byte(one.Text), func(name string) (string, error) {
		value, set := one.Values[name]
		if !set {
			return "", fmt.Errorf("%s has no value", name)
		}
		return value, nil
	})
	if err != nil {
		result.Reason = err.Error()
		return result
	}
	result.Text = string(text)
	return result
}
