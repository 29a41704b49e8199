package reranker

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Layouts: how the pairs of a batch lie in a graph's inputs.
const (
	// LayoutPadded: inputs are [pairs, longest], short pairs filled up on the right.
	LayoutPadded = "padded"
	// LayoutPacked: inputs are [1, tokens], pairs end to end. Its operators are CUDA's alone.
	LayoutPacked = "packed"
)

// What a model input means: the values of Metadata.Inputs.
const (
	InputIDs      = "input_ids"
	AttentionMask = "attention_mask" // padded: 1 where there is a token
	TokenTypeIDs  = "token_type_ids" // 0 for the query, 1 for the passage; not every graph has it

	PositionIDs       = "position_ids"       // packed: place of a token in its pair
	CumulativeLengths = "cumulative_lengths" // packed, [pairs+1]: where pairs start, and the number of tokens
	TokenOffset       = "token_offset"       // packed, [pairs, longest]: places of the tokens in [pairs, longest], then of the padding
)

// layoutInputs are the inputs of a layout: those it needs, and last TokenTypeIDs, which a graph may lack. nil: no such layout.
func layoutInputs(layout string) []string {
	switch layout {
	case LayoutPadded:
		return []string{InputIDs, AttentionMask, TokenTypeIDs}
	case LayoutPacked:
		return []string{InputIDs, PositionIDs, CumulativeLengths, TokenOffset, TokenTypeIDs}
	}
	return nil
}

// inputRank is the number of dimensions of an input.
func inputRank(meaning string) int {
	if meaning == CumulativeLengths {
		return 1
	}
	return 2
}

// checkInputs finds every problem of Metadata.Inputs.
func checkInputs(layout string, inputs map[string]string) []error {
	known := layoutInputs(layout)
	if known == nil {
		return nil // which is a problem of its own
	}
	var problems []error
	seen := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		meaning := inputs[name]
		if !slices.Contains(known, meaning) {
			problems = append(problems, fmt.Errorf("inputs: %s: unknown meaning %q: want one of %s", name, meaning, strings.Join(known, ", ")))
		}
		if other, ok := seen[meaning]; ok {
			problems = append(problems, fmt.Errorf("inputs: %s and %s both mean %q", other, name, meaning))
		}
		seen[meaning] = name
	}
	for _, needed := range known[:len(known)-1] {
		if _, ok := seen[needed]; !ok {
			problems = append(problems, fmt.Errorf("inputs: none means %q", needed))
		}
	}
	return problems
}
