package proxy

import "time"

// Defaults of a Rule; configs writes them into every rule that leaves a key out.
const (
	DefaultWindow    = 100
	DefaultMaxWindow = 1000
	DefaultTimeout   = 2 * time.Second
)

// ScoreMode says what a re-ranked hit's _score is.
type ScoreMode string

const (
	ScoreModel ScoreMode = "model" // the model's score, made positive and monotonic
	ScoreKeep  ScoreMode = "keep"  // the engine's
)

// LongTextMode says how a text longer than the model reads is scored.
type LongTextMode string

const (
	LongTextFirst     LongTextMode = "first"     // its beginning
	LongTextMax       LongTextMode = "max"       // overlapping windows, the best one counts
	LongTextHighlight LongTextMode = "highlight" // the engine's own fragments, where the hit has any
)

// LongText is how a rule treats texts longer than MaxTokens.
type LongText struct {
	Mode      LongTextMode
	MaxTokens int // tokens of a window
	Overlap   int // tokens that neighbouring windows share
}

// HTMLMode says how markup in a hit's text is read.
type HTMLMode string

const (
	HTMLKeep  HTMLMode = "keep"  // as it stands
	HTMLStrip HTMLMode = "strip" // what a browser would show of it
)

// FailureMode says what the client gets when a planned search cannot be re-ranked.
type FailureMode string

const (
	OnFailureEngine FailureMode = "engine" // the engine's own answer, status fallback
	OnFailureError  FailureMode = "error"  // 503
)

// A Rule says which searches are re-ranked and by what text. It is one entry of `indices` in the configuration.
type Rule struct {
	// Match is a glob on index names; `*` stands for any run of characters. See matchRule for how it meets an index expression.
	Match string
	// Fields are the paths whose text a hit is judged by, joined by a newline.
	Fields []string
	// Window is how many of the engine's first hits are re-ranked, 1 or more.
	Window int
	// MaxWindow is what a request may raise the window to; never below Window.
	MaxWindow int
	// Timeout bounds the time from the engine's answer to the last score.
	Timeout  time.Duration
	Score    ScoreMode
	LongText LongText
	HTML     HTMLMode // "" keeps
	// QueryPath, if not empty, is the dotted path of the query text in the request body, for example
	// "query.bool.must.0.match.title.query"; a number selects an element of an array. It replaces the walk through the query.
	QueryPath string
	// QueryParam, if not empty, is the dotted path of the query text among the params of a search template. A template without it is
	// read as any search.
	QueryParam string
	// Details adds resift.engine_score, resift.model_score and resift.engine_rank to every hit's fields.
	Details   bool
	OnFailure FailureMode
	// Model names the model that scores; empty: DefaultModel.
	Model string
	// Experiment is the A/B test on this rule's searches; nil: none.
	Experiment *Experiment
}

// Allow says which controls of a request are honoured. Those that are not are ignored; the ones in the body are taken out
// all the same, except Native, because an engine refuses what it does not know.
type Allow struct {
	Mode   bool // X-Resift-Mode, ext.resift.mode
	Query  bool // X-Resift-Query, ext.resift.query_text, ext.rerank.query_context, inference_text
	Window bool // X-Resift-Window, ext.resift.window, rank_window_size
	Arm    bool // X-Resift-Arm
	Model  bool // X-Resift-Model, ext.resift.model
	Ext    bool // the other members of ext.resift (fields, timeout, details, passage), and ext.resift as a whole
	Native bool // text_similarity_reranker and ext.rerank; when false they reach the engine untouched
}

// AllowAll honours every control.
func AllowAll() Allow {
	return Allow{Mode: true, Query: true, Window: true, Arm: true, Model: true, Ext: true, Native: true}
}

// Rules is all that Plan knows besides the request. It is read-only once in use.
type Rules struct {
	List     []Rule // the first that matches decides
	Allow    Allow
	MaxDepth int // how deep a body may nest; 0 means DefaultMaxDepth

	models []string // what requests may choose from: New writes it from its Options, DefaultModel first
}

// DefaultMaxDepth is the nesting a body may have. Engines refuse queries deeper than 30 and JSON deeper than 1,000.
const DefaultMaxDepth = 200

func (r *Rules) maxDepth() int {
	if r.MaxDepth == 0 {
		return DefaultMaxDepth
	}
	return r.MaxDepth
}
