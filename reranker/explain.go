package reranker

import (
	"fmt"
	"regexp"
	"strings"
)

// howToGetCUDA ends advice about libraries.
const howToGetCUDA = "docs/gpu.md lists what has to be there"

// missingLibrary is how the dynamic linker names what it does not find.
var missingLibrary = regexp.MustCompile(`(lib[\w.+-]+\.so[\w.]*): cannot open shared object file`)

// explain puts what to do before an error of ONNX Runtime's CUDA provider. Codes are those of CUDA's driver_types.h (cudaError).
func explain(err error) error {
	text := err.Error()
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(text, p) {
				return true
			}
		}
		return false
	}
	advice := ""
	switch missing := missingLibrary.FindStringSubmatch(text); {
	case missing != nil:
		advice = fmt.Sprintf("%s is not found: %s; put its folder into LD_LIBRARY_PATH; %s", missing[1], packageOf(missing[1]), howToGetCUDA)
	case has("CUDA failure 35:", "driver version is insufficient"):
		advice = "the NVIDIA driver is older than this ONNX Runtime's CUDA: update the driver, or use an ONNX Runtime for an older CUDA; " + howToGetCUDA
	case has("CUDA failure 100:", "no CUDA-capable device"):
		advice = "no NVIDIA GPU is visible: see nvidia-smi; a container needs --gpus; CUDA_VISIBLE_DEVICES may hide it"
	case has("CUDA failure 101:", "Invalid device ID", "invalid device ordinal"):
		advice = "there is no such GPU: nvidia-smi -L lists them, from 0 on"
	case has("CUDA failure 209:", "no kernel image is available"):
		advice = "this ONNX Runtime was not built for this GPU's architecture"
	case has("CUDA failure 803:", "CUDA failure 804:", "CUDA failure 999:", "CUDA failure 3:", "CUDA failure 802:"):
		advice = "the NVIDIA driver does not work: see nvidia-smi and the kernel's log"
	case has("CUDNN_STATUS_VERSION_MISMATCH", "CUDNN_STATUS_SUBLIBRARY"):
		advice = "cuDNN's libraries are of different versions: take all from one release of cuDNN 9; " + howToGetCUDA
	case has("CUDA failure 2:", "out of memory", "smaller than requested bytes", "Failed to allocate memory", "CUBLAS_STATUS_ALLOC_FAILED"):
		advice = "the GPU's memory is full: lower reranker.batch_tokens or reranker.sessions, raise reranker.gpu_memory, or free the GPU of other programs"
	default:
		return err
	}
	return fmt.Errorf("%s (ONNX Runtime: %w)", advice, err)
}

// packageOf tells where a library comes from.
func packageOf(library string) string {
	switch {
	case strings.HasPrefix(library, "libcudnn"):
		return "it belongs to cuDNN 9"
	case strings.HasPrefix(library, "libcuda."):
		return "it belongs to the NVIDIA driver"
	case strings.HasPrefix(library, "libonnxruntime_providers"):
		return "it lies beside libonnxruntime.so in an onnxruntime-gpu package"
	}
	return "it belongs to the CUDA toolkit of the version in its name"
}

// isDeviceError tells whether a failed batch speaks of the device, its libraries or its memory, not of the batch: then
// the session is opened again.
func isDeviceError(err error) bool {
	text := strings.ToUpper(err.Error())
	for _, word := range []string{"CUDA", "CUBLAS", "CUDNN", "BFC_ARENA", "BFCARENA", "FAILED TO ALLOCATE MEMORY", "SMALLER THAN REQUESTED BYTES"} {
		if strings.Contains(text, word) {
			return true
		}
	}
	return err == errDeviceLost
}
