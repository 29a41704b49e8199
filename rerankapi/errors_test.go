package rerankapi

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

type teiFailure struct {
	Error string
	Type  string `json:"error_type"`
}

type documentsFailure struct {
	ID, Message, Detail string
	Error               struct {
		Message, Type string
		Code          int
	}
}

// expectTEI reads an error in TEI's shape, with no other member.
func expectTEI(t *testing.T, a answer, status int, kind, text string) {
	t.Helper()
	var f teiFailure
	d := json.NewDecoder(strings.NewReader(a.body))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil || a.status != status || f.Type != kind || !strings.Contains(f.Error, text) {
		t.Errorf("%d %s (%v), want %d, %s, %q", a.status, a.body, err, status, kind, text)
	}
}

// expectDocuments reads an error in the shape of the others.
func expectDocuments(t *testing.T, a answer, status int, text string) {
	t.Helper()
	var f documentsFailure
	err := json.Unmarshal([]byte(a.body), &f)
	if err != nil || a.status != status || f.Error.Code != status || !strings.Contains(f.Message, text) || f.Detail != f.Message || f.Error.Message != f.Message ||
		f.Error.Type == "" || f.ID != a.header.Get("X-Request-Id") {
		t.Errorf("%d %s (%v), want %d, %q", a.status, a.body, err, status, text)
	}
}

func TestTEIRefusals(t *testing.T) {
	g := start(t, openTiny(t, 0), func(o *Options) { o.Limits.Texts = 3 })
	tests := []struct {
		body, kind, text string
		status           int
	}{
		{``, "Validation", "not JSON", 422},
		{`{"query":"q","texts":["a"]`, "Validation", "not JSON", 422},
		{`{"query":"q","texts":[NaN]}`, "Validation", "not JSON", 422},
		{`{"query":"q","texts":["a"]} x`, "Validation", "not JSON", 422},
		{`[]`, "Validation", "want a JSON object, found an array", 422},
		{`{"texts":["a"]}`, "Validation", "missing field `query`", 422},
		{`{"query":"q"}`, "Validation", "missing field `texts`", 422},
		{`{"query":null,"texts":["a"]}`, "Validation", "missing field `query`", 422},
		{`{"query":1,"texts":["a"]}`, "Validation", "`query`: want a string, found a number", 422},
		{`{"query":"q","texts":"a"}`, "Validation", "`texts`: want a list, found a string", 422},
		{`{"query":"q","texts":[1]}`, "Validation", "`texts`: want a list of strings", 422},
		{`{"query":"q","texts":[null]}`, "Validation", "`texts`: want a list of strings", 422},
		{`{"query":"q","texts":[["a"]]}`, "Validation", "`texts`: want a list of strings", 422},
		{`{"query":"q","texts":["a"],"raw_scores":"yes"}`, "Validation", "`raw_scores`: want true or false, found a string", 422},
		{`{"query":"q","texts":["a"],"documents":["b"]}`, "Validation", "give one", 422},
		{`{"query":"q","texts":[]}`, "Empty", "`texts` cannot be empty", 400},
		{`{"query":" ","texts":["a"]}`, "Empty", "`query` cannot be empty", 400},
		{`{"query":"q","texts":["a","b","c","d"]}`, "Validation", "batch size 4 > maximum allowed batch size 3", 413},
	}
	for _, test := range tests {
		t.Run(test.body, func(t *testing.T) {
			expectTEI(t, g.post(t, "/rerank", test.body), test.status, test.kind, test.text)
		})
	}
	expectDocuments(t, g.post(t, "/rerank", `{"query":"q","documents":[]}`), 400, "`documents` must not be empty")
}

func TestDocumentsRefusals(t *testing.T) {
	g := start(t, openTiny(t, 0), func(o *Options) { o.Limits.Texts = 3 })
	tests := []struct{ body, text string }{
		{``, "not JSON"},
		{`{`, "not JSON"},
		{`"x"`, "want a JSON object, found a string"},
		{`{"documents":["a"]}`, "missing field `query`"},
		{`{"query":"q"}`, "missing field `documents`"},
		{`{"query":{},"documents":["a"]}`, "`query`: want a string, found an object"},
		{`{"query":"q","documents":{}}`, "`documents`: want a list, found an object"},
		{`{"query":"q","documents":[1]}`, "`documents`: want a list of strings or objects"},
		{`{"query":"q","documents":["a",null]}`, "`documents`: want a list of strings or objects"},
		{`{"query":"q","documents":["a",{"title":"b"}]}`, "`documents[1]` has no \"text\""},
		{`{"query":"q","documents":[{"title":"b"}],"rank_fields":["x","y"]}`, "`documents[0]` has no \"x\" or \"y\""},
		{`{"query":"q","documents":[{"title":"b"}],"rank_fields":[""]}`, "`rank_fields`"},
		{`{"query":"q","documents":["a"],"top_n":1.5}`, "`top_n`: want a whole number, found a number 1.5"},
		{`{"query":"q","documents":["a"],"top_n":-1}`, "`top_n`: want a whole number that is not negative"},
		{`{"query":"q","documents":["a"],"return_documents":"no"}`, "`return_documents`: want true or false"},
		{`{"query":"q","documents":["a"],"max_tokens_per_doc":0}`, "`max_tokens_per_doc`"},
		{`{"query":"","documents":["a"]}`, "`query` must not be empty"},
		{`{"query":"q","documents":[]}`, "`documents` must not be empty"},
		{`{"query":"q","documents":["a","b","c","d"]}`, "too many documents: 4"},
	}
	for _, test := range tests {
		t.Run(test.body, func(t *testing.T) {
			expectDocuments(t, g.post(t, "/v1/rerank", test.body), 400, test.text)
			expectDocuments(t, g.post(t, "/v2/rerank", test.body), 400, test.text)
		})
	}
}

func TestPathsAndMethods(t *testing.T) {
	g := start(t, openTiny(t, 0), nil)
	expectDocuments(t, g.post(t, "/v3/rerank", "{}"), 404, "no such path")
	expectDocuments(t, g.do(t, "GET", "/v2/rerank", ""), 405, "method")
	expectTEI(t, g.do(t, "PUT", "/rerank", "{}"), 405, "Validation", "method")
	if a := g.post(t, "/info", ""); a.status != 405 || a.header.Get("Allow") != "GET" {
		t.Errorf("%d, Allow %q", a.status, a.header.Get("Allow"))
	}
	if calls := g.heard(t, 4); !slices.ContainsFunc(calls, func(c Call) bool { return c.Path == "" && c.Status == 404 }) {
		t.Errorf("calls %+v", calls)
	}
}

func TestToken(t *testing.T) {
	g := start(t, openTiny(t, 0), func(o *Options) { o.Token = "s3cret" })
	body := `{"query":"q","texts":["a"],"documents":["a"]}`
	for _, authorization := range []string{"", "Bearer", "Bearer ", "Bearer s3cre", "Bearer s3cret2", "Basic s3cret", "s3cret"} {
		var header []string
		if authorization != "" {
			header = []string{"Authorization", authorization}
		}
		a := g.post(t, "/rerank", body, header...)
		expectTEI(t, a, 401, "Validation", "token")
		if a.header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%v", a.header)
		}
		expectDocuments(t, g.post(t, "/v2/rerank", body, header...), 401, "token")
		if a := g.do(t, "GET", "/info", "", header...); a.status != 401 {
			t.Errorf("%q: /info %d", authorization, a.status)
		}
	}
	for _, authorization := range []string{"Bearer s3cret", "bearer s3cret"} {
		if a := g.post(t, "/v2/rerank", body, "Authorization", authorization); a.status != 200 {
			t.Errorf("%q: %d %s", authorization, a.status, a.body)
		}
	}
	if a := g.do(t, "GET", "/health", ""); a.status != 200 {
		t.Errorf("health without the token: %d", a.status)
	}
	r, err := http.NewRequestWithContext(t.Context(), "GET", g.URL+"/info", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header["Authorization"] = []string{"Bearer s3cret", "Bearer s3cret"}
	res, err := g.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 401 {
		t.Errorf("two tokens: %d", res.StatusCode)
	}
}
