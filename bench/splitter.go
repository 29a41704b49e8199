package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/resift/resift/searchclient"
)

// splitter is the topic of answers: one of the engine's, recorded in this run, taken apart and written back.
func (b *bench) splitter(ctx context.Context) error {
	if err := b.startEngine(ctx); err != nil {
		return err
	}
	_, body, _, err := search(b.engine.URL, questions(1)[0], benchWindow, "", nil).send(ctx, http.DefaultClient)
	if err != nil {
		return err
	}
	contenders := []contender{
		{name: "split", work: splitting(body)},
		{name: "encoding/json, hits as raw messages", work: decoding(body, func() any { return new(rawAnswer) })},
		{name: "encoding/json, into map[string]any", work: decoding(body, func() any { return new(map[string]any) })},
		{name: "split, texts of 100 hits, write 10", work: paging(body)},
		{name: "encoding/json, decode, write 10", work: recoding(body)},
	}
	if err := contest(contenders, b.rounds); err != nil {
		return err
	}
	t := b.table(fmt.Sprintf("Answers: %d hits, %d bytes, from the engine; one core", benchWindow, len(body)),
		"way", "MB/cpu-s", "ratio", "allocations an answer", "KB allocated an answer")
	for i, c := range contenders {
		base := contenders[2]
		if i > 2 {
			base = contenders[4]
		}
		answer := float64(len(body))
		t.row(c.name, fmt.Sprintf("%.0f", median(c.rates)/1e6), fmt.Sprintf("%.1f×", median(c.rates)/median(base.rates)),
			fmt.Sprintf("%.0f", c.allocations*answer), fmt.Sprintf("%.0f", c.bytes*answer/1000))
	}
	return t.flush()
}

// rawAnswer is the least that re-ordering needs, with encoding/json.
type rawAnswer struct {
	Hits struct {
		Hits []json.RawMessage `json:"hits"`
	} `json:"hits"`
}

func splitting(body []byte) func() (int, error) {
	return func() (int, error) {
		_, err := searchclient.Split(body)
		return len(body), err
	}
}

func decoding(body []byte, into func() any) func() (int, error) {
	return func() (int, error) { return len(body), json.Unmarshal(body, into()) }
}

// paging is the whole of what the proxy does with an answer: take it apart, read the text of every hit, write the ten
// best with new scores.
func paging(body []byte) func() (int, error) {
	fields := []searchclient.Field{{Path: "title"}, {Path: "text"}}
	var out []byte
	return func() (int, error) {
		a, err := searchclient.Split(body)
		if err != nil {
			return 0, err
		}
		page := searchclient.Page{Order: make([]int, len(a.Hits())), Scores: make([]float64, len(a.Hits()))}
		for i, h := range a.Hits() {
			if h.Text(fields) == "" {
				return 0, errors.New("a hit without text")
			}
			page.Order[i], page.Scores[i] = i, float64(i)+.5
		}
		slices.Reverse(page.Order)
		page.Order = page.Order[:10]
		page.MaxScore = &page.Scores[page.Order[0]]
		out, err = a.Append(out[:0], page)
		return len(body), err
	}
}

// recoding is the same through encoding/json.
func recoding(body []byte) func() (int, error) {
	return func() (int, error) {
		var answer map[string]any
		if err := json.Unmarshal(body, &answer); err != nil {
			return 0, err
		}
		outer, ok := answer["hits"].(map[string]any)
		if !ok {
			return 0, errors.New("an answer without hits")
		}
		hits, ok := outer["hits"].([]any)
		if !ok {
			return 0, errors.New("an answer without hits")
		}
		slices.Reverse(hits)
		outer["hits"] = hits[:10]
		_, err := json.Marshal(answer)
		return len(body), err
	}
}
