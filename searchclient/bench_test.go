package searchclient

import (
	"encoding/json"
	"math"
	"slices"
	"testing"
	"time"
)

// BenchmarkSplit takes a real answer of 100 hits apart, beside what encoding/json needs for the same bytes.
func BenchmarkSplit(b *testing.B) {
	body := recorded(b)["opensearch-3.8-hundred.json"]
	run := func(name string, f func() error) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if err := f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	run("split", func() error { _, err := Split(body); return err })
	run("json raw hits", func() error {
		var answer struct {
			Hits struct {
				Hits []struct {
					Score  float64         `json:"_score"`
					Source json.RawMessage `json:"_source"`
				} `json:"hits"`
			} `json:"hits"`
		}
		return json.Unmarshal(body, &answer)
	})
	run("json decode", func() error {
		var answer map[string]any
		return json.Unmarshal(body, &answer)
	})
}

// BenchmarkPage reads the text of 100 hits and writes a page of 10 in another order, beside decoding and encoding.
func BenchmarkPage(b *testing.B) {
	body := recorded(b)["opensearch-3.8-hundred.json"]
	fields := []Field{{Path: "title"}, {Path: "text"}}
	a, err := Split(body)
	if err != nil {
		b.Fatal(err)
	}
	p := Page{Order: identity(a), Scores: make([]float64, len(a.Hits())), AddTook: time.Millisecond}
	for i := range p.Scores {
		p.Scores[i] = math.Sqrt(float64(i))
	}
	slices.Reverse(p.Order)
	p.Order = p.Order[:10]
	p.MaxScore = &p.Scores[p.Order[0]]
	b.Run("split, text, append", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		var out []byte
		for b.Loop() {
			a, err := Split(body)
			if err != nil {
				b.Fatal(err)
			}
			for _, h := range a.Hits() {
				if h.Text(fields) == "" {
					b.Fatal("no text")
				}
			}
			if out, err = a.Append(out[:0], p); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("json decode, encode", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			var answer map[string]any
			if err := json.Unmarshal(body, &answer); err != nil {
				b.Fatal(err)
			}
			hits := answer["hits"].(map[string]any)
			hits["hits"] = hits["hits"].([]any)[:10]
			if _, err := json.Marshal(answer); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("filter path", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := FilterPath(body, []string{"took", "hits.hits._id", "hits.hits._source.title"}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// A split costs the list of hits and nothing a hit.
func TestSplitAllocations(t *testing.T) {
	body := recorded(t)["opensearch-3.8-hundred.json"]
	if n := testing.AllocsPerRun(20, func() {
		if _, err := Split(body); err != nil {
			t.Fatal(err)
		}
	}); n > 12 {
		t.Errorf("%v allocations for 100 hits", n)
	}
}
