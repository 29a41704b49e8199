package eval

import (
	"fmt"
	"math"
	"slices"
)

// Measures of one query, or their means over queries.
type Measures struct {
	NDCG   float64 `json:"ndcg"`   // nDCG@K
	MRR    float64 `json:"mrr"`    // reciprocal rank of the first relevant document within K
	MAP    float64 `json:"map"`    // average precision over the whole run
	Recall float64 `json:"recall"` // share of the relevant documents within Depth
}

// Options of the measures.
type Options struct {
	K        int // cut of nDCG and MRR; 0: 10
	Depth    int // cut of Recall; 0: 100
	Relevant int // least grade that counts as relevant for MRR, MAP and Recall; 0: 1. nDCG uses the grades themselves.
}

// WithDefaults fills what is zero.
func (o Options) WithDefaults() Options {
	if o.K == 0 {
		o.K = 10
	}
	if o.Depth == 0 {
		o.Depth = 100
	}
	if o.Relevant == 0 {
		o.Relevant = 1
	}
	return o
}

// Names are the measures' names in the order of Values.
func (o Options) Names() []string {
	return []string{fmt.Sprintf("nDCG@%d", o.K), fmt.Sprintf("MRR@%d", o.K), "MAP", fmt.Sprintf("Recall@%d", o.Depth)}
}

// Values are the measures in the order of Options.Names.
func (m Measures) Values() []float64 { return []float64{m.NDCG, m.MRR, m.MAP, m.Recall} }

// Measure judges one ranked list. Definitions are trec_eval's: ndcg_cut, recip_rank of a list cut at K, map, recall.
func Measure(docs []Ranked, judged map[string]int, o Options) Measures {
	relevant := 0
	var gains []float64
	for _, grade := range judged {
		if grade >= o.Relevant {
			relevant++
		}
		if grade > 0 {
			gains = append(gains, float64(grade))
		}
	}
	slices.SortFunc(gains, func(a, b float64) int { return int(b - a) })

	var m Measures
	var dcg, precisions float64
	found := 0
	for i, d := range docs {
		grade := judged[d.ID]
		if i < o.K && grade > 0 {
			dcg += float64(grade) / discount(i)
		}
		if grade < o.Relevant {
			continue
		}
		found++
		precisions += float64(found) / float64(i+1)
		if found == 1 && i < o.K {
			m.MRR = 1 / float64(i+1)
		}
		if i < o.Depth {
			m.Recall = float64(found) / float64(relevant)
		}
	}
	var ideal float64
	for i, g := range gains[:min(len(gains), o.K)] {
		ideal += g / discount(i)
	}
	if ideal > 0 {
		m.NDCG = dcg / ideal
	}
	if relevant > 0 {
		m.MAP = precisions / float64(relevant)
	}
	return m
}

// discount of the 0-based rank i: log2(i+2) (Järvelin and Kekäläinen 2002, as in trec_eval).
func discount(i int) float64 { return math.Log2(float64(i + 2)) }

// Judge measures every query that has judgments; a query that the run lacks counts as zero. The measures come in the
// order of queries; judged tells which queries they are.
func Judge(run Run, qrels Qrels, queries []Query, o Options) (per []Measures, judged []Query) {
	for _, q := range queries {
		if grades, ok := qrels[q.ID]; ok {
			judged = append(judged, q)
			per = append(per, Measure(run[q.ID], grades, o))
		}
	}
	return per, judged
}

// Mean is the mean over queries; zero for none.
func Mean(per []Measures) Measures {
	var m Measures
	for _, p := range per {
		m.NDCG += p.NDCG
		m.MRR += p.MRR
		m.MAP += p.MAP
		m.Recall += p.Recall
	}
	if n := float64(len(per)); n > 0 {
		m = Measures{m.NDCG / n, m.MRR / n, m.MAP / n, m.Recall / n}
	}
	return m
}
