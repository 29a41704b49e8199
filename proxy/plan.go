package proxy

import (
	"net/http"
	"time"

	"github.com/resift/resift/experiment"
)

// A Request is what Plan reads of a client's search.
type Request struct {
	Method   string
	Path     string // escaped, as sent: URL.EscapedPath()
	RawQuery string // as sent
	Header   http.Header
	Address  string // of the client, host:port
	Body     []byte // read whole, content encoding identity
	Template []byte // the search template, JSON that was checked, of which Body was rendered; nil for none
}

// A Decision is what becomes of a search. Exactly one of three holds:
//
//   - Refusal != nil: a control of ours has a value we cannot honour; the client gets a 400 and the engine is not asked.
//   - Bypass != "": Own is forwarded and its answer returned as it comes.
//   - otherwise First is sent, its hits are re-ranked, and the page is cut from them; on failure Own is forwarded.
type Decision struct {
	Refusal *Refusal
	Bypass  Reason

	// Own is the client's request as the engine may see it: the very bytes of the client, or, where a control of ours stood in
	// the body (ext.resift, ext.rerank, text_similarity_reranker), the same search without it. OwnEdited tells which.
	Own       Outgoing
	OwnEdited bool

	// Arm is the name of the arm that the request is in, whatever becomes of it; empty where that is not known.
	Arm string

	// Assignment is the arm of the rule's experiment; nil where there is none, or where no arm would re-rank the search.
	Assignment *Assignment

	// The rest is set only for a search to be re-ranked, or with an assignment.

	Rule  *Rule
	First Outgoing // the first stage: from 0, size Fetch, the fields to read, no filter_path

	Model  string      // the name of the model that scores; never empty
	Query  string      // what the model reads as the query; never empty
	Fields []TextField // where a hit's text comes from, in the order of the rule
	Window int         // the engine's first Window hits are re-ranked, 1 or more
	From   int         // the client's page
	Size   int
	Fetch  int // hits asked of the engine: max(Window, From+Size)

	Timeout   time.Duration
	Score     ScoreMode
	LongText  LongText
	StripHTML bool // what the model reads is plainHTML of a hit's text
	// OnFailure is the rule's, or OnFailureEngine where text_similarity_reranker.allow_rerank_failures says so.
	OnFailure FailureMode
	Details   bool // add resift.* to the fields of each hit
	Passage   bool // add resift.passage* to them
	Explain   bool // the client asked for explain: add the model's score to _explanation

	// Strip are the names under `fields` of each hit that the rewrite added and the answer must not show.
	Strip []string
	// StripHighlight are the names under `highlight` of each hit that the rewrite added: the same for the fragments that
	// LongTextHighlight reads. It is all of Fields, or empty.
	StripHighlight []string
	// Deferred is a cheaper way to what First asks for, where the client wants fragments of its page; nil: there is none.
	Deferred *DeferredHighlight
	// FilterPath are the patterns of the client's filter_path, which First does not carry; to be applied to the final answer.
	FilterPath []string
}

// A TextField is one path of a hit's text.
type TextField struct {
	Path string
	// Fetched is true where the text stands in the hit's `fields`, because the client's source filter keeps it out of _source.
	Fetched bool
}

// Outgoing is a request for the engine. Header is the client's but for X-Resift-*, and for Content-Type where a body was
// added; hop-by-hop headers, Host and Content-Length are left to the sender. Header may be shared: it must not be changed.
type Outgoing struct {
	Method   string
	Path     string // escaped
	RawQuery string
	Header   http.Header
	Body     []byte // nil where the client sent none and none is needed
}

// A Refusal is an error of the client's own making, to be written in the engine's error shape.
type Refusal struct {
	Status int    // 400
	Type   string // such as "illegal_argument_exception" or "parsing_exception"
	Reason string
	Cause  *RefusalCause // what the engine tells beside the reason; nil for most
}

// A RefusalCause is the error that led to a Refusal.
type RefusalCause struct{ Type, Reason string }

func (r *Refusal) write(w http.ResponseWriter) {
	e := errorCause{Type: r.Type, Reason: r.Reason}
	if r.Cause != nil {
		e.CausedBy = &errorCause{Type: r.Cause.Type, Reason: r.Cause.Reason}
	}
	writeError(w, r.Status, e)
}

// Plan decides what becomes of a search. It does no I/O, never fails and never panics, whatever the request holds. The request
// must be one that classify takes for one search.
func Plan(req *Request, rules *Rules) Decision {
	p := planner{request: req, rules: rules, controlHeaders: req.Header, controls: controls{models: rules.models}, search: searchRequest{
		method: req.Method, path: req.Path, rawQuery: req.RawQuery, header: engineHeaders(req.Header), content: req.Body,
	}}
	own := p.search.outgoing()
	p.d.Own = own
	for _, step := range [...]func(*planner) verdict{
		(*planner).readHeaders, (*planner).readParams, (*planner).readBody, (*planner).readExt, (*planner).findRule,
		(*planner).readNative, (*planner).judgeMode, (*planner).judgeShape, (*planner).readPage, (*planner).readQuery,
		(*planner).chooseFields, (*planner).settle, (*planner).judgeSignature, (*planner).rewrite,
	} {
		if v := step(&p); v != goOn {
			if signed(req) {
				return Decision{Own: own, Bypass: v.bypass, Refusal: v.refusal, Arm: p.d.Arm}
			}
			return Decision{Own: p.d.Own, OwnEdited: p.d.OwnEdited, Bypass: v.bypass, Refusal: v.refusal, Arm: p.d.Arm}
		}
	}
	if p.d.kind() == experiment.Control {
		p.d.Bypass = ReasonControlArm // only now: what no arm would re-rank is no part of the experiment
	}
	return p.d
}
