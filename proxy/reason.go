package proxy

// A Reason says in one word why a search was not re-ranked, or not wholly. The same word stands in X-Resift-Reason, in the
// reason attribute of resift.requests and of the span. The set is closed: it bounds the metric's labels.
type Reason string

// Why a search was bypassed: decided by Plan before the engine was asked, status "bypassed".
const (
	ReasonNoRule         Reason = "no_rule"          // no rule matches every index that the search names
	ReasonModeOff        Reason = "mode_off"         // the request asked for the engine's order (X-Resift-Mode or ext.resift.mode)
	ReasonControlArm     Reason = "control_arm"      // the request is in the control arm of an experiment
	ReasonNoQueryText    Reason = "no_query_text"    // the query holds no text that a model could read
	ReasonSort           Reason = "sort"             // explicit sort whose first key is not _score descending
	ReasonSearchAfter    Reason = "search_after"     // deep paging by search_after
	ReasonScroll         Reason = "scroll"           // the search opens a scroll
	ReasonSlice          Reason = "slice"            // sliced search
	ReasonSizeZero       Reason = "size_zero"        // size 0: no hits are wanted
	ReasonPastWindow     Reason = "past_window"      // from is at or past the window
	ReasonPage           Reason = "page"             // from or size that the engine will refuse, or that is written in an unusual way
	ReasonKNN            Reason = "knn"              // top-level knn: the hits are not those of the query alone
	ReasonRank           Reason = "rank"             // top-level rank: the engine ranks by itself
	ReasonRetriever      Reason = "retriever"        // a retriever other than text_similarity_reranker over standard, or one with min_score
	ReasonContentType    Reason = "content_type"     // the body is not JSON (YAML, CBOR, SMILE, unnamed)
	ReasonAnswerFormat   Reason = "answer_format"    // the answer is asked for in another format than JSON
	ReasonEncoding       Reason = "content_encoding" // the body is compressed
	ReasonMalformed      Reason = "malformed_body"   // the body is not JSON by RFC 8259, or not an object
	ReasonTooDeep        Reason = "body_too_deep"    // the body nests deeper than the limit
	ReasonDuplicateKey   Reason = "duplicate_key"    // a JSON object has the same key twice
	ReasonQueryString    Reason = "query_string"     // a URL parameter given twice, a ';', or a broken escape
	ReasonParameter      Reason = "parameter"        // a URL parameter or body member that the plan reads has a value it cannot read
	ReasonSearchPipeline Reason = "search_pipeline"  // ext.rerank is for the engine's own search pipeline
	ReasonStoredFields   Reason = "stored_fields"    // stored_fields forbids the fields that the rule reads
	ReasonBodyAndSource  Reason = "body_and_source"  // both a body and ?source=: the engine refuses or ignores one
	ReasonBodyTooLarge   Reason = "body_too_large"   // the body is larger than limits.body
	ReasonBodyUnreadable Reason = "body_unreadable"  // the body has no known length or framing that could be read
)

// Why a planned search ended in the engine's own order, status "fallback"; or only partly in the model's, status "partial".
const (
	ReasonEngineStatus      Reason = "engine_status"      // the engine refused the rewritten search; its answer to the client's own search is returned
	ReasonEngineUnreachable Reason = "engine_unreachable" // no answer to the rewritten search
	ReasonAnswer            Reason = "answer"             // the engine's answer could not be split
	ReasonAnswerTooLarge    Reason = "answer_too_large"   // the engine's answer is larger than limits.answer
	ReasonNoText            Reason = "no_text"            // no hit has any text in the rule's fields
	ReasonOverloaded        Reason = "overloaded"         // the queue of pairs is full
	ReasonDeadline          Reason = "deadline"           // the time for scoring ran out
	ReasonModel             Reason = "model"              // the model failed
	ReasonInternal          Reason = "internal"           // a fault in resift itself; the log has the detail
)

// Reasons lists every reason, in the order of the documentation.
func Reasons() []Reason {
	return []Reason{
		ReasonNoRule, ReasonModeOff, ReasonControlArm, ReasonNoQueryText, ReasonSort, ReasonSearchAfter, ReasonScroll, ReasonSlice,
		ReasonSizeZero, ReasonPastWindow, ReasonPage, ReasonKNN, ReasonRank, ReasonRetriever, ReasonContentType, ReasonAnswerFormat,
		ReasonEncoding, ReasonMalformed, ReasonTooDeep, ReasonDuplicateKey, ReasonQueryString, ReasonParameter,
		ReasonSearchPipeline, ReasonStoredFields,
		ReasonBodyAndSource, ReasonBodyTooLarge, ReasonBodyUnreadable,
		ReasonEngineStatus, ReasonEngineUnreachable, ReasonAnswer, ReasonAnswerTooLarge, ReasonNoText, ReasonOverloaded,
		ReasonDeadline, ReasonModel, ReasonInternal,
	}
}
