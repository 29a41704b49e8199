package proxy

// A Reason says in one word why a search was not re-ranked, or not wholly. The same word stands in X-Resift-Reason, in the
// reason attribute of resift.requests and of the span. The set is closed: it bounds the metric's labels.
type Reason string

// Why a search was bypassed: decided by Plan before the engine was asked, status "bypassed".
const (
	ReasonNoRule         Reason = "no_rule"          // no rule of the configuration matches every index that the search names
	ReasonModeOff        Reason = "mode_off"         // the request asked for the engine's order (X-Resift-Mode or ext.resift.mode)
	ReasonControlArm     Reason = "control_arm"      // the request is in the control arm of an experiment
	ReasonShadow         Reason = "shadow"           // the request is in a shadow arm: the engine's order is answered, and the model's recorded
	ReasonNoQueryText    Reason = "no_query_text"    // the query holds no text that a model could read
	ReasonSort           Reason = "sort"             // explicit sort whose first key is not _score descending
	ReasonSearchAfter    Reason = "search_after"     // deep paging by search_after
	ReasonScroll         Reason = "scroll"           // the search opens a scroll
	ReasonSlice          Reason = "slice"            // sliced search
	ReasonSizeZero       Reason = "size_zero"        // size 0: no hits are wanted
	ReasonPastWindow     Reason = "past_window"      // from is at or past the window: the page lies in the engine's order as a whole
	ReasonPage           Reason = "page"             // from or size is no plain non-negative integer: the engine says what it thinks of it
	ReasonKNN            Reason = "knn"              // a knn section: its hits are not those of the query alone
	ReasonRank           Reason = "rank"             // a rank or sub_searches section: the engine ranks by itself
	ReasonRetriever      Reason = "retriever"        // a retriever other than text_similarity_reranker over standard, or one with min_score, or forbidden by allow.native
	ReasonContentType    Reason = "content_type"     // the body is not said to be JSON (YAML, CBOR, SMILE, a form, another charset)
	ReasonAnswerFormat   Reason = "answer_format"    // the answer is asked for in another format than JSON
	ReasonEncoding       Reason = "content_encoding" // the body is compressed by another way than gzip or deflate, or twice, or broken
	ReasonMalformed      Reason = "malformed_body"   // the body is not strict JSON in UTF-8, or not an object
	ReasonTooDeep        Reason = "body_too_deep"    // the body nests deeper than limits.json_depth
	ReasonDuplicateKey   Reason = "duplicate_key"    // a JSON object has the same key twice
	ReasonQueryString    Reason = "query_string"     // a URL parameter given twice, a ";", a broken escape: engines and proxies read these differently
	ReasonParameter      Reason = "parameter"        // _source, fields, stored_fields or explain has a value that engines refuse
	ReasonSearchPipeline Reason = "search_pipeline"  // ext.rerank beside a search_pipeline, which is the engine's to serve, or forbidden by allow.native
	ReasonStoredFields   Reason = "stored_fields"    // stored_fields: _none_ lets nothing be read of a hit
	ReasonBodyAndSource  Reason = "body_and_source"  // both a body and ?source=: the engine refuses or ignores one
	ReasonBodyTooLarge   Reason = "body_too_large"   // the body is larger than limits.body, as it is or decompressed
	ReasonSigned         Reason = "signed_request"   // the request is signed as it stands (AWS SigV4, HTTP Message Signatures, a digest): changed, it would be refused

	ReasonMultiSearch     Reason = "multi_search"      // a multi-search, or the header of one of its searches, that engines read differently: a line break at its start or none at its end, ?source=, an unknown member
	ReasonTooManySearches Reason = "too_many_searches" // the multi-search has more searches than limits.searches
	ReasonTemplate        Reason = "template"          // the engine rendered no search from the search template, or the request for it has members that are unknown here
)

// Why a planned search ended in the engine's own order, status "fallback"; or only partly in the model's, status "partial".
const (
	ReasonEngineStatus      Reason = "engine_status"      // the engine refused the rewritten search: the answer is what it says to the client's own
	ReasonEngineUnreachable Reason = "engine_unreachable" // no answer to the rewritten search
	ReasonEngineTimeout     Reason = "engine_timeout"     // no answer to the rewritten search within engine.header_timeout, or it stalled: 504
	ReasonAnswer            Reason = "answer"             // the engine's answer could not be split or written again
	ReasonAnswerTooLarge    Reason = "answer_too_large"   // the engine's answer is larger than engine.max_answer
	ReasonNoText            Reason = "no_text"            // no hit of the window has any text in the rule's fields
	ReasonOverloaded        Reason = "overloaded"         // too many pairs are waiting, or too many searches under way
	ReasonDeadline          Reason = "deadline"           // the time for scoring ran out
	ReasonModel             Reason = "model"              // the model failed, or gave no score for some hits
	ReasonInternal          Reason = "internal"           // a fault in resift itself, with details in its log
)

// Reasons lists every reason, in the order of the documentation.
func Reasons() []Reason {
	return []Reason{
		ReasonNoRule, ReasonModeOff, ReasonControlArm, ReasonShadow, ReasonNoQueryText, ReasonSort, ReasonSearchAfter, ReasonScroll, ReasonSlice,
		ReasonSizeZero, ReasonPastWindow, ReasonPage, ReasonKNN, ReasonRank, ReasonRetriever, ReasonContentType, ReasonAnswerFormat,
		ReasonEncoding, ReasonMalformed, ReasonTooDeep, ReasonDuplicateKey, ReasonQueryString, ReasonParameter,
		ReasonSearchPipeline, ReasonStoredFields, ReasonBodyAndSource, ReasonBodyTooLarge, ReasonSigned,
		ReasonMultiSearch, ReasonTooManySearches, ReasonTemplate,

		ReasonEngineStatus, ReasonEngineUnreachable, ReasonEngineTimeout, ReasonAnswer, ReasonAnswerTooLarge, ReasonNoText, ReasonOverloaded,
		ReasonDeadline, ReasonModel, ReasonInternal,
	}
}
