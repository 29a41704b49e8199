package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// tally is what became of the searches of a scenario.
type tally struct {
	mu         sync.Mutex
	count      map[string]int // by kind of verdict
	reasons    map[string]int
	took       []time.Duration
	violations []string
}

func newTally() *tally { return &tally{count: map[string]int{}, reasons: map[string]int{}} }

func (t *tally) add(kind, reason string, took time.Duration, violation string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count[kind]++
	t.reasons[reason]++
	if kind != "cut" && kind != "refused" && kind != "closed" {
		t.took = append(t.took, took)
	}
	if violation != "" && len(t.violations) < 10 {
		t.violations = append(t.violations, violation)
	}
}

// quantile of the times, 0 for none.
func (t *tally) quantile(q float64) time.Duration {
	if len(t.took) == 0 {
		return 0
	}
	slices.Sort(t.took)
	return t.took[int(q*float64(len(t.took)-1))]
}

// verdict is an answer as a client sees it.
type verdict struct {
	kind, reason string // X-Resift-Status, X-Resift-Reason; kind is "5xx" for an error, "cut" for no whole answer, "refused" for no connection, "closed" for one that ended unanswered
	violation    string // "" where it keeps every promise
	took         time.Duration
}

// ask sends a search through resift and judges the answer.
func (b *bench) ask(c *http.Client, body string) verdict {
	begin := time.Now()
	res, err := c.Post(b.process.URL+"/"+index+"/_search", "application/json", strings.NewReader(body))
	if errors.Is(err, syscall.ECONNREFUSED) {
		return verdict{kind: "refused"}
	}
	if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF) {
		return verdict{kind: "closed"}
	}
	if err != nil {
		return verdict{kind: "cut", violation: "no answer: " + err.Error(), took: time.Since(begin)}
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	v := verdict{kind: res.Header.Get("X-Resift-Status"), reason: res.Header.Get("X-Resift-Reason"), took: time.Since(begin)}
	switch {
	case err != nil:
		v.kind, v.violation = "cut", "cut off: "+err.Error()
	case v.kind == "":
		v.violation = fmt.Sprintf("%d without a status: %.200s", res.StatusCode, answer)
	case v.kind != "reranked" && v.reason == "":
		v.violation = v.kind + " without a reason"
	case res.StatusCode >= 500:
		v.kind = "5xx"
		v.violation = engineShape(res.StatusCode, answer)
	case res.StatusCode != 200:
		v.violation = fmt.Sprintf("%d: %.200s", res.StatusCode, answer)
	default:
		found, err := readHits(answer)
		if want := b.stand.ids[body]; err != nil || !found.equal(want) {
			v.violation = fmt.Sprintf("%s %s: %d hits of %d, want the %d of %d that the engine has (%v)",
				v.kind, v.reason, len(found.ids), found.total, len(want.ids), want.total, err)
		}
	}
	return v
}

// engineShape tells what is wrong with an error of resift.
func engineShape(status int, answer []byte) string {
	var e struct {
		Error struct {
			Type, Reason string
			RootCause    []any `json:"root_cause"`
		}
		Status int
	}
	err := json.Unmarshal(answer, &e)
	if err != nil || e.Status != status || e.Error.Type == "" || e.Error.Reason == "" || len(e.Error.RootCause) == 0 {
		return fmt.Sprintf("%d is not in the engine's shape: %.300s (%v)", status, answer, err)
	}
	if status != http.StatusBadGateway && status != http.StatusGatewayTimeout {
		return fmt.Sprintf("%d: %s", status, e.Error.Reason)
	}
	return ""
}

// load has clients search until ctx ends; what they got is in the tally when it returns.
func (b *bench) load(ctx context.Context, clients int, t *tally) {
	var all sync.WaitGroup
	for n := range clients {
		all.Go(func() {
			c := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{Proxy: nil}}
			defer c.CloseIdleConnections()
			for i := n; ctx.Err() == nil; i++ {
				v := b.ask(c, b.stand.searches[i%len(b.stand.searches)])
				t.add(v.kind, v.reason, v.took, v.violation)
				if v.kind == "refused" {
					pause(ctx, 20*time.Millisecond)
				}
			}
		})
	}
	all.Wait()
}
