package cache

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"hash"
	"sync"

	"golang.org/x/crypto/blake2b"
)

// Key names a pair: BLAKE2b-128 (RFC 7693), keyed with a secret of this process, over the length-prefixed model revision,
// query and passage. The secret keeps a client from choosing texts that collide.
type Key [16]byte

// digester makes keys. Its hash states are pooled: a request makes hundreds of keys.
type digester struct {
	pool sync.Pool
}

func newDigester() (*digester, error) {
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return nil, fmt.Errorf("cache secret: %w", err)
	}
	if _, err := blake2b.New(len(Key{}), secret); err != nil {
		return nil, fmt.Errorf("cache digest: %w", err)
	}
	return &digester{pool: sync.Pool{New: func() any {
		h, _ := blake2b.New(len(Key{}), secret) // cannot fail: tried above
		return &state{hash: h}
	}}}, nil
}

// state is a hash with a buffer that joins the parts: one Write of a short message costs less than six.
type state struct {
	hash hash.Hash
	buf  []byte
}

// maxKept bounds the buffer that goes back to the pool, in bytes.
const maxKept = 64 << 10

func (d *digester) key(model, query, passage string) Key {
	s := d.pool.Get().(*state)
	s.buf = s.buf[:0]
	for _, part := range [...]string{model, query, passage} {
		s.buf = binary.LittleEndian.AppendUint64(s.buf, uint64(len(part)))
		s.buf = append(s.buf, part...)
	}
	s.hash.Reset()
	s.hash.Write(s.buf)
	var k Key
	s.buf = s.hash.Sum(s.buf[:0])
	copy(k[:], s.buf)
	if cap(s.buf) <= maxKept {
		d.pool.Put(s)
	}
	return k
}
