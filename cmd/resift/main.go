// Command resift is a re-ranking reverse proxy for Elasticsearch and OpenSearch.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
)

// version is set by the linker.
var version = "dev"

const usage = `resift puts a cross-encoder between a search app and its engine: searches come back in the engine's own
format, ordered by a model that read the query and each hit together.

  resift serve --config FILE     the proxy; SIGTERM drains, SIGHUP or a changed file reloads
  resift check --config FILE     prints the effective configuration, or every problem of it
  resift health [URL]            asks a running resift's admin port how it is; fails unless it works
  resift demo                    a real engine, a corpus, a model and the proxy, on this machine
  resift eval                    relevance of the engine's order and the model's, through a running proxy
  resift ab report               which arm of an experiment serves its users better, from the records
  resift model info MODEL        what a model is, and what it will run on; MODEL is a directory, or built in: resift-tiny, resift-small
  resift model bench MODEL       pairs/s, tokens/s and milliseconds by length and batch
  resift model verify MODEL      compares its scores with a reference's
  resift model import DIR -o OUT makes a model directory of published weights, or of a ready ONNX cross-encoder
  resift model pull NAME         downloads a model from a hub and imports it
  resift model export NAME -o OUT writes a built-in model as a folder of published weights
  resift version

resift COMMAND -h lists a command's flags.
`

// program is what a command sees of the world; tests make their own.
type program struct {
	args   []string
	env    []string
	stdout io.Writer
	stderr io.Writer
}

// errUsage tells that the message was already printed.
var errUsage = errors.New("usage")

func main() {
	// net/http has this logger print how an engine's stray bytes begin, whatever logger it was given: they may be of a document.
	log.SetOutput(io.Discard)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	p := &program{args: os.Args[1:], env: os.Environ(), stdout: os.Stdout, stderr: os.Stderr}
	code := p.run(ctx)
	stop()
	os.Exit(code)
}

// run returns the exit code: 0, 1 for a failure, 2 for a wrong call.
func (p *program) run(ctx context.Context) int {
	err := p.command(ctx)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return 2
	}
	fmt.Fprintf(p.stderr, "resift: %v\n", err)
	return 1
}

func (p *program) command(ctx context.Context) error {
	if len(p.args) == 0 {
		fmt.Fprint(p.stderr, usage)
		return errUsage
	}
	name, rest := p.args[0], p.args[1:]
	switch name {
	case "serve":
		return p.serve(ctx, rest)
	case "check":
		return p.check(rest)
	case "health":
		return p.health(ctx, rest)
	case "demo":
		return p.demo(ctx, rest)
	case "eval":
		return p.eval(ctx, rest)
	case "ab":
		return p.ab(rest)
	case "model":
		return p.model(ctx, rest)
	case "version", "--version":
		fmt.Fprintf(p.stdout, "resift %s %s/%s %s\n", version, runtime.GOOS, runtime.GOARCH, runtime.Version())
		return nil
	case "help", "-h", "--help":
		fmt.Fprint(p.stdout, usage)
		return nil
	}
	fmt.Fprintf(p.stderr, "resift: unknown command %q\n\n%s", name, usage)
	return errUsage
}

// flags is a flag set that prints to stderr and returns its error.
func (p *program) flags(name, synopsis string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(p.stderr)
	f.Usage = func() {
		fmt.Fprintf(p.stderr, "usage: resift %s\n", synopsis)
		f.PrintDefaults()
	}
	return f
}

// parse parses args; flags may stand before and after the names, of which there must be so many.
func parse(f *flag.FlagSet, args []string, names int) ([]string, error) {
	return parseNames(f, args, names, names)
}

// parseNames is parse for between least and most names.
func parseNames(f *flag.FlagSet, args []string, least, most int) ([]string, error) {
	var rest []string
	for {
		if err := f.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, err
			}
			return nil, errUsage
		}
		if f.NArg() == 0 {
			break
		}
		rest, args = append(rest, f.Arg(0)), f.Args()[1:]
	}
	if len(rest) < least || len(rest) > most {
		want := fmt.Sprint(most)
		if least != most {
			want = fmt.Sprintf("%d to %d", least, most)
		}
		fmt.Fprintf(f.Output(), "resift %s: want %s names, found %d %s\n", f.Name(), want, len(rest), strings.Join(rest, " "))
		f.Usage()
		return nil, errUsage
	}
	return rest, nil
}

// getenv looks name up in the program's environment.
func (p *program) getenv(name string) string {
	for _, e := range p.env {
		if value, ok := strings.CutPrefix(e, name+"="); ok {
			return value
		}
	}
	return ""
}
