package cache

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// EntryBytes is what one stored score costs: its list entry (80 bytes: links, key, value, the unused expiry of
// golang-lru) and its share of the map at the mean load of a growing table. TestEntryBytes measures it.
const EntryBytes = 160

// shards spreads requests over locks; a power of two. 64 keeps contention away from 16 cores at 50,000 pairs/s.
const shards = 64

// Options of a Cache. The zero value stores nothing, but concurrent misses of a pair are still scored once.
type Options struct {
	// Bytes bounds the memory of stored scores; the cache holds Bytes/EntryBytes of them. 0 stores none.
	Bytes int64
	// MaxAge is how long a stored score is used. 0 means until it is evicted: a score depends on its key alone, so age
	// matters only to those who must forget.
	MaxAge time.Duration
}

// Stats counts pairs since the cache was made; Entries and Bytes are of now.
type Stats struct {
	Hits, Misses, Shared, Evictions uint64 // Shared: misses that waited for another request's scoring
	Entries, Bytes, Capacity        int64  // Bytes and Capacity in bytes
}

// Cache is safe for concurrent use.
type Cache struct {
	digester *digester
	maxAge   time.Duration
	start    time.Time
	capacity int64
	shard    [shards]shard

	hits, misses, shared, evictions atomic.Uint64
}

type shard struct {
	mu     sync.Mutex
	scores *simplelru.LRU[Key, stored] // nil: stores nothing
	work   map[Key]place               // pairs that a claim is scoring now
	_      [32]byte                    // a cache line for each lock
}

// stored is a score and when it came, in seconds since the cache was made: 8 bytes instead of 24.
type stored struct {
	score float32
	at    uint32
}

// place is a pair in a claim.
type place struct {
	claim *Claim
	i     int
}

// New returns an empty cache.
func New(o Options) (*Cache, error) {
	if o.Bytes < 0 || o.MaxAge < 0 {
		return nil, fmt.Errorf("cache: negative size %d or age %s", o.Bytes, o.MaxAge)
	}
	d, err := newDigester()
	if err != nil {
		return nil, err
	}
	c := &Cache{digester: d, maxAge: o.MaxAge, start: time.Now()}
	perShard := int(o.Bytes / EntryBytes / shards)
	c.capacity = int64(perShard) * shards * EntryBytes
	for i := range c.shard {
		s := &c.shard[i]
		s.work = map[Key]place{}
		if perShard == 0 {
			continue
		}
		if s.scores, err = simplelru.NewLRU[Key, stored](perShard, nil); err != nil {
			return nil, fmt.Errorf("cache: %w", err)
		}
	}
	return c, nil
}

// Key returns the key of a pair under a model revision.
func (c *Cache) Key(model, query, passage string) Key { return c.digester.key(model, query, passage) }

// Stats returns the counters.
func (c *Cache) Stats() Stats {
	s := Stats{Hits: c.hits.Load(), Misses: c.misses.Load(), Shared: c.shared.Load(), Evictions: c.evictions.Load(), Capacity: c.capacity}
	for i := range c.shard {
		sh := &c.shard[i]
		sh.mu.Lock()
		if sh.scores != nil {
			s.Entries += int64(sh.scores.Len())
		}
		sh.mu.Unlock()
	}
	s.Bytes = s.Entries * EntryBytes
	return s
}

func (c *Cache) of(k Key) *shard { return &c.shard[k[0]%shards] }

func (c *Cache) now() uint32 { return uint32(time.Since(c.start) / time.Second) }

// get returns a stored score that is young enough. The shard is locked.
func (c *Cache) get(s *shard, k Key, now uint32) (float32, bool) {
	if s.scores == nil {
		return 0, false
	}
	v, ok := s.scores.Get(k)
	if !ok {
		return 0, false
	}
	if c.maxAge > 0 && time.Duration(now-v.at)*time.Second >= c.maxAge {
		s.scores.Remove(k)
		return 0, false
	}
	return v.score, true
}

// put stores a score. NaN is no score and is refused. The shard is locked.
func (c *Cache) put(s *shard, k Key, score float32) {
	if s.scores == nil || math.IsNaN(float64(score)) {
		return
	}
	if s.scores.Add(k, stored{score: score, at: c.now()}) {
		c.evictions.Add(1)
	}
}
