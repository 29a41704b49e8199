package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/resift/resift/reranker"
)

// model runs one of the commands about model directories.
func (p *program) model(ctx context.Context, args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "info":
			return p.modelInfo(args[1:])
		case "bench":
			return p.modelBench(ctx, args[1:])
		case "import":
			return p.modelImport(args[1:])
		case "verify":
			return p.modelVerify(ctx, args[1:])
		case "pull":
			return p.modelPull(ctx, args[1:])
		}
	}
	fmt.Fprint(p.stderr, "usage: resift model info|bench|verify|import|pull …\n")
	return errUsage
}

// modelFlags are the options of a model that is run.
type modelFlags struct {
	o reranker.Options
}

func (p *program) modelFlags(name, synopsis string) (*modelFlags, *flag.FlagSet) {
	m := &modelFlags{}
	f := p.flags(name, synopsis)
	f.StringVar(&m.o.Library, "library", p.getenv("RESIFT_ONNXRUNTIME"), "ONNX Runtime's library `file`")
	f.StringVar(&m.o.Device, "device", "auto", "auto, cpu, or cuda:0,cuda:1")
	f.IntVar(&m.o.Sessions, "sessions", 0, "batches at the same time on a device; 0: chosen by the device")
	f.IntVar(&m.o.Threads, "threads", 0, "CPU threads of a session; 0: 1")
	f.IntVar(&m.o.BatchTokens, "batch-tokens", 0, "tokens of a batch, with its padding; 0: chosen by the device")
	f.IntVar(&m.o.TokenizeWorkers, "tokenize-workers", 0, "goroutines that tokenize; 0: one a CPU core")
	f.Int64Var(&m.o.MemoryLimit, "gpu-memory", 0, "bytes that a CUDA device may take; 0: no bound")
	return m, f
}

// modelInfo prints what a model directory is, after opening it as the proxy would: its files are checked.
func (p *program) modelInfo(args []string) error {
	m, f := p.modelFlags("model info", "model info DIR [--device …]")
	asJSON := f.Bool("json", false, "print JSON")
	names, err := parse(f, args, 1)
	if err != nil {
		return err
	}
	m.o.Model = names[0]
	r, err := reranker.Open(m.o)
	if err != nil {
		return err
	}
	defer r.Close()
	i := r.Info()
	if *asJSON {
		enc := json.NewEncoder(p.stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(i)
	}
	t := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{
		{"name", r.Name()}, {"model", i.Model}, {"architecture", i.Architecture}, {"precision", i.Precision}, {"layout", i.Layout},
		{"max tokens", strconv.Itoa(i.MaxTokens)}, {"revision", i.Revision}, {"source", i.Source}, {"license", i.License},
		{"runs on", strings.Join(i.Devices, ", ")}, {"sessions", fmt.Sprintf("%d with %d thread(s) each", i.Sessions, i.Threads)},
		{"batch tokens", strconv.Itoa(i.BatchTokens)}, {"library", i.Library + " " + i.LibraryVersion},
	} {
		if strings.TrimSpace(row[1]) != "" {
			fmt.Fprintf(t, "%s\t%s\n", row[0], row[1])
		}
	}
	return t.Flush()
}
