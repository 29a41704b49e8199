package searchclient

import (
	"testing"
	"time"
)

func TestMultiAnswerIsWrittenBackInPlace(t *testing.T) {
	const one, two = `{"took":1,"hits":{"hits":[]},"status":200}`, `{ "error":{"type":"x"},"status":404 }`
	for name, c := range map[string]struct{ body, with, want string }{
		"compact":           {`{"took":7,"responses":[` + one + `,` + two + `]}`, `{}`, `{"took":9,"responses":[{},` + two + `]}`},
		"pretty":            {"{\n  \"took\" : 7,\n  \"responses\" : [\n    " + one + ",\n    " + two + "\n  ]\n}\n", `{}`, "{\n  \"took\" : 9,\n  \"responses\" : [\n    {},\n    " + two + "\n  ]\n}\n"},
		"took behind":       {`{"responses":[` + one + `,` + two + `],"took":7}`, `[1]`, `{"responses":[[1],` + two + `],"took":9}`},
		"without took":      {`{"responses":[` + one + `,` + two + `],"x":{"responses":1}}`, `{}`, `{"responses":[{},` + two + `],"x":{"responses":1}}`},
		"took of no number": {`{"took":1.5,"responses":[` + one + `,` + two + `]}`, `{}`, `{"took":1.5,"responses":[{},` + two + `]}`},
	} {
		a, err := SplitMulti([]byte(c.body))
		if err != nil || a.Len() != 2 {
			t.Fatalf("%s: %v", name, err)
		}
		if string(a.Response(0)) != one || string(a.Response(1)) != two {
			t.Errorf("%s: %s, %s", name, a.Response(0), a.Response(1))
		}
		if same := a.Append(nil, [][]byte{a.Response(0), a.Response(1)}, 0); string(same) != c.body {
			t.Errorf("%s: written back as %s", name, same)
		}
		if got := a.Append([]byte("x"), [][]byte{[]byte(c.with), a.Response(1)}, 2*time.Millisecond); string(got) != "x"+c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestNoMultiAnswer(t *testing.T) {
	for _, body := range []string{
		``, `[]`, `{}`, `{"responses":{}}`, `{"responses":[1]}`, `{"responses":[]} {}`, `{"responses":[{}],"responses":[]}`, `{"took":1,"took":2,"responses":[]}`,
		`{"took":"1","responses":[]}`, `{"responses":[{}`, `{"responses":[{},]}`,
	} {
		if a, err := SplitMulti([]byte(body)); err == nil {
			t.Errorf("%s: %d responses", body, a.Len())
		}
	}
}

func TestErrorStatus(t *testing.T) {
	for body, want := range map[string]int{
		`{"error":{"type":"x","status":1},"status":404}`: 404, `{"error":"x"}`: 0, `{"error":{},"status":"404"}`: 0, `{"hits":{"error":1},"status":200}`: -1, `{}`: -1,
	} {
		if status, ok := ErrorStatus([]byte(body)); ok != (want >= 0) || ok && status != want {
			t.Errorf("%s: %d, %v", body, status, ok)
		}
	}
}

// FuzzSplitMulti: nothing makes the splitter panic, and what it splits is written back as it was.
func FuzzSplitMulti(f *testing.F) {
	for _, seed := range []string{`{"took":7,"responses":[{"hits":{"hits":[]},"status":200},{"error":1}]}`, "{\n \"responses\" : [ { } ] }\n", `{"responses":[]}`, `{`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := SplitMulti(body)
		if err != nil {
			return
		}
		var responses [][]byte
		for i := range a.Len() {
			responses = append(responses, a.Response(i))
			ErrorStatus(a.Response(i))
		}
		if same := a.Append(nil, responses, 0); string(same) != string(body) {
			t.Fatalf("%q became %q", body, same)
		}
	})
}
