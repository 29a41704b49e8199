package checkpoint

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// scaleSuffix follows the name of a matrix of int8 codes in the name of its scales: float32 or float16 [rows], one positive
// number a row of the matrix as the file has it. A weight is its code times the scale of its row. Codes in [out, in] with a
// scale for each output are what an int8 graph multiplies with, so such weights reach it without being rounded again.
const scaleSuffix = "_scale"

// pairScales takes the scales out of tensors and gives them to their matrices.
func pairScales(tensors map[string]*tensor) error {
	for _, name := range slices.Sorted(maps.Keys(tensors)) {
		stem, ok := strings.CutSuffix(name, scaleSuffix)
		if !ok {
			continue
		}
		scale, codes := tensors[name], tensors[stem]
		if codes == nil || codes.kind != int8s {
			continue // a tensor that the architecture has not; checkAll names it
		}
		if len(codes.shape) != 2 || !scale.hasShape(codes.shape[0]) {
			return fmt.Errorf("%s: shape %v for the codes' %v: want one scale a row", name, scale.shape, codes.shape)
		}
		values, err := scale.values()
		if err != nil {
			return err
		}
		for row, v := range values {
			if v <= 0 {
				return fmt.Errorf("%s: scale %v of row %d is not above zero", name, v, row)
			}
		}
		codes.scales = values
		delete(tensors, name)
	}
	return nil
}

// transposedCodes returns the int8 codes of a matrix [rows, cols] as [cols, rows].
func (t *tensor) transposedCodes() ([]int8, error) {
	all, rows, cols := make([]int8, t.count()), t.shape[0], t.shape[1]
	unscaled := *t
	unscaled.scales = nil
	return all, unscaled.each(func(i int, v float32) { all[i%cols*rows+i/cols] = int8(v) })
}
