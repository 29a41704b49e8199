package eval

import (
	"reflect"
	"strings"
	"testing"
)

func TestJudgmentsOfEveryForm(t *testing.T) {
	qrels := Qrels{"red_shoes": {"d1": 3, "d2": 0}, "hat": {"d1": 1}}
	queries := []Query{{"red_shoes", "red shoes"}, {"hat", "hat"}}
	for name, text := range map[string]string{
		"Quepid, basic":     "query,docid,rating\nred shoes,d1,3\nred shoes,d2,0\nhat,d1,1\nhat,d3,\n",
		"Quepid, long":      "Team Name,Case Name,Case ID,Query Text,Doc ID,Doc Position,Title,Rating\nT,C,1,red shoes,d1,1,\"Shoes, red\",3\nT,C,1,red shoes,d2,2,x,0.0\nT,C,1,hat,d1,1,\"a \"\"hat\"\"\",1\n",
		"a spreadsheet":     "\ufeffQuery;Document;Grade\r\nred shoes;d1;3\r\nred shoes;d2;0\r\nhat;d1;1\r\n",
		"tabs, other order": "grade\tdoc_id\tquery\n3\td1\tred shoes\n0\td2\tred shoes\n1\td1\that\n",
	} {
		j, err := ReadJudgments(strings.NewReader(text))
		if err != nil || !reflect.DeepEqual(j.Qrels, qrels) || !reflect.DeepEqual(j.Queries, queries) {
			t.Errorf("%s: %v %+v", name, err, j)
		}
	}
	j, err := ReadJudgments(strings.NewReader("q1 0 d1 3\nq1 0 d2 0\n"))
	if err != nil || j.Queries != nil || j.Qrels["q1"]["d1"] != 3 {
		t.Errorf("TREC: %v %+v", err, j)
	}
	j, err = ReadJudgments(strings.NewReader("qid,query,docid,rating\n7,red shoes,d1,3\n7,red shoes,d2,1\n"))
	if err != nil || !reflect.DeepEqual(j.Queries, []Query{{"7", "red shoes"}}) || j.Qrels["7"]["d2"] != 1 {
		t.Errorf("ids and texts: %v %+v", err, j)
	}
}

func TestBadJudgmentsNameTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"query,docid,rating\nhat,d1,good\n":              "line 2: grade",
		"query,docid,rating\nhat,d1,1\nhat,d1,2\n":       "line 3: query hat judges document d1 twice",
		"docid,rating\nd1,1\n":                           "line 1: no column names the query",
		"query,rating\nhat,1\n":                          "line 1: no column names the document",
		"qid,query,docid,rating\n1,hat,d,1\n1,cap,e,1\n": "line 3: query 1 has two texts",
		"query,docid,rating\n,d1,1\n":                    "line 2: the query is empty",
		"query,docid,rating\nhat,d1\n":                   "line 2",
		"what is this\n":                                 "line 1: want qid 0 docid grade",
	} {
		if _, err := ReadJudgments(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzJudgments(f *testing.F) {
	f.Add("query,docid,rating\nhat,d1,1\n")
	f.Add("q1 0 d1 3\n")
	f.Add("qid;query;id;label\n\"1\";a;b;2\n")
	f.Fuzz(func(t *testing.T, text string) {
		j, err := ReadJudgments(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, q := range j.Queries {
			if q.ID == "" || q.Text == "" || strings.ContainsAny(q.ID, " \t") {
				t.Errorf("query %+v", q)
			}
		}
	})
}
