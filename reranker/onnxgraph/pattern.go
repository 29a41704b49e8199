package onnxgraph

import (
	"errors"
	"fmt"

	"github.com/resift/resift/reranker/onnxgraph/onnxpb"
)

// Steps along a graph. Each accepts a nil node and returns nil where the graph is not as asked, so that a pattern is
// written as one chain and checked once at its end (protobuf's getters accept nil too).

// only returns the single consumer of n's single output if it is of the operator.
func (g *Graph) only(n *onnxpb.NodeProto, operator string) *onnxpb.NodeProto {
	if n == nil || len(n.Output) != 1 {
		return nil
	}
	next := g.consumers[n.Output[0]]
	if len(next) != 1 || next[0].GetOpType() != operator {
		return nil
	}
	return next[0]
}

// other returns the producer of n's input that is not beside's output, if it is of the operator.
func (g *Graph) other(n, beside *onnxpb.NodeProto, operator string) *onnxpb.NodeProto {
	if n == nil || beside == nil || len(n.Input) != 2 {
		return nil
	}
	for i, in := range n.Input {
		if in == beside.Output[0] {
			if p := g.producers[n.Input[1-i]]; p.GetOpType() == operator {
				return p
			}
		}
	}
	return nil
}

// initializerBeside returns the initializer among n's two inputs if the other input is named beside.
func (g *Graph) initializerBeside(n *onnxpb.NodeProto, beside string) *onnxpb.TensorProto {
	if n == nil || len(n.Input) != 2 {
		return nil
	}
	for i, in := range n.Input {
		if in == beside {
			return g.tensors[n.Input[1-i]]
		}
	}
	return nil
}

// biasOf returns the name and tensor that add adds to n's output.
func (g *Graph) biasOf(add, n *onnxpb.NodeProto) (string, *onnxpb.TensorProto) {
	if add == nil || n == nil {
		return "", nil
	}
	t := g.initializerBeside(add, n.Output[0])
	return t.GetName(), t
}

func (g *Graph) countOperators(operator string) int {
	count := 0
	for _, n := range g.Model.Graph.Node {
		if n.GetOpType() == operator {
			count++
		}
	}
	return count
}

// heads reads the number of attention heads, which no weight tells: the query is reshaped to [pairs, tokens, heads, size].
func (g *Graph) heads(width int) (int, error) {
	found := 0
	for _, n := range g.Model.Graph.Node {
		shape := n
		if n.GetOpType() != "Reshape" || len(n.Input) != 2 {
			continue
		}
		if shape = g.producers[n.Input[1]]; shape.GetOpType() != "Concat" || len(shape.Input) != 4 {
			continue
		}
		heads, size := g.integer(shape.Input[2]), g.integer(shape.Input[3])
		if heads <= 0 || size <= 0 || heads > width || heads*size != width {
			return 0, fmt.Errorf("node %q splits vectors of %d into %d heads of %d", n.GetName(), width, heads, size)
		}
		if found != 0 && found != heads {
			return 0, fmt.Errorf("layers of %d and of %d heads", found, heads)
		}
		found = heads
	}
	if found == 0 {
		return 0, errors.New("no Reshape tells the number of attention heads")
	}
	return found, nil
}

// integer is the value of a one-element constant, or 0.
func (g *Graph) integer(name string) int {
	t := g.tensors[name]
	if t == nil {
		return 0
	}
	values, err := integers(t)
	if err != nil || len(values) != 1 || values[0] > maxFileBytes {
		return 0
	}
	return int(values[0])
}

// epsilon reads what the layer norms add to the variance: the constant of the Add between ReduceMean and Sqrt.
func (g *Graph) epsilon() (float32, error) {
	var found float32
	for _, n := range g.Model.Graph.Node {
		if n.GetOpType() != "ReduceMean" {
			continue
		}
		add := g.only(n, "Add")
		if g.only(add, "Sqrt") == nil {
			continue
		}
		t := g.initializerBeside(add, n.Output[0])
		if t == nil {
			return 0, fmt.Errorf("node %q adds no constant", add.GetName())
		}
		values, err := floats(t)
		if err != nil || len(values) != 1 {
			return 0, fmt.Errorf("the layer norm epsilon %q is not one number", t.GetName())
		}
		if found != 0 && found != values[0] {
			return 0, fmt.Errorf("layer norms with the epsilons %v and %v", found, values[0])
		}
		found = values[0]
	}
	if found == 0 {
		return 0, errors.New("no layer norm tells its epsilon")
	}
	return found, nil
}
