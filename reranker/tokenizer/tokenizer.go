package tokenizer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Tokenizer encodes pairs of one query and many passages. Safe for concurrent use.
//
// Text may be any bytes: invalid UTF-8 reads as U+FFFD, and NUL as if it weren't there.
type Tokenizer interface {
	// Query encodes the text of a query, once a request.
	Query(text string) Query

	// Pair appends the ids of a pair ([CLS] query [SEP] passage [SEP] for BERT) to dst and returns the longer slice,
	// at most maxTokens longer. Tokens of the pair from passageStart on, counted from the pair's first token, have
	// token type 1, those before it type 0; passageStart is the pair's length where a model has no type 1.
	//
	// A pair longer than maxTokens loses the end of its passage. Where the query alone leaves no token to a passage
	// that has some (Hugging Face refuses such a pair), the query is cut too: the passage gets the tokens it needs, up
	// to half of what the special tokens leave. The special tokens are always there, even past maxTokens.
	Pair(q Query, passage string, maxTokens int, dst []int32) (ids []int32, passageStart int)

	// Reach is how many bytes of a passage Pair makes tokens of, up to the end of the word in which it cuts it; all of
	// them where the pair fits.
	Reach(q Query, passage string, maxTokens int) int

	// Windows cuts text into pieces of at most maxTokens tokens each (special tokens not counted) that cover all of
	// it, in order. Each is a substring that starts where a word starts; neighbours share up to overlap tokens, never
	// more than half a window. A text that fits is one window, itself. Only a word longer than a window is cut inside,
	// between characters, and one character is never cut, whatever its tokens.
	Windows(text string, maxTokens, overlap int) []string
}

// Query is an encoded query, to be used only with the Tokenizer that made it.
type Query struct {
	ids []int32
}

// Len is the query's length in tokens, special tokens not counted.
func (q Query) Len() int { return len(q.ids) }

// OpenDir loads the tokenizer of a model directory: its tokenizer.json, which decides alone, or else its vocab.txt with
// the settings in tokenizer_config.json, if any, as transformers' BertTokenizer reads them.
func OpenDir(dir string) (Tokenizer, error) {
	tok, err := openFolder(os.DirFS(dir))
	if err != nil {
		return nil, fmt.Errorf("open tokenizer in %s: %w", dir, err)
	}
	return tok, nil
}

// OpenFS is OpenDir of a folder that need not be on disk.
func OpenFS(folder fs.FS) (Tokenizer, error) {
	tok, err := openFolder(folder)
	if err != nil {
		return nil, fmt.Errorf("open tokenizer: %w", err)
	}
	return tok, nil
}

func openFolder(folder fs.FS) (Tokenizer, error) {
	file, err := fs.ReadFile(folder, "tokenizer.json")
	if errors.Is(err, fs.ErrNotExist) {
		file, err = fileFromVocabulary(folder)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("it has neither tokenizer.json nor vocab.txt")
	}
	if err != nil {
		return nil, err
	}
	return Open(file)
}

// Open loads a tokenizer from the bytes of a tokenizer.json.
func Open(file []byte) (Tokenizer, error) {
	wp, err := NewWordPiece(file)
	if errors.Is(err, errNotBERT) {
		return NewHuggingFace(file)
	}
	if err != nil {
		return nil, err
	}
	return wp, nil
}
