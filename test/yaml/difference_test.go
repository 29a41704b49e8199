package yaml

import (
	"net/http"
	"strings"
	"testing"
)

// twice is the difference to an engine that says the same two times.
func twice(engine, resift answer, like likeness) string {
	return difference(engine, engine, resift, like)
}

// TestDifference holds the comparison to what it must see and to what it may not.
func TestDifference(t *testing.T) {
	const engine = `{"took":3,"hits":{"total":2,"max_score":2.5,"hits":[{"_id":"a","_score":2.5},{"_id":"b","_score":1}]},"aggregations":{"n":{"value":1}}}`
	tests := map[string]struct {
		resift string
		like   likeness
		same   bool
	}{
		"the same":                       {engine, equal, true},
		"later":                          {strings.Replace(engine, `"took":3`, `"took":12`, 1), equal, true},
		"another order":                  {`{"took":3,"hits":{"total":2,"max_score":2.5,"hits":[{"_id":"b","_score":1},{"_id":"a","_score":2.5}]},"aggregations":{"n":{"value":1}}}`, equal, false},
		"another order that may be":      {`{"took":3,"hits":{"total":2,"max_score":9,"hits":[{"_id":"b","_score":9},{"_id":"a","_score":8}]},"aggregations":{"n":{"value":1}}}`, reordered, true},
		"another score":                  {strings.Replace(engine, `"_score":1`, `"_score":1.5`, 1), equal, false},
		"a number written otherwise":     {strings.Replace(engine, `"_score":1`, `"_score":1.0`, 1), equal, false},
		"another max_score":              {strings.Replace(engine, `"max_score":2.5`, `"max_score":null`, 1), equal, false},
		"a hit in place of another":      {strings.Replace(engine, `"_id":"b"`, `"_id":"c"`, 1), reordered, false},
		"a hit twice":                    {strings.Replace(engine, `"_id":"b"`, `"_id":"a"`, 1), reordered, false},
		"a hit in place of one, repaged": {strings.Replace(engine, `"_id":"b"`, `"_id":"c"`, 1), repaged, true},
		"a hit less, repaged":            {strings.Replace(engine, `,{"_id":"b","_score":1}`, "", 1), repaged, false},
		"another total":                  {strings.Replace(engine, `"total":2`, `"total":3`, 1), reordered, false},
		"another aggregation":            {strings.Replace(engine, `"value":1`, `"value":2`, 1), reordered, false},
		"a member more":                  {strings.Replace(engine, `"took":3`, `"took":3,"x":1`, 1), equal, false},
		"explained":                      {strings.Replace(engine, `"_id":"a"`, `"_id":"a","_explanation":{"value":1}`, 1), equal, false},
		"no JSON":                        {"<html>", equal, false},
	}
	said := func(status int, body string, header ...string) answer {
		h := http.Header{"Content-Type": {"application/json"}}
		for i := 0; i+1 < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return answer{"POST", status, h, []byte(body)}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if d := twice(said(200, engine), said(200, test.resift), test.like); (d == "") != test.same {
				t.Errorf("difference %q", d)
			}
		})
	}
	if d := twice(said(200, engine), said(404, engine), equal); d == "" {
		t.Error("another status is no difference")
	}
	if d := twice(said(200, engine, "Warning", "299 -"), said(200, engine), equal); d == "" {
		t.Error("a lost header is no difference")
	}
	if d := twice(said(200, engine), said(200, engine, "X-Resift-Status", "reranked"), equal); d != "" {
		t.Error(d)
	}
	wrapped := strings.Replace(engine, `"_id":"a"`, `"_id":"a","_explanation":{"value":9,"description":"made positive from the cross-encoder's score 1","details":[{"value":2.5}]}`, 1)
	if d := twice(said(200, strings.Replace(engine, `"_id":"a"`, `"_id":"a","_explanation":{"value":2.5}`, 1)), said(200, wrapped), equal); d != "" {
		t.Error(d)
	}
	batch := func(one string) answer { return said(200, `{"took":1,"responses":[`+one+`]}`) }
	if d := twice(batch(engine), batch(strings.Replace(engine, `"took":3`, `"took":4`, 1)), equal); d != "" {
		t.Error(d)
	}
	if d := twice(batch(engine), batch(strings.Replace(engine, `"total":2`, `"total":3`, 1)), reordered); d == "" {
		t.Error("another total inside a batch is no difference")
	}
}

// TestUnsteady: what the engine does not say twice is nothing to hold resift to, all around it is.
func TestUnsteady(t *testing.T) {
	say := func(body string) answer {
		return answer{"GET", 200, http.Header{"Content-Type": {"application/json"}}, []byte(body)}
	}
	before, after := say(`{"a":1,"b":{"n":5},"list":[1,2],"some":[1]}`), say(`{"a":1,"b":{"n":7},"list":[1,2],"some":[1,2]}`)
	for body, same := range map[string]bool{
		`{"a":1,"b":{"n":6},"list":[1,2],"some":[]}`:        true,
		`{"a":1,"b":{"n":[]},"list":[1,2],"some":null}`:     true,
		`{"a":2,"b":{"n":6},"list":[1,2],"some":[1]}`:       false,
		`{"a":1,"b":{"n":6},"list":[1,3],"some":[1]}`:       false,
		`{"a":1,"b":{"n":6},"list":[1],"some":[1]}`:         false,
		`{"a":1,"b":{"n":6,"m":1},"list":[1,2],"some":[1]}`: false,
		`{"a":1,"b":{},"list":[1,2],"some":[1]}`:            false,
		`{"a":1,"b":{"n":6},"list":[1,2]}`:                  false,
	} {
		if d := difference(before, after, say(body), equal); (d == "") != same {
			t.Errorf("%s: %q", body, d)
		}
	}
}
