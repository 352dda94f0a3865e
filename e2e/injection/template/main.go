// Command template runs templates as the sidecar injectors of Istio 1.0 to 1.4 run theirs.
//
// It reads requests from standard input and writes an answer for each, as lines of JSON, until its input ends.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"text/template"
)

// A request is a template with everything that it is run for, one run for each entry of Pods or Data.
type request struct {
	// Minor is the injector's release: "1.4".
	Minor    string
	Template string
	// Mesh is the mesh configuration, without the defaults.
	Mesh   json.RawMessage
	Values map[string]any
	// Pods are of type pod. Each is decoded on its own: an injector refuses only the one that it can't read.
	Pods []json.RawMessage
	// Data takes the place of Pods where a test of the language needs no types.
	Data []any
}

type answer struct {
	// Unreadable says why no run was possible.
	Unreadable string   `json:"unreadable,omitempty"`
	Results    []result `json:"results"`
}

// A result is a text, or the error that a run ended with.
type result struct {
	Text  string `json:"text"`
	Error string `json:"error,omitempty"`
}

func main() {
	requests := json.NewDecoder(os.Stdin)
	answers := json.NewEncoder(os.Stdout)
	for {
		var next request
		err := requests.Decode(&next)
		if errors.Is(err, io.EOF) {
			return
		}
		if err == nil {
			err = answers.Encode(answerTo(next))
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func answerTo(asked request) answer {
	injector, err := releaseOf(asked.Minor)
	if err != nil {
		return answer{Unreadable: err.Error()}
	}
	parsed, err := injector.parse(asked.Template)
	if err != nil {
		return answer{Unreadable: err.Error()}
	}
	dataOf, err := injector.data(asked.Mesh, asked.Values)
	if err != nil {
		return answer{Unreadable: err.Error()}
	}
	var results []result
	for _, data := range asked.Data {
		results = append(results, run(parsed, data))
	}
	for _, text := range asked.Pods {
		var given pod
		if err := json.Unmarshal(text, &given); err != nil {
			results = append(results, result{Error: err.Error()})
			continue
		}
		results = append(results, run(parsed, dataOf(given)))
	}
	return answer{Results: results}
}

func run(parsed *template.Template, data any) result {
	var text strings.Builder
	if err := parsed.Execute(&text, data); err != nil {
		return result{Error: err.Error()}
	}
	return result{Text: text.String()}
}

// A release is what differs between the injectors.
type release struct {
	left, right string
	functions   template.FuncMap
	data        dataSource
}

func releaseOf(minor string) (release, error) {
	var number int
	if _, err := fmt.Sscanf(minor, "1.%d", &number); err != nil || number >= len(dataSources) {
		return release{}, fmt.Errorf("no injector of %q is known", minor)
	}
	found := release{left: "[[", right: "]]", functions: functionsOf(number), data: dataSources[number]}
	if number >= 2 {
		found.left, found.right = "{{", "}}"
	}
	return found, nil
}

// parse reads a template. The injectors were built with Go 1.10 to 1.13: it refuses the words that later versions of Go have
// added to the language. (What and and or do differently since, functionsOf undoes. A range over a number is not noticed.)
func (r release) parse(text string) (*template.Template, error) {
	newer := regexp.MustCompile(regexp.QuoteMeta(r.left) + `(-\s)?\s*(break|continue|else\s+with)\b`)
	if found := newer.FindString(text); found != "" {
		return nil, fmt.Errorf("no injector knows %q", found)
	}
	return template.New("inject").Delims(r.left, r.right).Funcs(r.functions).Parse(text)
}
