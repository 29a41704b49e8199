package tokenizer

// WordPiece is BERT's tokenizer in Go, id for id that of Hugging Face. Build it with NewWordPiece. It holds no state of
// a call, so any number of goroutines may use it.
type WordPiece struct {
	vocabulary *vocabulary
	alphabet   *alphabet
	added      addedTokens
	template   pairTemplate
	maxChars   int // a longer word is unknown

	// fold is the byte that an ASCII byte adds to a word, 0 where it isn't part of one as it is; asIs is every byte.
	fold, asIs [256]byte
	// single is the id of an ASCII character that is a word by itself, -1 for others.
	single [256]int32
	// ends tells whether an ASCII byte ends a word: space and punctuation do. Control characters and the bytes of
	// other characters needn't.
	ends [256]bool
}

// NewWordPiece reads a tokenizer.json. It fails unless every part of the file is one that BERT tokenizers have.
func NewWordPiece(file []byte) (*WordPiece, error) {
	spec, err := readBERT(file)
	if err != nil {
		return nil, err
	}
	props, err := readProperties(propertiesText)
	if err != nil {
		return nil, err
	}
	w := &WordPiece{
		vocabulary: newVocabulary(&spec.model),
		alphabet:   newAlphabet(props, spec.normalizer),
		added:      newAddedTokens(spec.added),
		template:   spec.template,
		maxChars:   spec.model.MaxInputCharsPerWord,
	}
	w.tabulateASCII()
	return w, nil
}

func (w *WordPiece) tabulateASCII() {
	for i := range w.single {
		w.single[i] = -1
		w.asIs[i] = byte(i)
	}
	for c := range byte(0x80) {
		switch act := w.alphabet.action(rune(c)); {
		case act == keep:
			w.fold[c] = c
		case act == space:
			w.ends[c] = true
		case act == punct:
			w.ends[c] = true
			w.single[c] = w.split(nil, string(rune(c)))[0]
		case act >= mapped:
			w.fold[c] = w.alphabet.mappings[act-mapped].text[0]
		}
	}
}

// Query implements Tokenizer.
func (w *WordPiece) Query(text string) Query {
	return Query{ids: w.encode(nil, text, len(text))}
}

// Pair implements Tokenizer. It allocates only if dst is too small.
func (w *WordPiece) Pair(q Query, passage string, maxTokens int, dst []int32) (ids []int32, passageStart int) {
	fit := w.template.fit(len(q.ids), maxTokens)
	dst = append(dst, w.template.head...)
	dst = append(dst, q.ids[:fit.query]...)
	dst = append(dst, w.template.mid...)
	start := len(dst)
	dst = w.encode(dst, passage, fit.passage)
	return w.template.finish(dst, fit, len(dst)-start)
}

// Reach implements Tokenizer.
func (w *WordPiece) Reach(q Query, passage string, maxTokens int) int {
	limit := w.template.fit(len(q.ids), maxTokens).passage
	var ids []int32
	begin := 0 // of rest in passage
	for rest := passage; rest != ""; {
		at, next, id := w.added.find(rest)
		for i := 0; i < at; {
			var end int
			read := len(ids)
			switch ids, end = w.word(ids, rest[:at], i); {
			case len(ids) <= limit:
				i = end
			case read < limit:
				return begin + end
			default:
				return begin + i
			}
		}
		if next > at {
			if len(ids) == limit {
				return begin + at
			}
			ids = append(ids, id)
		}
		begin += next
		rest = rest[next:]
	}
	return len(passage)
}

// encode appends the ids of text, at most limit of them.
func (w *WordPiece) encode(dst []int32, text string, limit int) []int32 {
	end := len(dst) + limit
	for text != "" && len(dst) < end {
		at, next, id := w.added.find(text)
		dst = w.encodePlain(dst, text[:at], end)
		if next > at && len(dst) < end {
			dst = append(dst, id)
		}
		text = text[next:]
	}
	return dst
}

// encodePlain appends the ids of text that holds no added token, until dst has end ids.
func (w *WordPiece) encodePlain(dst []int32, text string, end int) []int32 {
	for at := 0; at < len(text) && len(dst) < end; {
		dst, at = w.word(dst, text, at)
	}
	return dst[:min(len(dst), end)]
}
