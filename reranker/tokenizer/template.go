package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// pairTemplate lays out a pair: head, query, mid, passage, tail. typeOne is the place of the first token of type 1 in
// that list, where query and passage count as one place each; the list's length if none has type 1.
type pairTemplate struct {
	head, mid, tail []int32
	typeOne         int
}

// special is the number of tokens that the template adds.
func (t *pairTemplate) special() int { return len(t.head) + len(t.mid) + len(t.tail) }

// passageStart is the index of the first token of type 1 in a pair with so many tokens of query and passage.
func (t *pairTemplate) passageStart(query, passage int) int {
	switch at := t.typeOne; {
	case at <= len(t.head):
		return at
	case at <= len(t.head)+1+len(t.mid):
		return at - 1 + query
	default:
		return at - 2 + query + passage
	}
}

type processor struct {
	Type       string                   `json:"type"`
	Sep        json.RawMessage          `json:"sep"`
	Cls        json.RawMessage          `json:"cls"`
	Pair       []templatePiece          `json:"pair"`
	Specials   map[string]templateToken `json:"special_tokens"`
	Processors []json.RawMessage        `json:"processors"`
}

type templatePiece struct {
	Sequence     *templateID `json:",omitempty"`
	SpecialToken *templateID `json:",omitempty"`
}

type templateID struct {
	ID     string `json:"id"`
	TypeID int    `json:"type_id"`
}

type templateToken struct {
	ID     string   `json:"id"`
	IDs    []int32  `json:"ids"`
	Tokens []string `json:"tokens"`
}

// readTemplate reads a post_processor: BertProcessing, RobertaProcessing, TemplateProcessing, ByteLevel, a Sequence with
// at most one of the first three, or none.
func readTemplate(raw json.RawMessage) (pairTemplate, error) {
	bare := pairTemplate{typeOne: 1} // no special tokens: query of type 0, passage of type 1
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return bare, nil
	}
	var p processor
	if err := json.Unmarshal(raw, &p); err != nil {
		return pairTemplate{}, fmt.Errorf("parse post_processor: %w", err)
	}
	switch p.Type {
	case "ByteLevel":
		return bare, nil
	case "BertProcessing", "RobertaProcessing":
		return p.classic()
	case "TemplateProcessing":
		return p.template()
	case "Sequence":
		return p.sequence(bare)
	}
	return pairTemplate{}, fmt.Errorf("post_processor of unknown type %q", p.Type)
}

// sequence takes the one processor that places special tokens; ByteLevel only moves offsets.
func (p *processor) sequence(bare pairTemplate) (pairTemplate, error) {
	found := bare
	placed := false
	for _, raw := range p.Processors {
		t, err := readTemplate(raw)
		if err != nil {
			return pairTemplate{}, err
		}
		var head struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal(raw, &head); err != nil {
			return pairTemplate{}, fmt.Errorf("parse post_processor: %w", err)
		}
		if head.Type == "ByteLevel" {
			continue
		}
		if placed {
			return pairTemplate{}, errors.New("post_processor: two processors place special tokens")
		}
		found, placed = t, true
	}
	return found, nil
}

// classic is [CLS] A [SEP] B [SEP] with types 0 and 1 for BERT, <s> A </s></s> B </s> all of type 0 for RoBERTa.
func (p *processor) classic() (pairTemplate, error) {
	cls, err := tokenID(p.Cls)
	if err != nil {
		return pairTemplate{}, err
	}
	sep, err := tokenID(p.Sep)
	if err != nil {
		return pairTemplate{}, err
	}
	if p.Type == "BertProcessing" {
		return pairTemplate{head: []int32{cls}, mid: []int32{sep}, tail: []int32{sep}, typeOne: 3}, nil
	}
	return pairTemplate{head: []int32{cls}, mid: []int32{sep, sep}, tail: []int32{sep}, typeOne: 6}, nil
}

// tokenID reads the pair of a token's text and id.
func tokenID(raw json.RawMessage) (int32, error) {
	var text string
	var id int32
	if err := json.Unmarshal(raw, &[]any{&text, &id}); err != nil {
		return 0, fmt.Errorf("parse post_processor's token: %w", err)
	}
	return id, nil
}

func (p *processor) template() (pairTemplate, error) {
	var t pairTemplate
	var places []int // types, one a place
	part, want := &t.head, "A"
	for _, piece := range p.Pair {
		switch {
		case piece.Sequence != nil && piece.Sequence.ID == want:
			places = append(places, piece.Sequence.TypeID)
			if want == "A" {
				part, want = &t.mid, "B"
			} else {
				part, want = &t.tail, ""
			}
		case piece.SpecialToken != nil:
			token, ok := p.Specials[piece.SpecialToken.ID]
			if !ok {
				return t, fmt.Errorf("post_processor names an unknown token %q", piece.SpecialToken.ID)
			}
			for _, id := range token.IDs {
				*part = append(*part, id)
				places = append(places, piece.SpecialToken.TypeID)
			}
		default:
			return t, errors.New("post_processor: the pair is not one query before one passage")
		}
	}
	if want != "" {
		return t, errors.New("post_processor: the pair lacks its query or its passage")
	}
	var err error
	t.typeOne, err = typeBoundary(places)
	return t, err
}

// typeBoundary wants token types that go from 0 to 1 at most once, which is all that a cross-encoder's input can say here.
func typeBoundary(places []int) (int, error) {
	at := len(places)
	for i, typeID := range places {
		switch {
		case typeID == 1 && at == len(places):
			at = i
		case typeID == 0 && at == len(places), typeID == 1:
		default:
			return 0, fmt.Errorf("post_processor: token types %v are not zeros before ones", places)
		}
	}
	return at, nil
}

// fit is how a pair shares its room: the tokens of the query to write, and how many of the passage may follow.
type fit struct {
	room, query, passage int
}

// fit gives the query all it needs and the passage the rest, as only_second does; a query that leaves no token to the
// passage has to share (see finish).
func (t *pairTemplate) fit(query, maxTokens int) fit {
	room := max(maxTokens-t.special(), 0)
	if query < room {
		return fit{room, query, room - query}
	}
	return fit{room, min(query, room), room - room/2}
}

// finish ends a pair whose head, query, mid and passage are the end of dst: takes from the query what the passage needs
// and has no room for, and appends the tail.
func (t *pairTemplate) finish(dst []int32, f fit, passage int) (ids []int32, passageStart int) {
	over := max(f.query+passage-f.room, 0)
	if over > 0 {
		from := len(dst) - passage - len(t.mid)
		dst = append(dst[:from-over], dst[from:]...)
	}
	return append(dst, t.tail...), t.passageStart(f.query-over, passage)
}
