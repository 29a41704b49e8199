package rawjson

import (
	"encoding/json"
	"testing"
)

// BenchmarkScan scans an answer of 100 hits in each way that this package has, beside encoding/json's.
func BenchmarkScan(b *testing.B) {
	doc := []byte(answer(100))
	for _, bb := range []struct {
		name string
		scan func() bool
	}{
		{"Skip", func() bool { _, err := Skip(doc, 0); return err == nil }},
		{"Check", func() bool { return Check(doc, 100) == nil }},
		{"Duplicate", func() bool { _, _, found := Duplicate(doc); return !found }},
		{"json.Valid", func() bool { return json.Valid(doc) }},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(doc)))
			b.ReportAllocs()
			for b.Loop() {
				if !bb.scan() {
					b.Fatal("refused")
				}
			}
		})
	}
}
