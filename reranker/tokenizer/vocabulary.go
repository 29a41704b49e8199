package tokenizer

import (
	"cmp"
	"slices"
	"strings"
)

// vocabulary finds the longest piece at the start of a word or inside it: a double-array trie with two roots. The child
// of node n by byte b is at n.base()^b; it is n's child if its label is b, because no two nodes share a base.
type vocabulary struct {
	nodes []node
	start uint32 // root of all pieces as written
	next  uint32 // root of the pieces with the continuing prefix, without it
	unk   int32
}

type node struct {
	link  uint32 // base<<8 | label
	piece int32  // id of the piece that ends here, -1 for none
}

func (n node) base() uint32 { return n.link >> 8 }
func (n node) label() byte  { return byte(n.link) }

// entry is a piece under one of the roots.
type entry struct {
	key string
	id  int32
}

// leaves is a block of slots that stays empty: the base of all nodes without children.
const leaves = 256

const (
	startLabel = 1
	nextLabel  = 2
)

func newVocabulary(m *wordPieceModel) *vocabulary {
	entries := make([]entry, 0, len(m.Vocab)*2)
	for piece, id := range m.Vocab {
		if piece != "" {
			entries = append(entries, entry{string(rune(startLabel)) + piece, id})
		}
		if rest, ok := strings.CutPrefix(piece, m.ContinuingSubwordPrefix); ok && rest != "" {
			entries = append(entries, entry{string(rune(nextLabel)) + rest, id})
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.key, b.key) })
	b := &trieBuilder{}
	b.grow(leaves)
	b.place(0, entries, 0)
	v := &vocabulary{nodes: b.nodes, unk: m.Vocab[m.UnkToken]}
	v.start, v.next = v.child(0, startLabel), v.child(0, nextLabel)
	return v
}

// dead is the node from which no piece goes on.
const dead = ^uint32(0)

func (v *vocabulary) child(n uint32, b byte) uint32 {
	if n == dead {
		return dead
	}
	at := v.nodes[n].base() ^ uint32(b)
	if v.nodes[at].label() != b {
		return dead
	}
	return at
}

// longest finds the longest piece at the start of text, folded, under a root; -1 if there is none.
func longest[T string | []byte](v *vocabulary, fold *[256]byte, root uint32, text T) (id int32, length int) {
	id = -1
	if root == dead {
		return id, 0
	}
	nodes := v.nodes
	base := nodes[root].base()
	for i := range len(text) {
		b := fold[text[i]]
		n := nodes[base^uint32(b)]
		if n.label() != b {
			break
		}
		if n.piece >= 0 {
			id, length = n.piece, i+1
		}
		base = n.base()
	}
	return id, length
}

// split appends the pieces of a word that is normalised once folded: the longest each time, or unk for the whole word
// where one can't be found.
func split[T string | []byte](v *vocabulary, fold *[256]byte, dst []int32, word T) []int32 {
	whole := len(dst)
	root := v.start
	for len(word) > 0 {
		id, n := longest(v, fold, root, word)
		if id < 0 {
			return append(dst[:whole], v.unk)
		}
		dst = append(dst, id)
		word = word[n:]
		root = v.next
	}
	return dst
}

// trieBuilder places nodes depth first, so that a word's nodes lie close together.
type trieBuilder struct {
	nodes []node
	taken []bool   // slots with a node
	bases []bool   // in use by a node
	from  [257]int // where to look for a base, by number of children: past what was full for as many
}

// grow makes the block of 256 slots that holds at exist.
func (b *trieBuilder) grow(at int) {
	for len(b.nodes) <= at|255 {
		b.nodes = append(b.nodes, node{piece: -1})
		b.taken = append(b.taken, false)
		b.bases = append(b.bases, false)
	}
}

// place sets node at's base and children from entries, which all share their first depth bytes.
func (b *trieBuilder) place(at uint32, entries []entry, depth int) {
	if len(entries) > 0 && len(entries[0].key) == depth {
		b.nodes[at].piece = entries[0].id
		entries = entries[1:]
	}
	var labels []byte
	var groups [][]entry
	for len(entries) > 0 {
		label := entries[0].key[depth]
		n := 1
		for n < len(entries) && entries[n].key[depth] == label {
			n++
		}
		labels, groups = append(labels, label), append(groups, entries[:n])
		entries = entries[n:]
	}
	base := b.findBase(labels)
	b.nodes[at].link |= base << 8
	for _, label := range labels {
		b.nodes[base^uint32(label)].link = uint32(label)
	}
	for i, label := range labels {
		b.place(base^uint32(label), groups[i], depth+1)
	}
}

// findBase takes a base that no other node has and whose slots for the labels are free.
func (b *trieBuilder) findBase(labels []byte) uint32 {
	if len(labels) == 0 {
		return leaves
	}
	from := &b.from[len(labels)]
	for *from = max(*from, leaves+256); ; *from++ {
		b.grow(*from)
		base := uint32(*from) ^ uint32(labels[0])
		if b.bases[base] || !b.allFree(base, labels) {
			continue
		}
		b.bases[base] = true
		for _, label := range labels {
			b.taken[base^uint32(label)] = true
		}
		return base
	}
}

func (b *trieBuilder) allFree(base uint32, labels []byte) bool {
	for _, label := range labels {
		if b.taken[base^uint32(label)] {
			return false
		}
	}
	return true
}
