package configs

import "time"

// Config is the whole configuration. Field paths in messages are the yaml names joined by dots.
type Config struct {
	Listen    string    `yaml:"listen"`
	TLS       TLS       `yaml:"tls"`
	Admin     Admin     `yaml:"admin"`
	RerankAPI RerankAPI `yaml:"rerank_api"`
	Engine    Engine    `yaml:"engine"`
	Reranker  Reranker  `yaml:"reranker"`
	Models    Models    `yaml:"models"`
	Cache     Cache     `yaml:"cache"`
	Indices   []Index   `yaml:"indices"`
	Records   Records   `yaml:"records"`
	Allow     Allow     `yaml:"allow"`
	Limits    Limits    `yaml:"limits"`
	Log       Log       `yaml:"log"`
}

// TLS is the certificate of the search port and of the rerank API's; empty serves plain HTTP.
type TLS struct {
	Cert     string `yaml:"cert"`
	Key      string `yaml:"key"`
	ClientCA string `yaml:"client_ca"` // PEM file; set: clients must show a certificate signed by it
}

// Admin is the port of metrics, health and profiles.
type Admin struct {
	Listen string `yaml:"listen"` // empty: no admin port
}

// RerankAPI is the port where other programs find the model.
type RerankAPI struct {
	Listen  string   `yaml:"listen"` // empty: no such port
	Token   Secret   `yaml:"token"`
	Body    Bytes    `yaml:"body"`
	Texts   int      `yaml:"texts"` // of one call
	Calls   int      `yaml:"calls"` // at the same time; more are refused
	Timeout Duration `yaml:"timeout"`
}

// Engine is the Elasticsearch or OpenSearch behind the proxy.
type Engine struct {
	URLs           []string  `yaml:"urls"`
	TLS            EngineTLS `yaml:"tls"`
	ConnectTimeout Duration  `yaml:"connect_timeout"`
	HeaderTimeout  Duration  `yaml:"header_timeout"` // from the end of the request to the first byte of the answer; 0: none
	StallTimeout   Duration  `yaml:"stall_timeout"`  // between two pieces of an answer, or of a request that it takes; 0: none
	IdlePerHost    int       `yaml:"idle_per_host"`  // idle connections kept to each node
	MaxAnswer      Bytes     `yaml:"max_answer"`     // a larger answer is not re-ranked
}

// EngineTLS is how the engine is trusted and how the proxy shows itself.
type EngineTLS struct {
	CA                 string `yaml:"ca"` // PEM file; empty: the system's
	Cert               string `yaml:"cert"`
	Key                string `yaml:"key"`
	ServerName         string `yaml:"server_name"`
	InsecureSkipVerify bool   `yaml:"insecure_skip_verify"`
}

// Reranker is the model and how it runs.
type Reranker struct {
	Backend         string   `yaml:"backend"` // onnx, tei
	Model           string   `yaml:"model"`   // onnx: a built-in model's name, or a model directory
	Library         string   `yaml:"library"` // onnx: ONNX Runtime's library
	Device          string   `yaml:"device"`
	Sessions        int      `yaml:"sessions"`
	Threads         int      `yaml:"threads"`
	MaxTokens       int      `yaml:"max_tokens"`
	BatchTokens     int      `yaml:"batch_tokens"`
	BatchDelay      Duration `yaml:"batch_delay"`
	TokenizeWorkers int      `yaml:"tokenize_workers"`
	GPUMemory       Bytes    `yaml:"gpu_memory"` // onnx: of each CUDA device; 0: no bound
	URL             string   `yaml:"url"`        // tei: base URL
	Token           Secret   `yaml:"token"`
	Timeout         Duration `yaml:"timeout"`
	Concurrency     int      `yaml:"concurrency"`
	QueuePairs      int      `yaml:"queue_pairs"`
}

// Models are further models by name. The name DefaultModel is that of Config.Reranker.
type Models map[string]Reranker

// Cache bounds the stored scores.
type Cache struct {
	Size   Bytes    `yaml:"size"`
	MaxAge Duration `yaml:"max_age"`
}

// Index is a rule: which searches are re-ranked, and by what text.
type Index struct {
	Match      string   `yaml:"match"`
	Fields     []string `yaml:"fields"`
	Model      string   `yaml:"model"` // by name; empty: Config.Reranker
	Window     int      `yaml:"window"`
	MaxWindow  int      `yaml:"max_window"`
	Timeout    Duration `yaml:"timeout"`
	Score      string   `yaml:"score"` // model, keep
	LongText   LongText `yaml:"long_text"`
	HTML       string   `yaml:"html"` // keep, strip
	QueryPath  string   `yaml:"query_path"`
	QueryParam string   `yaml:"query_param"`
	Details    bool     `yaml:"details"`
	OnFailure  string   `yaml:"on_failure"` // engine, error

	Experiment Experiment `yaml:"experiment"`
}

// Experiment gives each unit one of several arms.
type Experiment struct {
	Name string `yaml:"name"` // empty: none
	Salt string `yaml:"salt"` // empty: the name
	Unit Unit   `yaml:"unit"`
	Arms []Arm  `yaml:"arms"`
}

// Unit says who keeps an arm: the first of these that a request has, else its address.
type Unit struct {
	Header string `yaml:"header"`
	Cookie string `yaml:"cookie"`
}

// Arm is one arm of an experiment.
type Arm struct {
	Name     string `yaml:"name"`
	Kind     string `yaml:"kind"`      // control, treatment, interleave, shadow
	Model    string `yaml:"model"`     // by name; empty: the rule's
	Weight   int    `yaml:"weight"`    // share of the units, relative to the other arms'
	Window   int    `yaml:"window"`    // 0: the rule's
	LongText string `yaml:"long_text"` // mode; empty: the rule's
}

// Records are searches and what users did with them, for experiments.
type Records struct {
	Dir           string   `yaml:"dir"`       // of JSON lines; empty: none
	FileSize      Bytes    `yaml:"file_size"` // a file that has grown to it is put aside
	Files         int      `yaml:"files"`     // put aside and kept, for each kind of record
	URL           string   `yaml:"url"`       // an engine to index the records into; empty: none
	Authorization Secret   `yaml:"authorization"`
	IndexPrefix   string   `yaml:"index_prefix"`
	Application   string   `yaml:"application"`
	Queries       string   `yaml:"queries"` // keep, hash, omit
	Clients       string   `yaml:"clients"`
	Key           Secret   `yaml:"key"`
	Queue         int      `yaml:"queue"`   // records that may wait; more are lost, and counted
	Origins       []string `yaml:"origins"` // sites whose pages may post events
}

// LongText is how texts beyond the model's reach are scored.
type LongText struct {
	Mode      string `yaml:"mode"` // first, max, highlight
	MaxTokens int    `yaml:"max_tokens"`
	Overlap   int    `yaml:"overlap"`
}

// Allow says which controls of a request are honoured.
type Allow struct {
	Mode   bool `yaml:"mode"`
	Query  bool `yaml:"query"`
	Window bool `yaml:"window"`
	Arm    bool `yaml:"arm"`
	Model  bool `yaml:"model"`
	Ext    bool `yaml:"ext"`
	Native bool `yaml:"native"`

	Headers []string `yaml:"headers"` // fields that tell who asks, or have an underscore, and pass all the same; * at the end: any rest
}

// Limits bound what a client may ask of the proxy.
type Limits struct {
	Body       Bytes    `yaml:"body"`        // a larger search body is forwarded unplanned
	Headers    Bytes    `yaml:"headers"`     // of a request, all together
	HeaderTime Duration `yaml:"header_time"` // until a request's headers must be in
	BodyTime   Duration `yaml:"body_time"`   // until a search's body must be in
	StallTime  Duration `yaml:"stall_time"`  // between two pieces that a client sends of another body, or takes of an answer
	IdleTime   Duration `yaml:"idle_time"`   // of a kept connection
	DrainTime  Duration `yaml:"drain_time"`  // for requests under way at a stop or reload
	JSONDepth  int      `yaml:"json_depth"`
	Searches   int      `yaml:"searches"` // re-ranked at the same time; more fall back
}

// Log is the operator's log on standard error.
type Log struct {
	Level  string `yaml:"level"`  // debug, info, warn, error
	Format string `yaml:"format"` // text, json
}

// BuiltIn is the model of the onnx backend where none is named: one that is in the binary.
const BuiltIn = "resift-tiny"

// settle fills what depends on other keys.
func (r *Reranker) settle() {
	if r.Backend == "onnx" && r.Model == "" {
		r.Model = BuiltIn
	}
}

func (c *Config) settle() {
	c.Reranker.settle()
	for name, r := range c.Models {
		r.settle()
		c.Models[name] = r
	}
}

// Default is the configuration of an empty file. It lacks what has no default: engine.urls, indices.
func Default() Config {
	return Config{
		Listen:    "127.0.0.1:9280",
		Admin:     Admin{Listen: "127.0.0.1:9281"},
		RerankAPI: RerankAPI{Body: 10 << 20, Texts: 1000, Calls: 64, Timeout: Duration(30 * time.Second)},
		Engine: Engine{
			ConnectTimeout: Duration(5 * time.Second),
			HeaderTimeout:  Duration(60 * time.Second),
			StallTimeout:   Duration(2 * time.Minute),
			IdlePerHost:    128,
			MaxAnswer:      64 << 20,
		},
		Reranker: DefaultReranker(),
		Models:   Models{},
		Cache:    Cache{Size: 64 << 20},
		Records:  Records{FileSize: 64 << 20, Files: 10, Application: "resift", Queries: "keep", Clients: "hash", Queue: 10_000, Origins: []string{}},
		Allow:    Allow{Mode: true, Query: true, Window: true, Arm: true, Model: true, Ext: true, Native: true, Headers: []string{}},
		Limits: Limits{
			Body:       10 << 20,
			Headers:    64 << 10,
			HeaderTime: Duration(10 * time.Second),
			BodyTime:   Duration(30 * time.Second),
			StallTime:  Duration(2 * time.Minute),
			IdleTime:   Duration(120 * time.Second),
			DrainTime:  Duration(30 * time.Second),
			JSONDepth:  200,
			Searches:   256,
		},
		Log: Log{Level: "info", Format: "text"},
	}
}

// DefaultReranker is a model with only its defaults.
func DefaultReranker() Reranker {
	return Reranker{
		Backend:     "onnx",
		Device:      "auto",
		Timeout:     Duration(10 * time.Second),
		Concurrency: 4,
		QueuePairs:  4096,
	}
}

// DefaultIndex is a rule with only its defaults.
func DefaultIndex() Index {
	return Index{
		Window:    100,
		MaxWindow: 1000,
		Timeout:   Duration(2 * time.Second),
		Score:     "model",
		LongText:  LongText{Mode: "first", MaxTokens: 96, Overlap: 24},
		HTML:      "keep",
		OnFailure: "engine",

		Experiment: Experiment{Arms: []Arm{}},
	}
}
