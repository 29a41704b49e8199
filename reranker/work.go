package reranker

// work is what a model computes, as far as its graph tells: products with weights, and attention in ONNX Runtime's fused
// operators. Embeddings, norms, activations and the head, of which there is one a pair, are left out: together a
// hundredth.
type work struct {
	weights  int64 // that each token is multiplied with
	attended int64 // width of the attention, summed over the layers
}

// noteWork remembers the weights of an operator; their shapes come later in the file.
func (s *signature) noteWork(operator string, inputs []string, output string) {
	input := func(i int) string {
		if i < len(inputs) {
			return inputs[i]
		}
		return ""
	}
	switch operator {
	case "MatMul", "MatMulInteger", "MatMulIntegerToFloat", "DynamicQuantizeMatMul": // Gemm is for matrices: the head
		s.products = append(s.products, input(1))
		s.factors[output] = input(1)
	case "Attention", "PackedAttention":
		s.products = append(s.products, input(1))
		s.attentions = append(s.attentions, input(1))
	case "MultiHeadAttention":
		s.attentions = append(s.attentions, input(3))
	case "PackedMultiHeadAttention": // as we write it: the value is a product, without a bias
		s.values = append(s.values, s.factors[input(2)])
	}
}

func (s *signature) work() work {
	var w work
	var halves int64 // of attentions: each is one product with keys and one with values
	for _, name := range s.products {
		switch dims := s.initializers[name]; len(dims) {
		case 2:
			w.weights += dims[0] * dims[1]
		case 3: // by head, as we write the last layer: keys [heads, size, width] and values [heads, width, size]
			w.weights += dims[0] * dims[1] * dims[2]
			halves += dims[0] * min(dims[1], dims[2])
		}
	}
	w.attended += halves / 2
	for _, name := range s.attentions {
		if dims := s.initializers[name]; len(dims) > 0 {
			w.attended += dims[len(dims)-1] / 3 // query, key and value lie side by side
		}
	}
	for _, name := range s.values {
		if dims := s.initializers[name]; len(dims) == 2 {
			w.attended += dims[1]
		}
	}
	return w
}

// FLOPs is about how many floating point operations the model as published takes for a token of a pair with so many tokens:
// two for each weight, and four for each token attended to and each of the attention's numbers.
func (i Info) FLOPs(tokens float64) float64 {
	return 2*float64(i.Weights) + 4*float64(i.Attended)*tokens
}
