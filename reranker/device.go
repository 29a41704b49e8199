package reranker

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

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

// errDeviceLost is what a batch gets that meets a device between its failure and its recovery.
var errDeviceLost = errors.New("the device has failed and is being opened again")

// device is a place where the model runs, over one copy of the weights.
type device struct {
	name string
	open func() (*graph, error)
	lost func(error) bool // whether a failed batch means that the graph is of no more use

	mu    sync.RWMutex // held for reading while the graph runs
	graph *graph       // nil from a failure until it is opened again
}

func (d *device) isLost(err error) bool { return d.lost != nil && d.lost(err) }

// reopen replaces the graph that failed, unless another lane did so before. It waits for the device's running batches.
func (d *device) reopen(failed *graph) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.graph != nil && d.graph != failed {
		return nil
	}
	if d.graph != nil {
		_ = d.graph.close() // it failed, and may fail at this too
		d.graph = nil
	}
	g, err := d.open()
	if err != nil {
		return err
	}
	d.graph = g
	return nil
}

func (d *device) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.graph == nil {
		return nil
	}
	err := d.graph.close()
	d.graph = nil
	return err
}

// openDevice loads the model on a device.
func openDevice(m model, name string, so sessionSettings) (*device, error) {
	d, err := m.on(name)
	if err != nil {
		return nil, err
	}
	if d.Layout == LayoutPacked && name == deviceCPU {
		return nil, fmt.Errorf("%s is for CUDA alone: its layout is %s, and ONNX Runtime has the operators for CUDA only; "+
			"use device cuda:0, or import the weights for the CPU: resift model import --precision fp32, or int8", d.Path, LayoutPacked)
	}
	on := &device{name: name, open: func() (*graph, error) { return openGraph(d, name, so) }}
	if name != deviceCPU {
		on.lost = isDeviceError
	}
	on.graph, err = on.open()
	if err != nil {
		return nil, err
	}
	return on, nil
}

// openDevices loads the model once per device. With "auto", CUDA devices are tried in turn; without any, the CPU serves,
// and note tells why if the library has CUDA.
func openDevices(m model, names []string, so sessionSettings) (devices []*device, note string, err error) {
	if slices.Equal(names, []string{deviceAuto}) {
		if devices, note = openAllCUDA(m, so); len(devices) > 0 {
			return devices, "", nil
		}
		names = []string{deviceCPU}
	}
	for _, name := range names {
		on, err := openDevice(m, name, so)
		if err != nil {
			if note != "" {
				err = fmt.Errorf("%w; CUDA was tried: %s", err, note)
			}
			return nil, "", errors.Join(err, closeDevices(devices))
		}
		devices = append(devices, on)
	}
	return devices, note, nil
}

// openAllCUDA opens CUDA devices from 0 on until one fails. The note is the failure of the first.
func openAllCUDA(m model, so sessionSettings) (devices []*device, note string) {
	options, err := ort.NewCUDAProviderOptions()
	if err != nil {
		return nil, "" // a library for CPUs
	}
	_ = options.Destroy() // fails only where there is nothing to destroy
	for id := range maxAutoDevices {
		on, err := openDevice(m, "cuda:"+strconv.Itoa(id), so)
		if err != nil {
			if id == 0 {
				note = err.Error()
			}
			break
		}
		devices = append(devices, on)
	}
	return devices, note
}

func closeDevices(devices []*device) error {
	var errs []error
	for _, d := range devices {
		errs = append(errs, d.close())
	}
	return errors.Join(errs...)
}
