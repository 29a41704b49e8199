package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/resift/resift/engines"
	"github.com/resift/resift/reranker"
)

// bench is one run of the program.
type bench struct {
	out, progress io.Writer

	fp32, int8     string // directories of the model in both precisions
	python, resift string // programs
	nginx, caddy   string // programs
	plugins        string // folder of OpenSearch's plugins, by test/mlcommons/setup.sh
	rounds         int    // turns that each contender takes

	options reranker.Options // of resift where it scores in this process; zero: its defaults
	engine  *engines.Engine  // nil until a topic needs it
}

// topic is one of the program's arguments.
type topic struct {
	name string
	run  func(*bench, context.Context) error
}

func topics() []topic {
	return []topic{
		{"tiny", (*bench).tiny},
		{"pairs", (*bench).pairs},
		{"tokenizer", (*bench).tokenizers},
		{"splitter", (*bench).splitter},
		{"proxy", (*bench).proxy},
		{"passthrough", (*bench).passthrough},
		{"highlight", (*bench).highlight},
		{"demo", (*bench).demo},
		{"processor", (*bench).processor},
	}
}

func topicNames() string {
	var names []string
	for _, t := range topics() {
		names = append(names, t.name)
	}
	return strings.Join(names, ", ")
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := runAll(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

func runAll(ctx context.Context, args []string) (err error) {
	b := &bench{out: os.Stdout, progress: os.Stderr}
	chosen, err := b.parse(args)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.stopEngine()) }()
	fmt.Fprintf(b.out, "%s\n", machine())
	for _, t := range chosen {
		if err := t.run(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	fmt.Fprintf(b.out, "\nload average now %s\n", load())
	return nil
}

// parse reads flags and the names of topics; without any, all.
func (b *bench) parse(args []string) ([]topic, error) {
	cache, err := engines.CacheDir()
	if err != nil {
		return nil, err
	}
	f := flag.NewFlagSet("bench", flag.ExitOnError)
	model := filepath.Join(cache, "models", "ms-marco-MiniLM-L-12-v2")
	f.StringVar(&b.fp32, "fp32", model, "model `directory` in fp32")
	f.StringVar(&b.int8, "int8", model+"-int8", "the same model in int8")
	f.StringVar(&b.python, "python", filepath.Join(cache, "bench", "bin", "python"), "`interpreter` that has python/requirements.txt")
	f.StringVar(&b.resift, "resift", filepath.Join("bin", "resift"), "`program`")
	f.StringVar(&b.nginx, "nginx", filepath.Join(cache, "proxies", "nginx"), "`program`")
	f.StringVar(&b.caddy, "caddy", filepath.Join(cache, "proxies", "caddy"), "`program`")
	f.StringVar(&b.plugins, "plugins", filepath.Join(cache, "mlcommons"), "`folder` of OpenSearch's plugins, made by test/mlcommons/setup.sh")
	f.IntVar(&b.rounds, "rounds", 3, "turns that each contender takes")
	f.IntVar(&b.options.Sessions, "sessions", 0, "sessions in Go; 0: resift's default")
	f.IntVar(&b.options.Threads, "threads", 0, "threads of a session in Go; 0: resift's default")
	f.IntVar(&b.options.BatchTokens, "batch-tokens", 0, "tokens of a batch in Go; 0: resift's default")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() == 0 {
		return topics(), nil
	}
	var chosen []topic
	for _, name := range f.Args() {
		i := slices.IndexFunc(topics(), func(t topic) bool { return t.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no topic %q; there are %s", name, topicNames())
		}
		chosen = append(chosen, topics()[i])
	}
	return chosen, nil
}

func (b *bench) table(title string, columns ...string) *table {
	return &table{out: b.out, title: title, rows: [][]string{columns}}
}

// say prints a line of progress.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.progress, "bench: "+format+"\n", args...)
}
