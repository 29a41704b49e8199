// Package eval measures relevance the way the field does: TREC qrels and run files, nDCG@k, MRR@k, MAP and Recall@k equal
// to trec_eval's, and a paired randomisation test between two orders.
//
// It promises figures that can be compared with published ones: gains are linear and discounts log2(rank+1) as in
// trec_eval's ndcg_cut; a run is ranked as trec_eval ranks it; a query without hits counts as zero. Search asks both arms
// of a running proxy, and says how many of its searches were really re-ranked.
package eval
