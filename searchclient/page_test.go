package searchclient

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
)

func identity(a *Answer) []int {
	order := make([]int, len(a.Hits()))
	for i := range order {
		order[i] = i
	}
	return order
}

func split1(t *testing.T, body string) *Answer {
	t.Helper()
	a, err := Split([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func write(t *testing.T, a *Answer, p Page) string {
	t.Helper()
	out, err := a.Append(nil, p)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

const compact = `{"took":5,"timed_out":false,"hits":{"total":{"value":3,"relation":"eq"},"max_score":3.5,"hits":[` +
	`{"_index":"i","_id":"a","_score":3.5,"_source":{"n":12345678901234567890,"n":1.10}},` +
	`{"_index":"i","_id":"b","_score":2.25,"_source":{"t":"\u00e9"}},` +
	`{"_index":"i","_id":"c","_score":1.0}]},"aggregations":{"x":1e400}}`

func TestPageOrderAndScores(t *testing.T) {
	best := 9.5
	got := write(t, split1(t, compact), Page{
		Order: []int{2, 0}, Scores: []float64{math.NaN(), 1, 9.5}, MaxScore: &best, AddTook: 37600 * time.Microsecond,
	})
	want := `{"took":43,"timed_out":false,"hits":{"total":{"value":3,"relation":"eq"},"max_score":9.5,"hits":[` +
		`{"_index":"i","_id":"c","_score":9.5},` +
		`{"_index":"i","_id":"a","_score":3.5,"_source":{"n":12345678901234567890,"n":1.10}}]},"aggregations":{"x":1e400}}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestPageEnvelopeInAnyOrder(t *testing.T) {
	best := 2.0
	got := write(t, split1(t, ` {"hits":{"hits":[{"_score":1,"_id":"x"},{"_score":null}],"x":[],"max_score":null},"took":1} `),
		Page{Order: []int{1, 0}, Scores: []float64{2, math.NaN()}, MaxScore: &best, AddTook: 2 * time.Millisecond})
	if want := ` {"hits":{"hits":[{"_score":null},{"_score":2.0,"_id":"x"}],"x":[],"max_score":2.0},"took":3} `; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestPageEmpty(t *testing.T) {
	for body, want := range map[string]string{
		`{"hits":{"hits":[]}}`:                     `{"hits":{"hits":[]}}`,
		`{"hits":{"hits":[ ]}}`:                    `{"hits":{"hits":[ ]}}`,
		`{"hits":{"hits":[{"_id":"a"}]}}`:          `{"hits":{"hits":[]}}`,
		"{\"hits\":{\"hits\":[\n  {\"a\":1}\n]}}":  `{"hits":{"hits":[ ]}}`,
		`{"hits":{"total":3}}`:                     `{"hits":{"total":3}}`,
		`{"_shards":{}}`:                           `{"_shards":{}}`,
		`{"took":"x"}`:                             ``,
		`{"took":99999999999999999999,"hits":{} }`: `{"took":99999999999999999999,"hits":{} }`,
	} {
		a, err := Split([]byte(body))
		if want == "" {
			if err == nil {
				t.Errorf("Split(%s) succeeded", body)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := write(t, a, Page{AddTook: time.Second}); got != want {
			t.Errorf("%s became %s, want %s", body, got, want)
		}
	}
}

func TestPageStrips(t *testing.T) {
	tests := []struct {
		name, hit string
		page      Page
		want      string
	}{
		{"fields, one of two", `{"_id":"a","fields":{"title":["x"],"n":[1]}}`, Page{DropFields: []string{"title"}},
			`{"_id":"a","fields":{"n":[1]}}`},
		{"fields, all", `{"_id":"a","fields":{"title":["x"],"a.b":[1]},"sort":[1]}`, Page{DropFields: []string{"a.b", "title", "none"}},
			`{"_id":"a","sort":[1]}`},
		{"fields, none there", `{"_id":"a"}`, Page{DropFields: []string{"title"}}, `{"_id":"a"}`},
		{"fields, another", `{"fields":{"n":[1]}}`, Page{DropFields: []string{"title"}}, `{"fields":{"n":[1]}}`},
		{"fields, escaped key", `{"\u0066ields":{"t\u0069tle":[1],"n":[1]}}`, Page{DropFields: []string{"title"}}, `{"\u0066ields":{"n":[1]}}`},
		{"nested, all", `{"_id":"a","fields":{"c":[{"text":["x"]},{"text":["y"]}]}}`, Page{DropFields: []string{"c.text"}}, `{"_id":"a"}`},
		{"nested, some objects empty", `{"fields":{"c":[{"text":["x"]}, {"text":["y"],"by":["z"]}]}}`, Page{DropFields: []string{"c.text"}},
			`{"fields":{"c":[{"by":["z"]}]}}`},
		{"nested in nested", `{"fields":{"c":[{"d":[{"text":["x"]}]},{"d":[{"text":["y"]}],"by":[1]}]}}`, Page{DropFields: []string{"c.d.text"}},
			`{"fields":{"c":[{"by":[1]}]}}`},
		{"nested, untouched", `{"fields":{"c":[{"by":["x"]}]}}`, Page{DropFields: []string{"c.text"}}, `{"fields":{"c":[{"by":["x"]}]}}`},
		{"a plain value below a name", `{"fields":{"c":["x"]}}`, Page{DropFields: []string{"c.text"}}, `{"fields":{"c":["x"]}}`},
		{"ignored values", `{"fields":{"n":[1]},"ignored_field_values":{"title":["long"]}}`, Page{DropFields: []string{"title"}},
			`{"fields":{"n":[1]}}`},
		{"highlight", `{"highlight":{"title":["x"],"text":["y"]}}`, Page{DropHighlight: []string{"title"}}, `{"highlight":{"text":["y"]}}`},
		{"highlight, all", `{"_id":"a","highlight":{"title":["x"]}}`, Page{DropHighlight: []string{"title"}}, `{"_id":"a"}`},
		{"version", `{"_version":7,"_score":1.0}`, Page{DropVersion: true, Scores: []float64{4}}, `{"_score":4.0}`},
		{"everything", `{"_version":7,"fields":{"x":[1]},"highlight":{"x":["1"]}}`,
			Page{DropVersion: true, DropFields: []string{"x"}, DropHighlight: []string{"x"}}, `{}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.page.Order = []int{0}
			got := write(t, split1(t, `{"hits":{"hits":[`+tt.hit+`]}}`), tt.page)
			if want := `{"hits":{"hits":[` + tt.want + `]}}`; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestPageDetails(t *testing.T) {
	nan := math.NaN()
	details := []Details{{ModelScore: -1.5, EngineRank: 1}, {ModelScore: nan, EngineRank: 2}}
	body := `{"hits":{"hits":[{"_id":"a","_score":3.50,"_explanation":{"value":3.5,"details":[]}},{"_id":"b","_score":2.0,"fields":{"t":["x"],"n":[1]}}]}}`
	t.Run("fields", func(t *testing.T) {
		got := write(t, split1(t, body), Page{Order: []int{1, 0}, Details: details, AddFields: true, DropFields: []string{"t"}})
		want := `{"hits":{"hits":[{"_id":"b","_score":2.0,"fields":{"n":[1],"resift.engine_score":[2.0],"resift.engine_rank":[2]}},` +
			`{"_id":"a","_score":3.50,"_explanation":{"value":3.5,"details":[]},"fields":{"resift.engine_score":[3.50],"resift.model_score":[-1.5],"resift.engine_rank":[1]}}]}}`
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
	t.Run("fields in place of dropped ones", func(t *testing.T) {
		got := write(t, split1(t, body), Page{Order: []int{1}, Details: details, AddFields: true, DropFields: []string{"t", "n"}})
		want := `{"hits":{"hits":[{"_id":"b","_score":2.0,"fields":{"resift.engine_score":[2.0],"resift.engine_rank":[2]}}]}}`
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
	t.Run("passages", func(t *testing.T) {
		told := []Details{{EngineRank: 1, Passage: &Passage{Text: "a \"b\"\n</c>\x00", Window: 2, Windows: 3, Cut: true}}, {EngineRank: 2, Passage: &Passage{Window: 1, Windows: 1}}}
		got := write(t, split1(t, body), Page{Order: []int{1, 0}, Details: told, AddPassages: true, DropFields: []string{"t"}})
		want := `{"hits":{"hits":[{"_id":"b","_score":2.0,"fields":{"n":[1],"resift.passage_window":[1],"resift.passage_windows":[1],"resift.passage_cut":[false]}},` +
			`{"_id":"a","_score":3.50,"_explanation":{"value":3.5,"details":[]},"fields":{"resift.passage":["a \"b\"\n</c>\u0000"],"resift.passage_window":[2],"resift.passage_windows":[3],"resift.passage_cut":[true]}}]}}`
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
	t.Run("passages of none", func(t *testing.T) {
		got := write(t, split1(t, body), Page{Order: []int{0, 1}, Details: details, AddPassages: true, DropFields: []string{"t"}})
		if want := strings.Replace(body, `"t":["x"],`, "", 1); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
	t.Run("explanation", func(t *testing.T) {
		got := write(t, split1(t, body), Page{Order: []int{0, 1}, Scores: []float64{0.25, 0.125}, Details: details, Explain: true})
		want := `{"hits":{"hits":[{"_id":"a","_score":0.25,"_explanation":{"value":0.25,"description":` +
			`"made positive from the cross-encoder's score -1.5, rank in the first stage 1","details":[{"value":3.5,"details":[]}]}},` +
			`{"_id":"b","_score":0.125,"fields":{"t":["x"],"n":[1]}}]}}`
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
	t.Run("explanation, score kept", func(t *testing.T) {
		got := write(t, split1(t, body), Page{Order: []int{0}, Details: details, Explain: true})
		if !strings.Contains(got, `"_explanation":{"value":3.50,"description":"the first stage's score, kept; ordered by the cross-encoder's score -1.5, `) {
			t.Errorf("got %s", got)
		}
	})
}

func TestPageDetailsPretty(t *testing.T) {
	body := `{
  "hits" : {
    "hits" : [
      {
        "_id" : "a",
        "_score" : 2.0,
        "_explanation" : { }
      },
      {
        "_id" : "b",
        "fields" : {
          "n" : [
            1
          ]
        }
      }
    ]
  }
}
`
	got := write(t, split1(t, body), Page{Order: []int{1, 0}, AddFields: true, Explain: true, Scores: []float64{5, math.NaN()},
		Details: []Details{{ModelScore: 1, EngineRank: 1}, {ModelScore: math.NaN(), EngineRank: 2}}})
	want := `{
  "hits" : {
    "hits" : [
      {
        "_id" : "b",
        "fields" : {
          "n" : [
            1
          ],
          "resift.engine_rank" : [
            2
          ]
        }
      },
      {
        "_id" : "a",
        "_score" : 5.0,
        "_explanation" : {
          "value" : 5.0,
          "description" : "made positive from the cross-encoder's score 1.0, rank in the first stage 1",
          "details" : [
            { }
          ]
        },
        "fields" : {
          "resift.engine_score" : [
            2.0
          ],
          "resift.model_score" : [
            1.0
          ],
          "resift.engine_rank" : [
            1
          ]
        }
      }
    ]
  }
}
`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestPageOfUnreadableParts(t *testing.T) {
	a := split1(t, `{"hits":{"hits":[{"fields":{x}}]}}`)
	out, err := a.Append([]byte("before"), Page{Order: []int{0}, DropFields: []string{"t"}})
	if err == nil || string(out) != "before" {
		t.Errorf("Append = %q, %v", out, err)
	}
}

func TestAppendScore(t *testing.T) {
	for x, want := range map[float64]string{
		0: "0.0", math.Copysign(0, -1): "-0.0", 7: "7.0", 7.25: "7.25", 0.1: "0.1", 1e-3: "0.001", 1e-4: "1.0E-4", 1.25e-10: "1.25E-10",
		9999999: "9999999.0", 1e7: "1.0E7", 1.5e10: "1.5E10", math.Inf(1): "3.4028235E38", math.Inf(-1): "-3.4028235E38",
		1e300: "3.4028235E38", -2.5: "-2.5", 1e-46: "0.0", 1.0 / 3: "0.33333334", 16777217: "1.6777216E7",
	} {
		got := string(appendScore([]byte("x"), x))[1:]
		if got != want {
			t.Errorf("appendScore(%g) = %s, want %s", x, got, want)
		}
		if !json.Valid([]byte(got)) {
			t.Errorf("%s is not JSON", got)
		}
	}
}
