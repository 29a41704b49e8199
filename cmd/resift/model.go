package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/resift/resift/reranker"
	"github.com/resift/resift/reranker/builtin"
)

// model runs one of the commands about models.
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
		case "export":
			return p.modelExport(args[1:])
		}
	}
	fmt.Fprint(p.stderr, "usage: resift model info|bench|verify|import|pull|export …\n")
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

// modelInfo prints what a model is, after opening it as the proxy would: its files are checked. Of a built-in it prints the card too.
func (p *program) modelInfo(args []string) error {
	m, f := p.modelFlags("model info", "model info NAME|DIR [--device …]")
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
	i, card := r.Info(), ""
	if b, ok := builtin.Find(names[0]); ok {
		if card, err = b.Card(); err != nil {
			return err
		}
	}
	if *asJSON {
		enc := json.NewEncoder(p.stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(struct {
			reranker.Info
			Card string `json:"card,omitempty"` // Markdown
		}{i, card})
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
	if err := t.Flush(); err != nil {
		return err
	}
	if card != "" {
		fmt.Fprintf(p.stdout, "\n%s", card)
	}
	return nil
}

// modelExport writes a built-in model as a folder of published weights, for `model import`, training and other programs.
func (p *program) modelExport(args []string) error {
	f := p.flags("model export", "model export NAME -o OUT")
	to := f.String("o", "", "`folder` to make; must not exist")
	names, err := parse(f, args, 1)
	if err != nil {
		return err
	}
	if *to == "" {
		return errors.New("-o is missing: the folder to make")
	}
	b, ok := builtin.Find(names[0])
	if !ok {
		return fmt.Errorf("no built-in model is called %s; there are %s", names[0], strings.Join(builtin.Names(), ", "))
	}
	files, err := b.FileNames()
	if err != nil {
		return err
	}
	return newFolder(*to, func(dir string) error {
		for _, name := range files {
			content, err := fs.ReadFile(b.Files(), name)
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
				return err
			}
		}
		return nil
	})
}
