package onnxgraph

// product returns x·W without the bias, and the bias that is left to add.
func (b *builder) product(name string, l Linear, x string) (y string, bias []float32) {
	if b.precision == FP32 {
		return b.node(name, "MatMul", []string{x, b.matrix(name+".weight", l.Weight)}), l.Bias
	}
	// Codes 1…255 around 128: scale = largest magnitude of the row / 127. A row of zeros keeps a scale above zero.
	magnitude := b.node(name+".magnitude", "Abs", []string{x})
	scale := b.node(name+".scaled", "Mul", []string{b.largest(name, magnitude), b.scalar("1/127", 1.0/127)})
	scale = b.node(name+".scale", "Max", []string{scale, b.scalar("tiny", 1e-30)})
	return b.quantized(name, l, x, scale, b.uint8Scalar("code.middle", 128)), l.Bias
}

// geluFloor is just below the least value of GELU, -0.169971 at -0.751792.
const geluFloor = -0.17

// geluProduct is product for an x that GELU made. As such an x has no values below geluFloor, all 256 codes go to
// [geluFloor, largest of the row]: half the rounding of codes around zero. The floor's share of the result,
// geluFloor · (sum of each column of W), goes into the bias.
func (b *builder) geluProduct(name string, l Linear, x string) (y string, bias []float32) {
	if b.precision == FP32 {
		return b.product(name, l, x)
	}
	floor := b.scalar("gelu.floor", -geluFloor)
	shifted := b.node(name+".shifted", "Add", []string{x, floor})
	scale := b.node(name+".scale", "Mul", []string{b.largest(name, shifted), b.scalar("1/255", 1.0/255)})
	y = b.quantized(name, l, shifted, scale, b.uint8Scalar("code.least", 0))
	return y, addColumnSums(l, geluFloor)
}

// quantized multiplies the codes of x/scale, shifted by the code zero, with the codes of W. It never looks across rows.
func (b *builder) quantized(name string, l Linear, x, scale, zero string) string {
	w := l.Weight.Quantized()
	one := b.scalar("one", 1)
	unit := b.node(name+".unit", "Div", []string{x, scale})
	codes := b.node(name+".codes", "QuantizeLinear", []string{unit, one, zero})
	product := b.fused(name+".product", "MatMulIntegerToFloat", []string{
		codes,
		b.int8s(name+".weight", w.Codes, w.Rows, w.Cols),
		one,
		b.floats(name+".weight.scale", w.Scales, w.Cols),
		zero,
	})
	return b.node(name, "Mul", []string{product, scale})
}

func (b *builder) largest(name, x string) string {
	return b.node(name+".largest", "ReduceMax", []string{x}, intsAttribute("axes", -1), intAttribute("keepdims", 1))
}

// addColumnSums returns bias[c] + factor · Σ_r W[r,c] with the quantised W, summed in float64.
func addColumnSums(l Linear, factor float64) []float32 {
	w := l.Weight.Quantized()
	sums := make([]int64, w.Cols)
	for i, q := range w.Codes {
		sums[i%w.Cols] += int64(q)
	}
	bias := make([]float32, w.Cols)
	for c := range bias {
		bias[c] = float32(float64(l.Bias[c]) + factor*float64(sums[c])*float64(w.Scales[c]))
	}
	return bias
}
