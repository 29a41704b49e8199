package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/resift/resift/configs"
	"github.com/resift/resift/demo"
	"github.com/resift/resift/demo/corpus"
	"github.com/resift/resift/engines"
	"github.com/resift/resift/eval"
	"github.com/resift/resift/reranker"
	"github.com/resift/resift/reranker/builtin"
)

// demoIndex is the demo's index.
const demoIndex = "resift-demo-foldoc"

// demoFlags are what `resift demo` was asked.
type demoFlags struct {
	model, engine string
	port          int
	keep, once    bool
	loadOnly      bool
}

// demo boots an engine, fills it, puts the proxy before it, shows three searches and stays up until ctx ends.
func (p *program) demo(ctx context.Context, args []string) error {
	var o demoFlags
	f := p.flags("demo", "demo [--model NAME|DIR] [--engine URL [--load-only]] [--port N] [--keep]")
	f.StringVar(&o.engine, "engine", "", "`URL` of a running engine to use instead of booting one; the demo adds the index "+demoIndex)
	f.StringVar(&o.model, "model", configs.BuiltIn, "`name` of a built-in model ("+strings.Join(builtin.Names(), ", ")+"), a model directory, or the name of one in the cache folder")
	f.IntVar(&o.port, "port", 9280, "port of the proxy on 127.0.0.1; the admin port is the next one; 0: free ports")
	f.BoolVar(&o.keep, "keep", false, "keep the engine's data for the next start")
	f.BoolVar(&o.loadOnly, "load-only", false, "fill the index of --engine and end, without model and proxy")
	f.BoolVar(&o.once, "once", false, "end after the three searches")
	if _, err := parse(f, args, 0); err != nil {
		return err
	}
	if o.loadOnly {
		if o.engine == "" {
			return errors.New("--load-only: --engine is missing: an engine that the demo boots ends with it")
		}
		return loadDemo(ctx, p.progress(), o.engine)
	}
	var err error
	if o.model, err = p.findModel(o.model); err != nil {
		return err
	}
	if _, ok := builtin.Find(o.model); !ok {
		if _, err := reranker.ReadDirectory(o.model); err != nil {
			return err // now, not after an engine has booted
		}
	}
	err = p.runDemo(ctx, &o)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// findModel returns what the configuration calls a model that is named as there, or by its name in the cache folder.
func (p *program) findModel(name string) (string, error) {
	if _, ok := builtin.Find(name); ok {
		return name, nil
	}
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return name, nil
	}
	models := filepath.Join(p.cacheDir(), "models")
	dir := filepath.Join(models, name)
	if _, err := os.Stat(dir); err == nil && filepath.IsLocal(name) {
		return dir, nil
	}
	return "", fmt.Errorf("--model %s: no built-in model (%s), no directory, and no model in %s", name, strings.Join(builtin.Names(), ", "), models)
}

// cacheDir is the folder for what is fetched or made once: see docs/building.md.
func (p *program) cacheDir() string {
	if dir := p.getenv("RESIFT_CACHE"); dir != "" {
		return dir
	}
	if dir := p.getenv("XDG_CACHE_HOME"); dir != "" {
		return filepath.Join(dir, "resift")
	}
	return filepath.Join(p.getenv("HOME"), ".cache", "resift")
}

// errDemoOver ends a demo that was to show its searches once.
var errDemoOver = errors.New("the demo is over")

func (p *program) runDemo(ctx context.Context, o *demoFlags) error {
	g := p.progress()
	c := demoConfig(o)
	// The engine and the index take seconds; a port in use is told before.
	for key, address := range map[string]string{"--port": c.Listen, "the port after --port": c.Admin.Listen} {
		l, err := listen(key, address)
		if err != nil {
			return err
		}
		l.Close()
	}
	engine := o.engine
	if engine == "" {
		e, err := p.bootEngine(ctx, g, o.keep)
		if err != nil {
			return err
		}
		defer func() {
			g.say("stopping the engine")
			if err := e.Stop(); err != nil {
				fmt.Fprintf(p.stderr, "resift: %v\n", err)
			}
			g.done("stopped; nothing is left running")
		}()
		engine = e.URL
	}
	if err := loadDemo(ctx, g, engine); err != nil {
		return err
	}

	g.say("loading the model")
	c.Engine.URLs = []string{engine}
	s, err := newServer(ctx, p, c, examples()...)
	if err != nil {
		return err
	}
	model := s.current.snapshot.Load().models.first()
	g.done(fmt.Sprintf("resift before it at %s, with %s (%s) on %s", s.URL(), model.Name(), model.Info().Precision, strings.Join(model.Info().Devices, ", ")))
	err = s.run(ctx, func(ctx context.Context) error {
		if err := p.showSearches(ctx, s.URL()); err != nil {
			return err
		}
		if o.once {
			return errDemoOver
		}
		p.inviteTo(s.URL(), s.AdminURL(), engine)
		return nil
	})
	if errors.Is(err, errDemoOver) {
		return nil
	}
	return err
}

// loadDemo fills the demo's index of an engine.
func loadDemo(ctx context.Context, g *progress, engine string) error {
	x := demo.Index{URL: engine, Name: demoIndex, Client: &http.Client{Timeout: time.Minute}}
	total := corpus.Count()
	if err := x.Load(ctx, demo.Corpus(), total, func(n int) { g.count("indexing FOLDOC", n, total) }); err != nil {
		return err
	}
	g.done(fmt.Sprintf("index %s: %d entries of the Free On-line Dictionary of Computing", demoIndex, total))
	return nil
}

// demoConfig is the smallest configuration, on the demo's ports, with time for a large model on a small CPU.
func demoConfig(o *demoFlags) *configs.Config {
	c := configs.Default()
	c.Listen = fmt.Sprintf("127.0.0.1:%d", o.port)
	c.Admin.Listen = "127.0.0.1:0"
	if o.port != 0 {
		c.Admin.Listen = fmt.Sprintf("127.0.0.1:%d", o.port+1)
	}
	c.Reranker.Model = o.model
	c.Log.Level = "warn"
	rule := configs.DefaultIndex()
	rule.Match, rule.Fields, rule.Timeout = "*", []string{"title", "text"}, configs.Duration(time.Minute)
	c.Indices = []configs.Index{rule}
	return &c
}

// bootEngine starts the best engine there is. With keep its data stays below the cache folder.
func (p *program) bootEngine(ctx context.Context, g *progress, keep bool) (*engines.Engine, error) {
	o := engines.Options{Progress: g.say}
	if keep {
		o.Name = engines.Best(ctx, g.say)
		o.StateDir = filepath.Join(p.cacheDir(), "demo", o.Name)
	}
	e, err := engines.Start(ctx, o)
	if err != nil {
		return nil, err
	}
	g.done(fmt.Sprintf("%s on Java %d at %s", e.Name, e.Java.Feature, e.URL))
	return e, nil
}

// examples are searches whose gain is plain to see; the corpus's README tells where re-ranking loses.
func examples() []string {
	return []string{
		"who invented the world wide web",
		"automatically freeing memory that a program no longer uses",
		"difference between a compiler and an interpreter",
	}
}

const (
	shown   = 5  // hits of each order that the demo prints
	warming = 20 // searches for each example before any is timed: an engine that has just started takes ten times as long
)

// showSearches asks for both orders of each example through the proxy and prints them.
func (p *program) showSearches(ctx context.Context, url string) error {
	x := eval.Searcher{URL: url, Index: demoIndex, Fields: []string{"title", "text"}, Size: 100, Client: &http.Client{Timeout: 2 * time.Minute}}
	for range warming {
		for _, text := range examples() {
			if _, err := x.Search(ctx, eval.Query{Text: text}, eval.Control); err != nil {
				return err
			}
		}
	}
	for i, text := range examples() {
		q := eval.Query{ID: fmt.Sprint(i), Text: text}
		var orders [2]demo.Order
		for a, arm := range []string{eval.Control, eval.Treatment} {
			answer, err := x.Search(ctx, q, arm)
			if err != nil {
				return err
			}
			name := "BM25"
			if arm == eval.Treatment {
				name = strings.TrimSpace(cmp.Or(answer.Model, "resift") + ", " + answer.Status + " " + answer.Reason)
			}
			orders[a] = demo.Order{Name: name, Took: answer.Elapsed}
			for _, d := range answer.Docs {
				orders[a].Hits = append(orders[a].Hits, demo.Hit{ID: d.ID, Title: corpus.Title(d.ID)})
			}
		}
		if err := demo.Compare(p.stdout, text, orders[0], orders[1], shown, p.width()); err != nil {
			return err
		}
	}
	return nil
}

// width of the terminal, 100 where there is none.
func (p *program) width() int {
	if f, ok := p.stdout.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil {
			return w
		}
	}
	return 100
}

// inviteTo says what to try.
func (p *program) inviteTo(url, admin, engine string) {
	fmt.Fprintf(p.stdout, `
Everything stays up. Try the same search at both addresses:

  curl -s '%s/%s/_search?q=virus+that+copies+itself&filter_path=hits.hits._score,hits.hits._source.title&pretty'
  curl -s '%s/%s/_search?q=virus+that+copies+itself&filter_path=hits.hits._score,hits.hits._source.title&pretty'

and -i in place of -s shows what resift says of it. Both orders side by side, in a browser: %s/ (metrics: /metrics there).
Ctrl-C ends it all.
`, engine, demoIndex, url, demoIndex, admin)
}
