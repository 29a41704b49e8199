package main

import (
	"flag"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/resift/resift/eval"
)

func (e *evaluation) addFlags(f *flag.FlagSet) {
	f.Func("url", "`[NAME=]URL` of a proxy's search port (default http://127.0.0.1:9280); repeated to compare several, control being the first one's", e.addSource)
	f.StringVar(&e.searcher.Index, "index", "", "index, or index expression")
	f.StringVar(&e.queryFile, "queries", "", "qid<TAB>text lines (.gz is unpacked); not needed where --qrels holds the queries' texts")
	f.StringVar(&e.qrelsFile, "qrels", "", "TREC qrels, or a CSV with a header that names query, document and grade, such as Quepid's export (.gz is unpacked)")
	f.StringVar(&e.fields, "fields", "title,text", "fields of the multi_match query")
	f.StringVar(&e.template, "template", "", "`file` with the search body instead; {{query}} inside a JSON text stands for the query")
	f.StringVar(&e.runFile, "first-stage", "", "TREC `run` whose documents are the candidates, instead of the index's own first stage")
	f.IntVar(&e.searcher.Size, "size", 100, "hits a query")
	f.Func("model", "`name` that the proxy has for a model (default its rules'); repeated to compare several", e.addModel)
	f.Func("window", "hits to re-rank (default the proxy's own); `N,N,…` compares several", e.addWindows)
	f.IntVar(&e.options.K, "k", 10, "cut of nDCG and MRR")
	f.IntVar(&e.options.Depth, "depth", 100, "cut of Recall")
	f.IntVar(&e.options.Relevant, "relevant", 1, "least grade that counts as relevant for MRR, MAP and Recall")
	f.StringVar(&e.out, "out", "", "`folder` for a TREC run of each arm and queries.tsv")
	f.StringVar(&e.page, "html", "", "`file` for a page with plots and the largest losses and gains")
	f.Func("fail-below", "`MEASURE=VALUE`: exit with 1 if a treatment is below it, such as nDCG=0.70, or nDCG=+0.01 for a difference to control; may be repeated", e.addGuard)
	f.BoolVar(&e.perQuery, "per-query", false, "print every query, the largest losses first")
	f.BoolVar(&e.asJSON, "json", false, "print JSON")
	f.IntVar(&e.parallel, "parallel", 2, "searches at the same time")
	f.Func("header", "header `line` for every search, such as 'Authorization: Basic …'; may be repeated", func(s string) error {
		e.headers = append(e.headers, s)
		return nil
	})
}

func (e *evaluation) addSource(text string) error {
	name, address, named := strings.Cut(text, "=")
	if !named || strings.ContainsAny(name, "/:") { // a "=" of the URL's own
		name, address = "", text
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("want [NAME=]http://HOST:PORT")
	}
	if name == "" {
		name = u.Host
	}
	for _, s := range e.sources {
		if s.name == name {
			return fmt.Errorf("two proxies are called %q", name)
		}
	}
	e.sources = append(e.sources, proxySource{name, address})
	return nil
}

func (e *evaluation) addModel(name string) error {
	if name = strings.TrimSpace(name); name == "" {
		return fmt.Errorf("want a name")
	}
	if slices.Contains(e.models, name) {
		return fmt.Errorf("given twice")
	}
	e.models = append(e.models, name)
	return nil
}

func (e *evaluation) addWindows(text string) error {
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || n < 1 {
			return fmt.Errorf("%q is no whole number above 0", part)
		}
		e.windows = append(e.windows, n)
	}
	return nil
}

func (e *evaluation) addGuard(text string) error {
	g, err := eval.ParseGuard(text)
	if err == nil {
		e.guards = append(e.guards, g)
	}
	return err
}
