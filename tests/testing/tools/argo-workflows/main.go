// Argo-workflows checks a WorkflowTemplate as Argo's own lint does, then runs its steps of http
// templates: Argo substitutes the parameters and evaluates the expressions, this program makes the
// requests as Argo's agent does and, unlike it, repeats them without a pause.
//
// Usage: argo-workflows FILE [NAME=VALUE...], with the values of the Secrets' keys in the
// environment, as SECRET_name_key. It prints the outputs of the entry point.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v3/util/expr/argoexpr"
	exprenv "github.com/argoproj/argo-workflows/v3/util/expr/env"
	"github.com/argoproj/argo-workflows/v3/util/template"
	"github.com/argoproj/argo-workflows/v3/workflow/common"
	"github.com/argoproj/argo-workflows/v3/workflow/validate"
	"github.com/expr-lang/expr"
)

// scope has the values that a template may refer to, by full names such as "inputs.parameters.url".
type scope map[string]any

// outcome is how the entry point ended.
type outcome struct {
	Outputs map[string]string `json:"outputs"`
	Failed  string            `json:"failed"`
}

func main() {
	result, err := run(os.Args[1], os.Args[2:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "argo-workflows:", err)
		os.Exit(2)
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		os.Exit(2)
	}
}

// run reads and checks a file, and runs its entry point with the arguments if there are any.
func run(file string, arguments []string) (outcome, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return outcome{}, err
	}
	workflows, err := common.SplitWorkflowTemplateYAMLFile(text, true)
	if err != nil {
		return outcome{}, err
	}
	workflow := &workflows[0]
	options := validate.ValidateOpts{Lint: true, WorkflowTemplateValidation: true}
	if err := validate.ValidateWorkflowTemplate(nil, nil, workflow, nil, options); err != nil {
		return outcome{}, err
	}
	if len(arguments) == 0 {
		return outcome{}, nil
	}
	entry := workflow.GetTemplateByName(workflow.Spec.Entrypoint)
	values := scope{"workflow.name": "test"}
	defaults, err := substituted(entry.Inputs, values)
	if err != nil {
		return outcome{}, err
	}
	for _, parameter := range defaults.Parameters {
		values["inputs.parameters."+parameter.Name] = parameter.Value.String()
	}
	for _, argument := range arguments {
		name, value, _ := strings.Cut(argument, "=")
		values["inputs.parameters."+name] = value
	}
	return steps(workflow, entry, values)
}

// steps runs the steps of a template one after another, then evaluates its outputs.
func steps(workflow *wfv1.WorkflowTemplate, entry *wfv1.Template, values scope) (outcome, error) {
	for _, parallel := range entry.Steps {
		for _, raw := range parallel.Steps {
			step, err := substituted(raw, values)
			if err != nil {
				return outcome{}, fmt.Errorf("step %s: %w", raw.Name, err)
			}
			inputs := scope{}
			for _, parameter := range step.Arguments.Parameters {
				inputs["inputs.parameters."+parameter.Name] = parameter.Value.String()
			}
			result, failed, err := attempts(workflow.GetTemplateByName(step.Template), inputs)
			if err != nil || failed != "" {
				return outcome{Failed: strings.TrimSpace(step.Name + " " + failed)}, err
			}
			values["steps."+step.Name+".outputs.result"] = result
		}
	}
	outputs := map[string]string{}
	for _, parameter := range entry.Outputs.Parameters {
		value, err := expr.Eval(parameter.ValueFrom.Expression, exprenv.GetFuncMap(values))
		if err != nil {
			return outcome{}, err
		}
		outputs[parameter.Name] = fmt.Sprint(value)
	}
	return outcome{Outputs: outputs}, nil
}

// attempts makes the request of an http template until its retry strategy ends.
func attempts(tmpl *wfv1.Template, inputs scope) (result, failed string, err error) {
	for attempt := 0; ; attempt++ {
		one, err := substituted(*tmpl, inputs)
		if err != nil {
			return "", "", fmt.Errorf("template %s: %w", tmpl.Name, err)
		}
		result, failed, err = request(one.HTTP)
		if err != nil {
			return "", "", err
		}
		retry := one.RetryStrategy
		if failed == "" || retry == nil || attempt >= retry.Limit.IntValue() {
			return result, failed, nil
		}
		if retry.Expression != "" {
			last := map[string]any{"lastRetry.message": failed, "lastRetry.status": "Failed"}
			again, err := argoexpr.EvalBool(retry.Expression, exprenv.GetFuncMap(last))
			if err != nil || !again {
				return result, failed, err
			}
		}
	}
}

// request makes one request; failed is the message of a node that Argo would mark as failed.
func request(call *wfv1.HTTP) (result, failed string, err error) {
	message, err := http.NewRequest(call.Method, call.URL, strings.NewReader(call.Body))
	if err != nil {
		return "", "", err
	}
	for _, header := range call.Headers {
		value := header.Value
		if header.ValueFrom != nil {
			key := header.ValueFrom.SecretKeyRef
			value = os.Getenv("SECRET_" + key.Name + "_" + key.Key)
		}
		message.Header.Add(header.Name, value)
	}
	response, err := http.DefaultClient.Do(message)
	if err != nil {
		return "", "", err
	}
	body, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return "", "", err
	}
	if call.SuccessCondition == "" {
		if response.StatusCode < 200 || response.StatusCode > 299 {
			failed = fmt.Sprintf("received non-2xx response code: %d", response.StatusCode)
		}
		return string(body), failed, nil
	}
	succeeded, err := argoexpr.EvalBool(call.SuccessCondition, map[string]any{
		"response": map[string]any{
			"statusCode": response.StatusCode, "body": string(body), "headers": response.Header,
		},
	})
	if err == nil && !succeeded {
		failed = fmt.Sprintf("successCondition '%s' evaluated false", call.SuccessCondition)
	}
	return string(body), failed, err
}

// substituted returns a copy in which every reference has its value.
func substituted[T any](value T, values scope) (T, error) {
	var filled T
	text, err := json.Marshal(value)
	if err != nil {
		return filled, err
	}
	parsed, err := template.NewTemplate(string(text))
	if err != nil {
		return filled, err
	}
	replaced, err := parsed.Replace(values, false)
	if err != nil {
		return filled, err
	}
	return filled, json.Unmarshal([]byte(replaced), &filled)
}
