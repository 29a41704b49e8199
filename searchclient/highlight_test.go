package searchclient

import (
	"errors"
	"testing"
)

func TestHighlightsGoWhereEnginesWriteThem(t *testing.T) {
	const compact, pretty = `"highlight":{"t":["a <em>b</em>"]}`, `"highlight" : {
          "t" : [ ]
        }`
	for _, c := range []struct{ name, hit, member, want string }{
		{"at the end", `{"_id":"a","_source":{"t":"x"}}`, compact, `{"_id":"a","_source":{"t":"x"},` + compact + `}`},
		{"before sort", `{"_id":"a","fields":{"n":[1]},"sort":[1]}`, compact, `{"_id":"a","fields":{"n":[1]},` + compact + `,"sort":[1]}`},
		{"before matched queries and inner hits", `{"_id":"a","matched_queries":["q"],"inner_hits":{}}`, compact, `{"_id":"a",` + compact + `,"matched_queries":["q"],"inner_hits":{}}`},
		{"before an explanation", `{"_id":"a","_score":1.0,"_explanation":{}}`, compact, `{"_id":"a","_score":1.0,` + compact + `,"_explanation":{}}`},
		{"with white space", "{\n        \"_id\" : \"a\",\n        \"_score\" : 1.0\n      }", pretty, "{\n        \"_id\" : \"a\",\n        \"_score\" : 1.0,\n        " + pretty + "\n      }"},
		{"a source with white space", "{\"_id\":\"a\",\"_source\": {} \t}", compact, "{\"_id\":\"a\",\"_source\": {} \t," + compact + "}"},
		{"before sort, a source with white space", "{\"_id\":\"a\",\"_source\": {} \t,\"sort\":[1]}", compact, "{\"_id\":\"a\",\"_source\": {} \t," + compact + ",\"sort\":[1]}"},
		{"a version goes", `{"_id":"a","_version":3,"_score":1.0,"sort":[1]}`, compact, `{"_id":"a","_score":1.0,` + compact + `,"sort":[1]}`},
		{"fields go", `{"_id":"a","_score":1.0,"fields":{"x":[1]}}`, compact, `{"_id":"a","_score":1.0,` + compact + `}`},
		{"fields before sort go", `{"_id":"a","fields":{"x":[1]},"sort":[1]}`, compact, `{"_id":"a",` + compact + `,"sort":[1]}`},
		{"none", `{"_id":"a","_version":3,"_score":1.0}`, "", `{"_id":"a","_score":1.0}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := Page{Order: []int{0}, DropVersion: true, DropFields: []string{"x"}, Highlights: [][]byte{nil}}
			if c.member != "" {
				p.Highlights[0] = []byte(c.member)
			}
			got := write(t, split1(t, `{"hits":{"hits":[`+c.hit+`]}}`), p)
			if want := `{"hits":{"hits":[` + c.want + `]}}`; got != want {
				t.Fatalf("got  %s\nwant %s", got, want)
			}
			if back := split1(t, got).Hits()[0].HighlightMember(); string(back) != c.member {
				t.Errorf("read back: %s", back)
			}
		})
	}
	for _, hit := range []string{`{"_id":"a","highlight":{}}`, `{"_id":"a"}`, `{}`} {
		a := split1(t, `{"hits":{"hits":[`+hit+`]}}`)
		if _, err := a.Append(nil, Page{Order: []int{0}, Highlights: [][]byte{[]byte(compact)}}); !errors.Is(err, ErrShape) {
			t.Errorf("%s: error %v", hit, err)
		}
	}
}

func TestAllShards(t *testing.T) {
	for body, want := range map[string]bool{
		`{"_shards":{"total":2,"failed":0}}`: true, `{"_shards":{"total":2,"failed":1}}`: false, `{"_shards":{}}`: false, `{}`: false,
	} {
		if got := split1(t, body).AllShards(); got != want {
			t.Errorf("%s: %v", body, got)
		}
	}
}
