package reranker

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	ort "github.com/yalue/onnxruntime_go"
)

// deviceAuto tries CUDA first; deviceCPU is the name of the CPU everywhere.
const (
	deviceAuto = "auto"
	deviceCPU  = "cpu"
)

// maxAutoDevices bounds the search for CUDA devices.
const maxAutoDevices = 16

// parseDevices reads Options.Device into device names; "auto" stays one name.
func parseDevices(text string) ([]string, error) {
	if text == "" || text == deviceAuto {
		return []string{deviceAuto}, nil
	}
	var devices []string
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		if name == "cuda" {
			name = "cuda:0"
		}
		if _, err := cudaID(name); err != nil && name != deviceCPU {
			return nil, fmt.Errorf("device %q: want auto, cpu, or a list such as cuda:0,cuda:1", name)
		}
		if slices.Contains(devices, name) {
			return nil, fmt.Errorf("device %q is named twice", name)
		}
		devices = append(devices, name)
	}
	if len(devices) > 1 && slices.Contains(devices, deviceCPU) {
		return nil, fmt.Errorf("devices %q: the CPU can't be mixed with others, whose scores differ in rounding", text)
	}
	return devices, nil
}

// cudaID is N of "cuda:N".
func cudaID(device string) (int, error) {
	number, ok := strings.CutPrefix(device, "cuda:")
	if !ok {
		return 0, fmt.Errorf("%q is no CUDA device", device)
	}
	id, err := strconv.ParseUint(number, 10, 8)
	return int(id), err
}

// openGraphs loads the model once per device. With "auto", CUDA devices are tried in turn; without any, the CPU serves,
// and note tells why if the library has CUDA.
func openGraphs(d *Directory, devices []string, threads int) (graphs []*graph, note string, err error) {
	if slices.Equal(devices, []string{deviceAuto}) {
		if graphs, note = openAllCUDA(d, threads); len(graphs) > 0 {
			return graphs, "", nil
		}
		devices = []string{deviceCPU}
	}
	for _, device := range devices {
		g, err := openGraph(d, device, threads)
		if err != nil {
			return nil, "", errors.Join(err, closeGraphs(graphs))
		}
		graphs = append(graphs, g)
	}
	return graphs, note, nil
}

// openAllCUDA opens CUDA devices from 0 on until one fails. The note is the failure of the first.
func openAllCUDA(d *Directory, threads int) (graphs []*graph, note string) {
	options, err := ort.NewCUDAProviderOptions()
	if err != nil {
		return nil, "" // a library for CPUs
	}
	_ = options.Destroy() // fails only where there is nothing to destroy
	for id := range maxAutoDevices {
		g, err := openGraph(d, "cuda:"+strconv.Itoa(id), threads)
		if err != nil {
			if id == 0 {
				note = err.Error()
			}
			break
		}
		graphs = append(graphs, g)
	}
	return graphs, note
}

// sessionOptions are ONNX Runtime's settings for a device. The caller destroys them.
func sessionOptions(device string, threads int) (*ort.SessionOptions, error) {
	o, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	settings := []error{
		o.SetGraphOptimizationLevel(ort.GraphOptimizationLevelEnableAll),
		o.SetIntraOpNumThreads(threads),
		o.SetInterOpNumThreads(1),
		// A memory pattern is kept for every shape of a batch ever seen: it would grow without bound.
		o.SetMemPattern(false),
		// The arena grows to what the largest batches need and is shared by all sessions of a device. Without it every
		// large batch maps fresh pages: measured 2.5 times slower at 32 pairs.
		o.SetCpuMemArena(true),
		// Spinning threads took 35 % of the CPU time at two threads without making a batch faster.
		o.AddSessionConfigEntry("session.intra_op.allow_spinning", "0"),
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
	if err := appendCUDA(o, device); err != nil {
		_ = o.Destroy()
		return nil, err
	}
	return o, nil
}

func appendCUDA(o *ort.SessionOptions, device string) error {
	id, err := cudaID(device)
	if err != nil {
		return err
	}
	cuda, err := ort.NewCUDAProviderOptions()
	if err != nil {
		return fmt.Errorf("device %s: this ONNX Runtime library has no CUDA (%w); use that of onnxruntime-gpu, or device cpu", device, err)
	}
	defer cuda.Destroy()
	err = cuda.Update(map[string]string{
		"device_id":             strconv.Itoa(id),
		"arena_extend_strategy": "kSameAsRequested",
		"use_tf32":              "0", // 10-bit products would move fp32 scores by more than 1e-4
	})
	if err == nil {
		err = o.AppendExecutionProviderCUDA(cuda)
	}
	if err != nil {
		return fmt.Errorf("device %s: CUDA can't be used: %w", device, err)
	}
	return nil
}
