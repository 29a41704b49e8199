package reranker

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// fragile is a runner of a device that breaks when told, and can be opened again after so many attempts.
type fragile struct {
	instant
	name     string
	breaks   atomic.Bool
	lost     atomic.Bool
	refusals atomic.Int64
	reopened []time.Time
}

var errBroken = errors.New("CUDA failure 700: an illegal memory access was encountered")

func (f *fragile) device() string { return f.name }

func (f *fragile) run(ctx context.Context, b *batch) error {
	if f.breaks.Load() {
		f.lost.Store(true)
		return errBroken
	}
	return f.instant.run(ctx, b)
}

func (f *fragile) broken() bool { return f.lost.Load() }

func (f *fragile) reopen() error {
	f.reopened = append(f.reopened, time.Now())
	if f.refusals.Add(-1) >= 0 {
		return errBroken
	}
	f.breaks.Store(false)
	f.lost.Store(false)
	return nil
}

func TestLostDeviceIsOpenedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run := &fragile{name: "cuda:0"}
		s := startScheduler(t, schedulerOptions{runners: []runner{run}, batchTokens: 20})
		defer s.close()
		run.refusals.Store(3)
		run.breaks.Store(true)
		begun := time.Now()
		_, err := s.score(t.Context(), "q", passages(10, 10, 10, 10, 10), nil)
		var failure *BackendError
		if !errors.As(err, &failure) || !errors.Is(err, errBroken) || time.Since(begun) != 0 {
			t.Fatalf("%v after %v, want a BackendError at once", err, time.Since(begun))
		}
		synctest.Wait()
		if got := s.stats(); got.Down != 1 || got.QueuePairs != 0 || got.Busy != 0 {
			t.Errorf("stats %+v", got)
		}
		// While the only device is down requests fail at once, which makes searches fall back.
		if _, err := s.score(t.Context(), "q", passages(1), nil); !errors.As(err, &failure) {
			t.Errorf("%v while no device works", err)
		}
		if err := s.healthy(); err == nil || !strings.Contains(err.Error(), "opened again") {
			t.Errorf("healthy says %v", err)
		}
		time.Sleep(16 * time.Second) // waits of 1, 2, 4 and 8 s
		synctest.Wait()
		if len(run.reopened) != 4 || run.reopened[3].Sub(begun) != 15*time.Second {
			t.Errorf("reopened at %v", run.reopened)
		}
		if r, err := s.score(t.Context(), "q", passages(1, 1), nil); checkScores(t, r) != 2 || err != nil {
			t.Errorf("after the recovery: %v", err)
		}
		if err := s.healthy(); err != nil || s.stats().Down != 0 {
			t.Errorf("healthy says %v, %d down", err, s.stats().Down)
		}
	})
}

func TestOtherDevicesCarryOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := &fragile{name: "cuda:0"}, &fragile{name: "cuda:1"}
		one.perToken, two.perToken = time.Millisecond, time.Millisecond
		s := startScheduler(t, schedulerOptions{runners: []runner{one, two}, batchTokens: 20})
		defer s.close()
		one.breaks.Store(true)
		one.refusals.Store(1 << 40)
		failed := 0
		for range 20 {
			r, err := s.score(t.Context(), "q", passages(10, 10, 10, 10), nil)
			if err != nil {
				failed++
			} else {
				checkScores(t, r)
			}
		}
		if failed != 1 {
			t.Errorf("%d requests failed, want the one that met the device", failed)
		}
		if err := s.healthy(); err != nil || s.stats().Down != 1 {
			t.Errorf("healthy says %v, %d down", err, s.stats().Down)
		}
	})
}

func TestCloseWhileADeviceIsDown(t *testing.T) {
	run := &fragile{name: "cuda:0"}
	run.refusals.Store(1 << 40)
	run.breaks.Store(true)
	s := startScheduler(t, schedulerOptions{runners: []runner{run}})
	if _, err := s.score(t.Context(), "q", passages(10), nil); err == nil {
		t.Fatal("a broken device scored")
	}
	s.close() // must not wait for a device that stays broken
}

// The least busy device gets the next batch, and a lone request uses all of them.
func TestBatchesGoToTheLeastBusyDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		devices := []*fragile{{name: "cuda:0"}, {name: "cuda:1"}, {name: "cuda:2"}}
		var runners []runner
		for _, d := range devices {
			d.perToken = time.Millisecond
			runners = append(runners, d, d) // two lanes each
		}
		s := startScheduler(t, schedulerOptions{runners: runners, batchTokens: 100, packed: true, gather: true, lanes: 2})
		defer s.close()
		synctest.Wait() // until all wait for work
		if r, err := s.score(t.Context(), "q", passages(slices.Repeat([]int{10}, 15)...), nil); checkScores(t, r) != 15 || err != nil {
			t.Fatal(err)
		}
		for _, d := range devices {
			if ran := d.ran(); len(ran) != 1 || len(ran[0].ids) != 5 {
				t.Errorf("%s ran %d batches: %+v, want a third of the pairs", d.name, len(ran), ran)
			}
		}
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if _, err := s.score(t.Context(), "q", passages(10), nil); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		wg.Wait()
		for _, d := range devices {
			if n := len(d.ran()); n != 2 {
				t.Errorf("%s ran %d batches, want one each of three lone pairs", d.name, n-1)
			}
		}
	})
}

// Several devices are several sessions: here of the CPU, whose graph one lane finds broken.
func TestSeveralSessionsAndAReopenedOne(t *testing.T) {
	requireLibrary(t)
	d, err := ReadDirectory(tinyModel)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openLibrary(""); err != nil {
		t.Fatal(err)
	}
	devices, _, err := openDevices(folder{d}, []string{"cpu", "cpu"}, sessionSettings{threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	x := &onnx{devices: devices}
	if err := x.openLanes(2); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := x.release(); err != nil {
			t.Error(err)
		}
	}()
	b := batch{scores: make([]float32, 2)}
	b.add(pair{ids: []int32{2, 5, 3, 6, 3}, start: 3})
	b.add(pair{ids: []int32{2, 5, 3, 7, 8, 3}, start: 3})
	var want []float32
	for _, l := range x.lanes {
		if err := l.run(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = slices.Clone(b.scores)
		}
		if !slices.Equal(b.scores, want) {
			t.Errorf("%v on one session, %v on another", b.scores, want)
		}
	}
	a, other := x.lanes[0], x.lanes[1] // of one device
	broken := a.on.graph
	a.note(broken, errDeviceLost)
	other.note(broken, errDeviceLost)
	if err := a.reopen(); err != nil || a.broken() || a.on.graph == broken {
		t.Fatalf("reopen: %v", err)
	}
	fresh := a.on.graph
	if err := other.reopen(); err != nil || other.broken() || other.on.graph != fresh {
		t.Fatalf("the second lane must keep the first one's graph: %v", err)
	}
	if err := other.run(t.Context(), &b); err != nil || !slices.Equal(b.scores, want) {
		t.Errorf("%v after the recovery, %v", b.scores, err)
	}
	if err := a.on.close(); err != nil {
		t.Fatal(err)
	}
	if err := a.run(t.Context(), &b); !errors.Is(err, errDeviceLost) || !a.broken() {
		t.Errorf("%v on a device without a graph", err)
	}
	if err := a.reopen(); err != nil {
		t.Fatal(err)
	}
	if err := a.run(t.Context(), &b); err != nil || !slices.Equal(b.scores, want) {
		t.Errorf("%v, %v", b.scores, err)
	}
}

func TestExplainedErrors(t *testing.T) {
	cases := map[string]string{
		"Failed to load library libonnxruntime_providers_cuda.so with error: libcudnn.so.9: cannot open shared object file: No such file or directory": "libcudnn.so.9 is not found: it belongs to cuDNN 9; put its folder into LD_LIBRARY_PATH",
		"Failed to load /x/libonnxruntime_providers_cuda.so with error: libcublasLt.so.13: cannot open shared object file: No such file":               "libcublasLt.so.13 is not found: it belongs to the CUDA toolkit of the version in its name",
		"with error: /x/libonnxruntime_providers_shared.so: cannot open shared object file: No such file or directory":                                 "beside libonnxruntime.so",
		"libcuda.so.1: cannot open shared object file: No such file or directory":                                                                      "it belongs to the NVIDIA driver",
		"CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version ; GPU=-1":                                                       "update the driver",
		"CUDA failure 100: no CUDA-capable device is detected ; GPU=0":                                                                                 "no NVIDIA GPU is visible",
		"Invalid device ID: 3, must be between 0 (inclusive) and 1 (exclusive).":                                                                       "there is no such GPU",
		"CUDA failure 209: no kernel image is available for execution on the device":                                                                   "not built for this GPU",
		"Failed to allocate memory for requested buffer of size 8388608000":                                                                            "lower reranker.batch_tokens",
		"Available memory of 1048576 is smaller than requested bytes of 46881024":                                                                      "raise reranker.gpu_memory",
		"CUDNN_STATUS_SUBLIBRARY_VERSION_MISMATCH":                                                                                                     "different versions",
	}
	for text, advice := range cases {
		original := errors.New(text)
		err := explain(original)
		if !errors.Is(err, original) || !strings.Contains(err.Error(), advice) {
			t.Errorf("%v\nlacks %q", err, advice)
		}
	}
	if plain := errors.New("Load model failed: Protobuf parsing failed."); explain(plain) != plain {
		t.Error("advice where none fits")
	}
	for text, want := range map[string]bool{
		"CUDNN failure 5000": true, "CUBLAS failure 13: CUBLAS_STATUS_EXECUTION_FAILED": true, "CUDA failure 700: an illegal memory access": true,
		"onnxruntime::BFCArena::AllocateRawInternal Failed to allocate memory": true, "indices element out of data bounds, idx=9": false,
	} {
		if isDeviceError(errors.New(text)) != want {
			t.Errorf("%q: device error %v, want %v", text, !want, want)
		}
	}
}
