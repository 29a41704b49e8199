package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/resift/resift/eval"
	"github.com/resift/resift/eval/ab"
)

const abSynopsis = "ab report --records DIR [--experiment NAME]"

// ab has one command, report.
func (p *program) ab(args []string) error {
	if len(args) == 0 || args[0] != "report" {
		fmt.Fprintf(p.stderr, "usage: resift %s\n", abSynopsis)
		return errUsage
	}
	f := p.flags("ab report", abSynopsis)
	dir := f.String("records", "", "`folder` of ubi_queries.jsonl and ubi_events.jsonl, as records.dir says")
	experiment := f.String("experiment", "", "`name`; not needed where the records are of one only")
	control := f.String("control", "", "`arm` that the others are compared with (default: the control arm)")
	action := f.String("action", ab.Click, "the event that counts as a click")
	planned := f.Float64("planned-users", 10_000, "users at which the anytime interval is at its tightest; choose it before you look")
	page := f.String("html", "", "`file` for a page with plots")
	asJSON := f.Bool("json", false, "print JSON")
	if _, err := parse(f, args[1:], 0); err != nil {
		return err
	}
	if *dir == "" {
		return errors.New("--records is missing")
	}
	if !(*planned >= 1) {
		return errors.New("--planned-users: want a number of users")
	}
	records, err := ab.Read(*dir, *experiment, *action)
	if err != nil {
		return err
	}
	report, err := ab.Analyse(records, ab.Options{Control: *control, Planned: *planned})
	if err != nil {
		return err
	}
	if *page != "" {
		if err := eval.WriteFile(*page, report.HTML); err != nil {
			return err
		}
	}
	if *asJSON {
		enc := json.NewEncoder(p.stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(report)
	}
	return report.Print(p.stdout)
}
