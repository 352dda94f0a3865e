// Prints the fields of Istio's mesh configuration as one line of JSON: messages with the type of each field by its JSON
// name, and the values of enumerations. The version of istio.io/api is that of the file of modules it is run with.
package main

import (
	"encoding/json"
	"os"
	"sort"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	mesh "istio.io/api/mesh/v1alpha1"
)

type fields struct {
	Messages map[string]map[string]string `json:"messages"`
	Enums    map[string][]string          `json:"enums"`
}

// Messages that have a form of their own in JSON.
var wellKnown = map[string]string{
	"google.protobuf.Duration":    "duration",
	"google.protobuf.BoolValue":   "bool",
	"google.protobuf.UInt32Value": "uint32",
	"google.protobuf.Int32Value":  "int32",
	"google.protobuf.UInt64Value": "uint64",
	"google.protobuf.Int64Value":  "int64",
	"google.protobuf.StringValue": "string",
	"google.protobuf.DoubleValue": "double",
	"google.protobuf.FloatValue":  "float",
	"google.protobuf.Struct":      "object",
}

func name(full protoreflect.FullName) string {
	for _, prefix := range []string{"istio.mesh.v1alpha1.", "istio.networking.v1alpha3."} {
		if rest, found := strings.CutPrefix(string(full), prefix); found {
			return rest
		}
	}
	return string(full)
}

// Returns the type of a single value, and follows messages.
func (all *fields) single(field protoreflect.FieldDescriptor) string {
	switch field.Kind() {
	case protoreflect.MessageKind:
		if known, found := wellKnown[string(field.Message().FullName())]; found {
			return known
		}
		if strings.HasPrefix(string(field.Message().FullName()), "google.") {
			return "any"
		}
		all.follow(field.Message())
		return name(field.Message().FullName())
	case protoreflect.EnumKind:
		values := []string{}
		for i := range field.Enum().Values().Len() {
			values = append(values, string(field.Enum().Values().Get(i).Name()))
		}
		sort.Strings(values)
		all.Enums[name(field.Enum().FullName())] = values
		return "enum " + name(field.Enum().FullName())
	default:
		return field.Kind().String()
	}
}

func (all *fields) follow(message protoreflect.MessageDescriptor) {
	known := name(message.FullName())
	if _, found := all.Messages[known]; found {
		return
	}
	of := map[string]string{}
	all.Messages[known] = of
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		switch {
		case field.IsMap():
			of[field.JSONName()] = "map " + all.single(field.MapValue())
		case field.IsList():
			of[field.JSONName()] = "list " + all.single(field)
		default:
			of[field.JSONName()] = all.single(field)
		}
	}
}

func main() {
	all := &fields{map[string]map[string]string{}, map[string][]string{}}
	all.follow((&mesh.MeshConfig{}).ProtoReflect().Descriptor())
	all.follow((&mesh.MeshNetworks{}).ProtoReflect().Descriptor())
	if err := json.NewEncoder(os.Stdout).Encode(all); err != nil {
		panic(err)
	}
}
