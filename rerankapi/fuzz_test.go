package rerankapi

import (
	"encoding/json"
	"errors"
	"testing"
)

// FuzzDecode reads bodies: what is refused is refused by a failure for the client, and what is taken can be sent back.
func FuzzDecode(f *testing.F) {
	for _, body := range []string{
		call1, `{"query":"q","documents":["a",{"text":"b","n":[1,{}]}],"top_n":1,"rank_fields":["n","text"]}`, `{"texts":[null]}`,
		`{"documents":[{"text":"\ud800"}]}`, `{"QUERY":"q"}`, `[[[[`, `{"query":1e999}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var q teiRequest
		if err := decode(body, &q); err != nil {
			var refusal *failure
			if !errors.As(err, &refusal) || refusal.kind != kindInvalid || refusal.text == "" {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		if q.Documents == nil {
			return
		}
		for i := range *q.Documents {
			d := &(*q.Documents)[i]
			if !json.Valid(d.returned()) {
				t.Fatalf("returned %s", d.returned())
			}
			_, _ = d.read(i, []string{"text", "n"})
		}
	})
}
