package e2e

// Queries, and where they stand: each with what it makes of the search.
func queryCases() []sameAnswer {
	const here = "/" + docs + "/_search"
	query := func(name, want, query string) sameAnswer {
		return sameAnswer{name: "query " + name, want: want, send: post(here, `{"query":`+query+`}`)}
	}
	return []sameAnswer{
		query("match", "reranked", `{"match":{"text":"memory"}}`),
		query("match, object", "reranked", `{"match":{"text":{"query":"memory that is kept","operator":"or","fuzziness":"AUTO","boost":2.5}}}`),
		query("match, number", "reranked", `{"match":{"length":{"query":120}}}`),
		query("match_phrase", "reranked", `{"match_phrase":{"text":{"query":"operating system","slop":2}}}`),
		query("match_phrase_prefix", "reranked", `{"match_phrase_prefix":{"text":"operating sys"}}`),
		query("match_bool_prefix", "reranked", `{"match_bool_prefix":{"text":"operating sys"}}`),
		query("multi_match", "reranked", `{"multi_match":{"query":"computer virus","fields":["title^3","text"],"type":"cross_fields"}}`),
		query("query_string", "reranked", `{"query_string":{"query":"title:(virus OR worm) AND -text:mac \"operating system\"~2","default_field":"text"}}`),
		query("simple_query_string", "reranked", `{"simple_query_string":{"query":"virus | worm -mac \"operating system\"","fields":["title","text"]}}`),
		query("bool", "reranked", `{"bool":{"must":[{"match":{"text":"memory"}}],"should":{"match":{"title":"cache"}},"filter":[{"range":{"length":{"gte":10}}}],"must_not":{"term":{"key":"ram"}},"minimum_should_match":0}}`),
		query("dis_max", "reranked", `{"dis_max":{"queries":[{"match":{"title":"cache"}},{"match":{"text":"cache"}}],"tie_breaker":0.3}}`),
		query("function_score", "reranked", `{"function_score":{"query":{"match":{"text":"protocol"}},"field_value_factor":{"field":"length","modifier":"log1p","missing":1},"boost_mode":"sum"}}`),
		query("boosting", "reranked", `{"boosting":{"positive":{"match":{"text":"protocol"}},"negative":{"match":{"text":"internet"}},"negative_boost":0.5}}`),
		query("names", "reranked", `{"bool":{"should":[{"match":{"title":{"query":"cache","_name":"in title"}}},{"match":{"text":{"query":"cache","_name":"in text"}}}]}}`),
		query("not a word of it indexed", "reranked", `{"match":{"text":"zzyzzxqq"}}`),
		query("emoji and other scripts", "reranked", `{"match":{"text":"日本語 👩‍👩‍👧‍👦 \u00e9t\u00e9 \ud83d\ude00 language"}}`),
		query("constant_score", "bypassed no_query_text", `{"constant_score":{"filter":{"match":{"text":"memory"}}}}`),
		query("match_all", "bypassed no_query_text", `{"match_all":{}}`),
		query("term", "bypassed no_query_text", `{"term":{"text":"memory"}}`),
		query("filter alone", "bypassed no_query_text", `{"bool":{"filter":{"match":{"text":"memory"}}}}`),
		query("prefix", "bypassed no_query_text", `{"prefix":{"text":"mem"}}`),
		query("ids", "bypassed no_query_text", `{"ids":{"values":["ram","virus"]}}`),
		query("intervals", "reranked", `{"intervals":{"text":{"match":{"query":"operating system","ordered":true}}}}`),
		query("more_like_this", "reranked", `{"more_like_this":{"fields":["text"],"like":"memory that is kept","min_term_freq":1,"min_doc_freq":1}}`),
		query("wrapper", "reranked", `{"wrapper":{"query":"eyJtYXRjaCI6eyJ0ZXh0IjoibWVtb3J5In19"}}`),
		query("terms_set", "bypassed no_query_text", `{"terms_set":{"topics":{"terms":["computer","language"],"minimum_should_match":1}}}`),
		query("fuzzy, regexp, wildcard", "bypassed no_query_text", `{"bool":{"should":[{"fuzzy":{"text":"memary"}},{"regexp":{"text":"mem.*"}},{"wildcard":{"key":"ra*"}}]}}`),
		query("spans", "bypassed no_query_text", `{"span_near":{"clauses":[{"span_term":{"text":"operating"}},{"span_term":{"text":"system"}}],"slop":2,"in_order":true}}`),
		query("distance_feature", "bypassed no_query_text", `{"distance_feature":{"field":"when","origin":"now","pivot":"7d"}}`),
		{name: "query template", only: "opensearch", want: "reranked", send: post(here, `{"query":{"template":{"match":{"text":"memory"}}}}`)},
		{name: "query combined_fields", only: "elasticsearch", want: "reranked",
			send: post(here, `{"query":{"combined_fields":{"query":"computer virus","fields":["title","text"]}}}`)},
		{name: "query nested", want: "reranked",
			send: post("/"+odd+"/_search", `{"query":{"nested":{"path":"people","query":{"match":{"people.name":"ada"}},"inner_hits":{}}}}`)},
		{name: "query script_score", only: "opensearch", want: "reranked",
			send: post(here, `{"query":{"script_score":{"query":{"match":{"text":"memory"}},"script":{"source":"_score + doc['length'].value / 1000.0"}}}}`)},
		{name: "query hybrid of another engine", only: "elasticsearch", want: "fallback engine_status",
			send: post(here, `{"query":{"hybrid":{"queries":[{"match":{"text":"memory"}}]}}}`)},

		{name: "no body", want: "bypassed no_query_text", send: get(here)},
		{name: "empty object", want: "bypassed no_query_text", send: post(here, `{}`)},
		{name: "GET with a body", want: "reranked", send: post(here, `{"query":{"match":{"text":"memory"}}}`).by("GET")},
		{name: "space around everything", want: "reranked", send: post(here, "\n\t { \"query\" : { \"match\" : { \"text\" : \"memory\" } } ,\r\n \"size\" : 3 } \n")},
		{name: "body in chunks", want: "reranked", send: chunked(post(here, `{"query":{"match":{"text":"memory"}}}`))},
		{name: "q", want: "reranked", send: get(here + "?q=text:memory")},
		{name: "q with its parameters", want: "reranked", send: get(here + "?q=computer+virus&df=text&default_operator=AND&lenient=true&analyze_wildcard=false&size=4&from=2")},
		{name: "q over a body", want: "reranked", send: post(here+"?q=title%3Acache", `{"query":{"match":{"text":"memory"}}}`)},
		{name: "source", want: "reranked", send: get(here + "?source_content_type=application/json&source=%7B%22query%22:%7B%22match%22:%7B%22text%22:%22memory%22%7D%7D,%22size%22:3%7D")},
		{name: "source without its type", want: "bypassed content_type", send: get(here + "?source=%7B%22query%22:%7B%22match_all%22:%7B%7D%7D%7D")},
		{name: "source and a body", want: "bypassed body_and_source", send: post(here+"?source_content_type=application/json&source=%7B%7D", `{"query":{"match":{"text":"memory"}}}`)},
	}
}

func chunked(r request) request {
	r.chunked = true
	return r
}

// Index expressions, and requests whose path or parameters are unusual.
func targetCases() []sameAnswer {
	const body = `{"query":{"match":{"text":"words"}},"size":7}`
	target := func(name, want, target string) sameAnswer {
		return sameAnswer{name: "target " + name, want: want, send: post(target, body)}
	}
	return []sameAnswer{
		target("wildcard", "reranked", "/e2e-*/_search"),
		target("comma list", "reranked", "/"+docs+","+odd+"/_search"),
		target("alias", "reranked", "/e2e-alias/_search"),
		target("alias of two", "reranked", "/e2e-all/_search"),
		target("everything", "reranked", "/_search"),
		target("_all", "reranked", "/_all/_search"),
		target("excluded", "reranked", "/e2e-*,-e2e-docs/_search"),
		target("escaped", "reranked", "/e2e%2Ddocs%2Ce2e-odd/_search"),
		target("slash at the end", "reranked", "/"+docs+"/_search/"),
		target("date math", "reranked", "/%3Ce2e-log-%7B2026.11.24%7C%7C%2Fd%7Byyyy.MM.dd%7D%7D%3E/_search"),
		target("three shards", "reranked", "/"+shards+"/_search?search_type=dfs_query_then_fetch&preference=_local"),
		target("missing", "fallback engine_status", "/e2e-none/_search"),
		target("missing beside another", "fallback engine_status", "/e2e-none,"+docs+"/_search"),
		target("missing but ignored", "reranked", "/e2e-none,"+docs+"/_search?ignore_unavailable=true"),
		target("no match of a wildcard", "reranked", "/e2e-none*/_search"),
		target("no match is an error", "fallback engine_status", "/e2e-none*/_search?allow_no_indices=false"),
		target("a name that is refused", "fallback engine_status", "/e2e-UPPER/_search"),
		target("underscore", "", "/_unknown/_search"),
		{name: "target a document called _search", want: "", send: get("/" + docs + "/_doc/_search")},
		target("unknown parameter", "fallback engine_status", "/"+docs+"/_search?nonsense=1"),
		target("parameter twice", "bypassed query_string", "/"+docs+"/_search?size=1&size=2"),
		target("semicolon", "bypassed query_string", "/"+docs+"/_search?size=1;from=1"),
		target("broken escape", "bypassed query_string", "/"+docs+"/_search?preference=%zz"),
		target("common parameters", "reranked", "/"+docs+"/_search?routing=a,b&request_cache=false&batched_reduce_size=16&max_concurrent_shard_requests=2&pre_filter_shard_size=4&allow_partial_search_results=true&expand_wildcards=open"),
		{name: "HEAD", want: "", send: request{method: "HEAD", target: "/" + docs + "/_search"}},
		{name: "OPTIONS", want: "", send: request{method: "OPTIONS", target: "/" + docs + "/_search"}},
		{name: "PUT", want: "", send: post("/"+docs+"/_search", body).by("PUT")},
	}
}
