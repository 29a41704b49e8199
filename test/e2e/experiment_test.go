package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/resift/resift/test/rig"
	"github.com/resift/resift/ubi"
)

// experimentRule has all four kinds of arms, and one that differs in its window alone.
const experimentRule = `[{match: "e2e-*", fields: [title, text], window: 20, experiment: {name: kinds, unit: {header: X-User, cookie: sid}, arms: [
  {name: control, kind: control}, {name: model, kind: treatment}, {name: mixed, kind: interleave}, {name: shadow, kind: shadow}, {name: narrow, kind: treatment, window: 5}]}}]`

func startExperiment(t *testing.T, e *engine, dir string) *process {
	c := withScorer(e, rig.NewScorer(t, rig.ReverseOrder))
	c.indices = experimentRule
	c.rest += fmt.Sprintf("\nrecords: {dir: %q, clients: keep, origins: [\"https://shop.example\"]}", dir)
	return start(t, c)
}

func experimentSearch(from, size int) string {
	return fmt.Sprintf(`{"query":{"match":{"text":"memory"}},"from":%d,"size":%d}`, from, size)
}

// idsOf are the hits of an answer in their order.
func idsOf(t *testing.T, body []byte) []string {
	t.Helper()
	var a struct {
		Hits struct {
			Hits []struct {
				ID string `json:"_id"`
			}
		}
	}
	if err := json.Unmarshal(body, &a); err != nil {
		t.Fatalf("%v: %.300s", err, body)
	}
	ids := []string{}
	for _, h := range a.Hits.Hits {
		ids = append(ids, h.ID)
	}
	return ids
}

// TestExperiment sends users' searches through an experiment with every kind of arm, clicks, stops resift, and holds the records
// and the report against what was seen.
func TestExperiment(t *testing.T) {
	onBoth(t, func(t *testing.T, e *engine) {
		dir := t.TempDir()
		p := startExperiment(t, e, dir)
		direct, err := send(e.address, post("/"+docs+"/_search", experimentSearch(0, 20)))
		if err != nil {
			t.Fatal(err)
		}
		engineOrder := idsOf(t, direct.body)
		reversed := slices.Clone(engineOrder)
		slices.Reverse(reversed)
		seen, arms := map[string][]string{}, map[string]int{} // query id → hits; arm → users
		for u := range 60 {
			user := fmt.Sprintf("X-User: user-%d", u)
			first := p.ask(post("/"+docs+"/_search", experimentSearch(0, 10), user))
			second := p.ask(post("/"+docs+"/_search", experimentSearch(10, 10), user))
			arm := first.header.Get("X-Resift-Arm")
			if again := second.header.Get("X-Resift-Arm"); again != arm {
				t.Fatalf("user %d went from %s to %s", u, arm, again)
			}
			arms[arm]++
			ids := idsOf(t, first.body)
			seen[first.header.Get("X-Resift-Query-Id")] = ids
			both := append(slices.Clone(ids), idsOf(t, second.body)...)
			var want []string
			switch arm {
			case "control", "shadow":
				want = engineOrder
			case "model":
				want = reversed
			case "narrow":
				want = append(slices.Clone(engineOrder[:5]), engineOrder[5:]...)
				slices.Reverse(want[:5])
			case "mixed":
				if sorted, all := slices.Sorted(slices.Values(both)), slices.Sorted(slices.Values(engineOrder)); !slices.Equal(sorted, all) {
					t.Errorf("two pages of an interleaved search hold %v", both)
				}
				if top := both[0]; top != engineOrder[0] && top != reversed[0] {
					t.Errorf("the first of an interleaved search is neither order's first: %s", top)
				}
			}
			if want != nil && !slices.Equal(both, want) {
				t.Errorf("%s: %v, want %v", arm, both, want)
			}
			if status := first.resiftStatus(); strings.HasPrefix(status, "reranked") != (arm == "model" || arm == "mixed" || arm == "narrow") {
				t.Errorf("%s: status %s", arm, status)
			}
			click(t, p, first.header.Get("X-Resift-Query-Id"), ids[0])
		}
		if len(arms) != 5 {
			t.Errorf("arms of 60 users: %v", arms)
		}
		multi := p.ask(post("/_msearch", fmt.Sprintf("{\"index\":%q}\n%s\n{\"index\":%q}\n%s\n", docs, experimentSearch(0, 3), docs, experimentSearch(0, 4)), "X-User: user-1", "Content-Type: application/x-ndjson"))
		multiID := multi.header.Get("X-Resift-Query-Id")
		forced := p.ask(post("/"+docs+"/_search", experimentSearch(0, 10), "X-Resift-Arm: narrow"))
		if got := forced.header.Get("X-Resift-Arm"); got != "narrow" {
			t.Errorf("forced arm %q", got)
		}
		if wrong := p.ask(post("/"+docs+"/_search", experimentSearch(0, 10), "X-Resift-Arm: nobody")); wrong.status != 400 || !strings.Contains(string(wrong.body), "has no arm [nobody]") {
			t.Errorf("an arm that is not there: %s", wrong)
		}
		p.ask(post("/"+docs+"/_search", `{"query":{"match":{"text":"memory"}},"sort":["length"]}`, "X-User: user-2")) // in no arm
		p.Signal(syscall.SIGTERM)
		p.Wait(stopLimit)
		holdRecords(t, dir, seen, multiID)
		o := command(t, nil, "ab", "report", "--records", dir)
		for _, want := range []string{"experiment kinds: ", "model minus control", "narrow minus control", "mixed: the model's documents won", "shadow", "rank correlation -1.000"} {
			if o.code != 0 || !strings.Contains(o.stdout, want) {
				t.Fatalf("code %d, want %q in\n%s%s", o.code, want, o.stdout, o.stderr)
			}
		}
	})
}

func click(t *testing.T, p *process, query, doc string) {
	t.Helper()
	body := fmt.Sprintf(`{"action_name":"click","query_id":%q,"event_attributes":{"object":{"object_id":%q}}}`, query, doc)
	resp, err := httpClient.Post(p.Admin+"/events", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		t.Fatalf("an event was answered %s", resp.Status)
	}
}

// holdRecords compares the records with what the client saw.
func holdRecords(t *testing.T, dir string, seen map[string][]string, multiID string) {
	t.Helper()
	found, shadows, multi, forced := 0, 0, 0, 0
	err := ubi.ReadDir(dir, ubi.Queries, func(line []byte) error {
		var q ubi.Query
		if err := json.Unmarshal(line, &q); err != nil {
			return err
		}
		a := q.Attributes
		if ids, ok := seen[q.QueryID]; ok {
			found++
			if !slices.Equal(ids, q.HitIDs) {
				t.Errorf("%s: recorded %v, shown %v", a.Arm, q.HitIDs, ids)
			}
			if q.UserQuery != "memory" || !strings.HasPrefix(q.ClientID, "header:user-") || a.Share != .2 || a.Index != "e2e-*" {
				t.Errorf("%s", line)
			}
		}
		if (a.Kind == "interleave") != (len(a.Teams) > 0) || a.Kind == "interleave" && len(a.Teams) != len(q.HitIDs) {
			t.Errorf("teams: %s", line)
		}
		if a.Kind == "shadow" {
			if shadows++; a.Shadow == nil || a.Shadow.Tau != -1 || a.Shadow.Overlap10 != 0 || a.Shadow.First {
				t.Errorf("shadow of a reversed window of 20: %s", line)
			}
		}
		if strings.HasPrefix(q.QueryID, multiID+".") {
			if multi++; len(q.HitIDs) != 3 && len(q.HitIDs) != 4 {
				t.Errorf("%s", line)
			}
		}
		if a.Forced {
			forced++
		}
		return nil
	})
	if err != nil || found != len(seen) || shadows == 0 || multi != 2 || forced != 1 {
		t.Errorf("%v: %d of %d searches, %d shadows, %d of a multi-search, %d forced", err, found, len(seen), shadows, multi, forced)
	}
	clicks := 0
	if err := ubi.ReadDir(dir, ubi.Events, func([]byte) error { clicks++; return nil }); err != nil || clicks != len(seen) {
		t.Errorf("%d clicks, %v", clicks, err)
	}
}

// TestRecordsInTheEngine has the records indexed by an engine itself, in the indices that UBI names.
func TestRecordsInTheEngine(t *testing.T) {
	onBoth(t, func(t *testing.T, e *engine) {
		c := withScorer(e, rig.NewScorer(t, rig.ReverseOrder))
		c.indices = experimentRule
		prefix := fmt.Sprintf("e2e-records-%d-", os.Getpid())
		c.rest += fmt.Sprintf("\nrecords: {url: %q, index_prefix: %q, key: test}", e.url, prefix)
		p := start(t, c)
		answer := p.ask(post("/"+docs+"/_search", experimentSearch(0, 10), "Cookie: sid=whose-session-it-is"))
		click(t, p, answer.header.Get("X-Resift-Query-Id"), "x")
		t.Cleanup(func() {
			for _, s := range []ubi.Stream{ubi.Queries, ubi.Events} {
				send(e.address, request{method: "DELETE", target: "/" + prefix + string(s) + "?ignore_unavailable=true"})
			}
		})
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("resift's log:\n%s", p.Log)
			}
		})
		for _, s := range []ubi.Stream{ubi.Queries, ubi.Events} {
			eventually(t, string(s)+" has its record", 3*time.Minute, func() bool {
				a, err := send(e.address, get("/"+prefix+string(s)+"/_search?q=query_id:%22"+answer.header.Get("X-Resift-Query-Id")+"%22"))
				return err == nil && a.status == 200 && strings.Contains(string(a.body), answer.header.Get("X-Resift-Query-Id")) && !strings.Contains(string(a.body), "whose-session-it-is")
			})
		}
	})
}
