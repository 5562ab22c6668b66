// Pod-security reads manifests and evaluates every pod template in them, whatever the kind around
// it, against the level "restricted" of the Pod Security Standards in their latest version.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// template is a pod template, or a Pod itself.
type template struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     corev1.PodSpec    `json:"spec"`
}

// finding is a violation of the level by a pod template of an object.
type finding struct {
	Kind    string `json:"kind"`
	Name    string `json:"name"`
	Check   string `json:"check"`
	Message string `json:"message"`
}

// report is the output: the number of pod templates, and the findings.
type report struct {
	Templates int       `json:"templates"`
	Findings  []finding `json:"findings"`
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "pod-security:", err)
		os.Exit(2)
	}
}

// run reads YAML documents and prints the report on them as JSON.
func run(in io.Reader, out io.Writer) error {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return err
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	result := report{Findings: []finding{}}
	documents := yaml.NewYAMLReader(bufio.NewReader(in))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return json.NewEncoder(out).Encode(result)
		}
		if err != nil {
			return err
		}
		var object map[string]any
		if err := yaml.Unmarshal(document, &object); err != nil {
			return err
		}
		kind, name := identity(object)
		templates, err := podTemplates(object)
		if err != nil {
			return fmt.Errorf("%s %s: %w", kind, name, err)
		}
		for _, pod := range templates {
			result.Templates++
			for _, answer := range evaluator.EvaluatePod(restricted, &pod.Metadata, &pod.Spec) {
				if !answer.Allowed {
					result.Findings = append(result.Findings,
						finding{kind, name, answer.ForbiddenReason, answer.ForbiddenDetail})
				}
			}
		}
	}
}

// identity returns the kind and the name of an object.
func identity(object map[string]any) (kind, name string) {
	kind, _ = object["kind"].(string)
	if metadata, ok := object["metadata"].(map[string]any); ok {
		name, _ = metadata["name"].(string)
	}
	return kind, name
}

// podTemplates returns each value with a spec that has containers, at any depth: kinds outside of
// Kubernetes have their pod templates in other fields.
func podTemplates(value any) ([]template, error) {
	var found []template
	var children []any
	switch value := value.(type) {
	case []any:
		children = value
	case map[string]any:
		if spec, ok := value["spec"].(map[string]any); ok && spec["containers"] != nil {
			pod, err := decode(value)
			return []template{pod}, err
		}
		for _, child := range value {
			children = append(children, child)
		}
	}
	for _, child := range children {
		below, err := podTemplates(child)
		if err != nil {
			return nil, err
		}
		found = append(found, below...)
	}
	return found, nil
}

// decode turns an untyped pod template into a typed one.
func decode(value map[string]any) (template, error) {
	var pod template
	text, err := json.Marshal(value)
	if err != nil {
		return pod, err
	}
	return pod, json.Unmarshal(text, &pod)
}
