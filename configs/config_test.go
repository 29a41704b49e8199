package configs

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the expected files")

func TestReferenceShowsEveryKeyWithItsDefault(t *testing.T) {
	got, err := Load("reference.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Engine.URLs = []string{"http://127.0.0.1:9200"}
	want.Reranker.Model = BuiltIn
	rule := DefaultIndex()
	rule.Match, rule.Fields = "*", []string{"title", "text"}
	want.Indices = []Index{rule}
	if !reflect.DeepEqual(*got, want) {
		t.Errorf("reference.yaml differs from the defaults:\n got %+v\nwant %+v", *got, want)
	}
	text, err := os.ReadFile("reference.yaml")
	if err != nil {
		t.Fatal(err)
	}
	eachKey(reflect.TypeFor[Config](), func(key string) {
		if !bytes.Contains(text, []byte(key+":")) {
			t.Errorf("reference.yaml lacks %s", key)
		}
	})
}

func eachKey(typ reflect.Type, f func(string)) {
	for i, name := range fields(typ) {
		f(name)
		switch ft := typ.Field(i).Type; {
		case ft.Kind() == reflect.Struct:
			eachKey(ft, f)
		case ft.Kind() == reflect.Map:
			eachKey(ft.Elem(), f)
		case ft.Kind() == reflect.Slice && ft.Elem().Kind() == reflect.Struct:
			eachKey(ft.Elem(), f)
		}
	}
}

// TestFiles loads testdata/*.good.yaml and compares what is printed with *.good.out; *.bad.yaml with the problems in *.bad.out.
func TestFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			c, err := Load(file, nil)
			var got string
			if good := strings.HasSuffix(file, ".good.yaml"); good != (err == nil) {
				t.Fatalf("good: %v, error: %v", good, err)
			} else if good {
				var b bytes.Buffer
				if err := c.Print(&b); err != nil {
					t.Fatal(err)
				}
				got = b.String()
				again, err := Parse(b.Bytes(), nil)
				if err != nil {
					t.Fatalf("what was printed does not load: %v", err)
				}
				again.Reranker.Token, again.Records.Key = c.Reranker.Token, c.Records.Key // printed masked
				for name, m := range c.Models {
					masked := again.Models[name]
					masked.Token = m.Token
					again.Models[name] = masked
				}
				if !reflect.DeepEqual(again, c) {
					t.Errorf("printed and loaded again it differs:\n%+v\n%+v", again, c)
				}
			} else {
				got = err.Error() + "\n"
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".out"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

const minimal = "engine: {urls: [http://127.0.0.1:9200]}\nreranker: {model: m}\nindices: [{match: '*', fields: [text]}]\n"

func TestVariablesOverrideKeys(t *testing.T) {
	c, err := Parse([]byte(minimal), []string{
		"RESIFT_LISTEN=0.0.0.0:80", "RESIFT_ENGINE_URLS=http://a:9200, http://b:9200", "RESIFT_CACHE_SIZE=1GiB", "RESIFT_ALLOW_NATIVE=false",
		"RESIFT_INDICES_0_WINDOW=50", "RESIFT_INDICES_0_TIMEOUT=150ms", "RESIFT_PORT=tcp://10.0.0.1:80", "RESIFT_ONNXRUNTIME=/lib/x.so", "LISTEN=no",
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "0.0.0.0:80" || len(c.Engine.URLs) != 2 || c.Engine.URLs[1] != "http://b:9200" || c.Cache.Size != 1<<30 || c.Allow.Native ||
		c.Indices[0].Window != 50 || c.Indices[0].Timeout != Duration(150*time.Millisecond) {
		t.Errorf("%+v", c)
	}
	c, err = Parse([]byte(minimal+"models: {small-2: {model: a}, far: {backend: tei, url: 'http://h:1'}}\n"),
		[]string{"RESIFT_MODELS_SMALL_2_MODEL=b", "RESIFT_MODELS_FAR_TOKEN=hunter2", "RESIFT_INDICES_0_MODEL=far", "RESIFT_ALLOW_MODEL=false", "RESIFT_MODELS_NONE_MODEL=c"})
	if err != nil || c.Models["small-2"].Model != "b" || c.Models["far"].Token != "hunter2" || c.Indices[0].Model != "far" || c.Allow.Model || len(c.Models) != 2 {
		t.Errorf("%v %+v", err, c)
	}
	_, err = Parse([]byte(minimal), []string{"RESIFT_CACHE_SIZE=lots", "RESIFT_INDICES_0_WINDOW=0"})
	var p Problems
	if !errors.As(err, &p) || len(p) != 2 || p[0].Path != "RESIFT_CACHE_SIZE" || p[1].Path != "indices[0].window" {
		t.Errorf("%v", err)
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	c, err := Parse([]byte("engine: {urls: [http://127.0.0.1:9200]}\nreranker: {backend: tei, url: http://127.0.0.1:1, token: hunter2}\nrerank_api: {listen: '127.0.0.1:0', token: hunter22}\nindices: [{match: '*', fields: [text]}]\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := c.Print(&b); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "hunter2") || !strings.Contains(b.String(), "********") {
		t.Error(b.String())
	}
	if c.Reranker.Token != "hunter2" || c.RerankAPI.Token != "hunter22" {
		t.Error("the token itself is lost")
	}
}

func TestEmptyFileNamesAllThatIsRequired(t *testing.T) {
	_, err := Parse(nil, nil)
	var p Problems
	if !errors.As(err, &p) || len(p) != 2 {
		t.Fatalf("%v", err)
	}
}

func TestMissingFile(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "none.yaml"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(minimal))
	f.Add([]byte(minimal + "models: {small: {model: m}, far: {backend: tei, url: 'http://h'}, default: [x]}\n"))
	f.Add([]byte("a: &x [*x]"))
	f.Add([]byte("indices: [{match: 1}]\n---\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse(text, nil)
		if (c == nil) == (err == nil) {
			t.Fatal("neither a configuration nor an error")
		}
	})
}
