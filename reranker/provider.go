package reranker

import (
	"fmt"
	"maps"
	"strconv"

	ort "github.com/yalue/onnxruntime_go"
)

// sessionSettings are what a session needs to know beside the model.
type sessionSettings struct {
	threads     int               // CPU threads of a session
	sessions    int               // batches at the same time on a device
	batchTokens int               // tokens of the largest batch, for CUDA's warm-up
	maxTokens   int               // of a pair
	memory      int64             // bytes that a CUDA device may take; 0: no bound
	cuda        map[string]string // further settings of ONNX Runtime's CUDA provider
}

// sessionOptions are ONNX Runtime's settings for a device. The caller destroys them.
func sessionOptions(device string, so sessionSettings) (*ort.SessionOptions, error) {
	o, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	settings := []error{
		o.SetGraphOptimizationLevel(ort.GraphOptimizationLevelEnableAll),
		o.SetIntraOpNumThreads(so.threads),
		o.SetInterOpNumThreads(1),
		// A memory pattern is kept for every shape of a batch ever seen: it would grow without bound.
		o.SetMemPattern(false),
		// The arena grows to what the largest batches need and is shared by all sessions of a device. Without it every
		// large batch maps fresh pages: measured 2.5 times slower at 32 pairs.
		o.SetCpuMemArena(true),
		// Spinning threads took 35 % of the CPU time at two threads without making a batch faster.
		o.AddSessionConfigEntry("session.intra_op.allow_spinning", "0"),
		// On x86 without VNNI the fast int8 product adds pairs up in 16 bits, which overflow; this takes an exact one, so that int8
		// scores are the same on every CPU (seen in an emulated Haswell: scores of MiniLM L-12 off by .01, and equal with it).
		o.AddSessionConfigEntry("session.x64quantprecision", "1"),
	}
	for _, err := range settings {
		if err != nil {
			_ = o.Destroy()
			return nil, err
		}
	}
	if device == deviceCPU {
		return o, nil
	}
	if err := appendCUDA(o, device, so); err != nil {
		_ = o.Destroy()
		return nil, err
	}
	return o, nil
}

func appendCUDA(o *ort.SessionOptions, device string, so sessionSettings) error {
	id, err := cudaID(device)
	if err != nil {
		return err
	}
	cuda, err := ort.NewCUDAProviderOptions()
	if err != nil {
		return fmt.Errorf("device %s: this ONNX Runtime library has no CUDA (%w); use that of onnxruntime-gpu (make build-gpu), or device cpu", device, err)
	}
	defer cuda.Destroy()
	settings := map[string]string{
		"device_id": strconv.Itoa(id),
		// The warm-up asks for the largest batch first: after that the arena hardly grows, and takes no more than needed.
		"arena_extend_strategy": "kSameAsRequested",
		"use_tf32":              "0", // 10-bit products would move fp32 scores by more than 1e-4
	}
	if so.memory > 0 {
		settings["gpu_mem_limit"] = strconv.FormatInt(so.memory, 10)
	}
	maps.Copy(settings, so.cuda)
	err = cuda.Update(settings)
	if err == nil {
		err = o.AppendExecutionProviderCUDA(cuda)
	}
	if err != nil {
		return fmt.Errorf("device %s: CUDA can't be used: %w", device, explain(err))
	}
	return nil
}
