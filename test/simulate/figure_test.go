package simulate

import "testing"

func (r *results) draw(t *testing.T, file string) {}
