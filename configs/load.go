package configs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxFile bounds a configuration file, in bytes: a wrong path must not fill the memory.
const maxFile = 4 << 20

// Load reads file and lays environ (as of os.Environ) over it. The error is Problems when the file could be read.
func Load(file string, environ []string) (*Config, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("configuration %s: larger than %d bytes", file, maxFile)
	}
	return Parse(text, environ)
}

// Parse is Load on bytes. All problems come at once, as Problems.
func Parse(text []byte, environ []string) (*Config, error) {
	c := Default()
	d := &decoder{lines: map[string]int{}}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF): // an empty file: defaults and variables
	case err != nil:
		return nil, Problems{{Text: strings.TrimPrefix(err.Error(), "yaml: ")}}
	default:
		d.value("", doc.Content[0], reflect.ValueOf(&c).Elem())
		if err := dec.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
			d.problem("", nil, "holds more than one document")
		}
	}
	d.environment(environ, reflect.ValueOf(&c).Elem())
	c.settle()
	v := &validator{decoder: d}
	v.config(&c)
	if len(d.problems) > 0 {
		return nil, d.problems
	}
	return &c, nil
}

// environment lays RESIFT_A_B over a.b; list elements are counted: RESIFT_INDICES_0_WINDOW, and in a name - is _. A list of texts is one value,
// split at commas. Variables that name no key are left alone: container platforms set RESIFT_PORT and the like for a
// service called resift.
func (d *decoder) environment(environ []string, c reflect.Value) {
	values := map[string]string{}
	for _, e := range environ {
		if name, value, ok := strings.Cut(e, "="); ok && strings.HasPrefix(name, "RESIFT_") {
			values[name] = value
		}
	}
	if len(values) > 0 {
		d.override(values, "RESIFT", c)
	}
}

func (d *decoder) override(values map[string]string, name string, v reflect.Value) {
	switch {
	case v.Kind() == reflect.Struct:
		for i, field := range fields(v.Type()) {
			d.override(values, name+"_"+strings.ToUpper(field), v.Field(i))
		}
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct:
		for i := range v.Len() {
			d.override(values, fmt.Sprintf("%s_%d", name, i), v.Index(i))
		}
	case v.Kind() == reflect.Map:
		for at := v.MapRange(); at.Next(); {
			item := reflect.New(v.Type().Elem()).Elem()
			item.Set(at.Value())
			d.override(values, name+"_"+strings.ToUpper(strings.ReplaceAll(at.Key().String(), "-", "_")), item)
			v.SetMapIndex(at.Key(), item)
		}
	case v.Kind() == reflect.Slice:
		if s, ok := values[name]; ok {
			var list []string
			for item := range strings.SplitSeq(s, ",") {
				if item = strings.TrimSpace(item); item != "" {
					list = append(list, item)
				}
			}
			v.Set(reflect.ValueOf(list))
		}
	default:
		if s, ok := values[name]; ok {
			if err := setScalar(v, s, ""); err != nil {
				d.problem(name, nil, "%v", err)
			}
		}
	}
}

// Print writes the effective configuration as YAML, secrets masked.
func (c *Config) Print(w io.Writer) error {
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(c); err != nil {
		return fmt.Errorf("print configuration: %w", err)
	}
	return enc.Close()
}
