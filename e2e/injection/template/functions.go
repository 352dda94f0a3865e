package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"
)

// functionsOf gives the functions that the injector of a release (the minor of Istio 1) gives to its template, by
// pkg/kube/inject/inject.go of the tags 1.0.9, 1.1.17, 1.2.10, 1.3.8 and 1.4.10. A template that calls another one can't
// be read. The injectors' own render and protoToJSON are left out: no template here has use for them.
func functionsOf(minor int) template.FuncMap {
	ports := portsOf(minor)
	functions := template.FuncMap{
		"and": and,
		"or":  or,

		"annotation": annotation,
		"applicationPorts": func(of []Container) string {
			return ports(of, func(c Container) bool { return c.Name != "istio-proxy" })
		},
		"excludeInboundPort": excludeInboundPort,
		"formatDuration":     formatDuration,
		"includeInboundPorts": func(of []Container) string {
			return ports(of, func(Container) bool { return true })
		},
		"isset":  isSet,
		"toJson": toJSON,
	}
	if minor >= 1 {
		functions["directory"] = func(file string) string { directory, _ := path.Split(file); return directory }
		functions["fromJSON"] = fromJSON
		functions["indent"] = indent
		functions["kubevirtInterfaces"] = func(interfaces string) string { return interfaces }
		functions["toJSON"] = toJSON
		functions["toYaml"] = toYAML
		functions["valueOrDefault"] = textOrDefault
	}
	if minor >= 2 {
		functions["contains"] = func(part, text string) bool { return strings.Contains(text, part) }
		functions["valueOrDefault"] = valueOrDefault
	}
	if minor >= 3 {
		functions["structToJSON"] = structToJSON
		functions["toLower"] = strings.ToLower
	}
	return functions
}

// Up to Go 1.17, and and or work out all of their arguments, so that an error in a later one ends the template. A function
// of the same name brings that back.
func and(first any, others ...any) any {
	return firstWhere(false, first, others)
}

func or(first any, others ...any) any {
	return firstWhere(true, first, others)
}

// firstWhere gives the first value that is as true as wanted, or the last one.
func firstWhere(wanted bool, value any, others []any) any {
	for _, other := range others {
		if truth, _ := template.IsTrue(value); truth == wanted {
			break
		}
		value = other
	}
	return value
}

func annotation(meta ObjectMeta, name string, otherwise any) string {
	if value, isThere := meta.Annotations[name]; isThere {
		return value
	}
	return fmt.Sprint(otherwise)
}

func isSet(entries map[string]string, key string) bool {
	_, isThere := entries[key]
	return isThere
}

func formatDuration(given *Duration) string {
	if given == nil {
		return "1s"
	}
	return (time.Duration(given.Seconds)*time.Second + time.Duration(given.Nanos)).String()
}

// portsOf gives a function that lists the ports of those containers that it is to look at. From 1.4 on, only those of TCP.
func portsOf(minor int) func([]Container, func(Container) bool) string {
	return func(containers []Container, isMeant func(Container) bool) string {
		var numbers []string
		for _, container := range containers {
			for _, port := range container.Ports {
				isTCP := port.Protocol != "UDP" && port.Protocol != "SCTP"
				if isMeant(container) && (isTCP || minor < 4) {
					numbers = append(numbers, strconv.Itoa(int(port.ContainerPort)))
				}
			}
		}
		return strings.Join(numbers, ",")
	}
}

// excludeInboundPort adds a port to a list of ports, unless it is none or is there already.
func excludeInboundPort(port any, excluded string) string {
	wanted := strings.TrimSpace(fmt.Sprint(port))
	if wanted == "" || wanted == "0" {
		return excluded
	}
	var list []string
	for _, entry := range strings.Split(excluded, ",") {
		if entry == wanted {
			return excluded
		}
		if trimmed := strings.TrimSpace(entry); trimmed != "" {
			list = append(list, trimmed)
		}
	}
	return strings.Join(append(list, wanted), ",")
}

func toJSON(entries map[string]string) string {
	if entries == nil {
		return "{}"
	}
	return structToJSON(entries)
}

func structToJSON(value any) string {
	text, err := json.Marshal(value)
	if value == nil || err != nil {
		return "{}"
	}
	return string(text)
}

// fromJSON gives the text {}, not an empty map, for what is no JSON: as the injectors do.
func fromJSON(text string) any {
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		return "{}"
	}
	return value
}

// indent puts spaces before each line but the first.
func indent(spaces int, text string) string {
	return strings.ReplaceAll(text, "\n", "\n"+strings.Repeat(" ", spaces))
}

func textOrDefault(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

func valueOrDefault(value, otherwise any) any {
	if value == "" || value == nil {
		return otherwise
	}
	return value
}

// toYAML writes what JSON can hold as YAML in block style. The injectors' library leaves most texts unquoted, here all are
// quoted, which reads as the same.
func toYAML(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	var plain any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&plain); err != nil {
		return ""
	}
	return strings.Join(yamlLines(plain), "\n") + "\n"
}

// yamlLines gives one line for a scalar or something empty.
func yamlLines(value any) []string {
	var lines []string
	switch value := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			name := structToJSON(key) + ":"
			child := yamlLines(value[key])
			if isBlock(value[key]) {
				lines = append(append(lines, name), indented(child, "  ", "  ")...)
			} else {
				lines = append(lines, name+" "+child[0])
			}
		}
	case []any:
		for _, item := range value {
			lines = append(lines, indented(yamlLines(item), "- ", "  ")...)
		}
	}
	if lines == nil {
		text, _ := json.Marshal(value)
		return []string{string(text)}
	}
	return lines
}

// isBlock tells what is written on lines of its own.
func isBlock(value any) bool {
	switch value := value.(type) {
	case map[string]any:
		return len(value) > 0
	case []any:
		return len(value) > 0
	}
	return false
}

func indented(lines []string, first, others string) []string {
	var result []string
	for index, line := range lines {
		prefix := others
		if index == 0 {
			prefix = first
		}
		result = append(result, prefix+line)
	}
	return result
}
