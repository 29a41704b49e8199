package cache

import "context"

// Fill fills scores[i] with the score of keys[i]: what is known at once, what others have in work when they are done, and
// the rest through score. That is called with the pairs, ascending, that are the caller's to score; it publishes each by put,
// from any goroutine, as soon as it can: others may wait for that one alone. It is called again for pairs that others gave up.
//
// With an error, score's or ctx's, what has no score by then is NaN. known counts the pairs that score was not called with at first.
func (c *Cache) Fill(ctx context.Context, keys []Key, scores []float32, score func(mine []int, put func(i int, score float32)) error) (known int, err error) {
	claim := c.Claim(keys, scores)
	defer claim.Release()
	mine := claim.Mine()
	known = len(keys) - len(mine)
	for {
		if len(mine) > 0 {
			if err := score(mine, claim.Put); err != nil {
				claim.Release()
				if ctx.Err() != nil {
					_ = claim.Wait(ctx) // takes what others have finished by now
				}
				return known, err
			}
		}
		if claim.Waiting() == 0 {
			return known, nil
		}
		if err := claim.Wait(ctx); err != nil {
			return known, err
		}
		mine = claim.Retry() // others gave up: their client left, or their time ran out
	}
}
