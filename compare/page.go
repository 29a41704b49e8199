package compare

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

//go:embed *.html.tmpl
var files embed.FS

// Options say what the page asks and offers.
type Options struct {
	Search   http.Handler // the proxy
	Index    string       // index expression that the form begins with
	Fields   []string     // that the form begins with
	Window   int          // that the form begins with
	Models   []string     // by name, to choose from; none: there is no choice
	Examples []string     // queries to try; may be empty

	Experiments Experiments // nil: there are none
}

// Handler serves the page.
type Handler struct {
	search http.Handler
	o      Options
	page   *template.Template

	experiments *template.Template
}

// New makes the page of o.
func New(o Options) (*Handler, error) {
	t, err := template.New("").Funcs(template.FuncMap{
		"score": func(v *float64) string { return strconv.FormatFloat(*v, 'f', 3, 64) },
		"ms":    func(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) },
		"abs":   func(n int) int { return max(n, -n) },
		"named": func(list string, h hit) namedHit { return namedHit{fmt.Sprint(list, h.Rank), h} },
		"try": func(o Options, q string) string {
			return "?" + url.Values{"q": {q}, "index": {o.Index}, "fields": {strings.Join(o.Fields, ",")}}.Encode()
		},
		"pc":     func(v float64) string { return strconv.FormatFloat(100*v, 'f', 1, 64) + " %" },
		"points": func(v float64) string { return fmt.Sprintf("%+.1f", 100*v) },
		"p":      func(v float64) string { return strconv.FormatFloat(v, 'g', 2, 64) },
		"n":      func(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) },
		"within": Difference.within,
		"place":  place,
	}).ParseFS(files, "*.html.tmpl")
	if err != nil {
		return nil, err
	}
	return &Handler{search: o.Search, o: o, page: t.Lookup("page.html.tmpl"), experiments: t.Lookup("experiments.html.tmpl")}, nil
}

// view is what the template reads.
type view struct {
	Options Options
	Q       question
	Before  *order // the engine's; nil: nothing was asked, or it failed
	After   *order // the model's
	Lines   []moveLine
	Height  int // of the drawing between the two orders
	Problem string
}

// namedHit is a hit with a name that no other hit of the page has.
type namedHit struct {
	ID  string
	Hit hit
}

// moveLine joins a hit's place in both orders.
type moveLine struct {
	FromY, ToY int
	Kind       string // up, down, same
}

// rowHeight of a hit in both lists, in CSS pixels: the lines between them need to know it.
const rowHeight = 132

// defaultSize is how many hits of each order are shown; a request may ask for up to maxSize.
const defaultSize, maxSize, maxWindow = 10, 50, 1000

// ServeHTTP serves GET: the form, and both orders where ?q= is given.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	secure(header)
	v := &view{Options: h.o}
	status := http.StatusOK
	q, err := h.question(r.URL.Query())
	v.Q = q
	if err == nil && q.Query != "" {
		err = h.compare(r, v)
	}
	if answer := (*refused)(nil); errors.As(err, &answer) {
		status = answer.status
		if challenge := answer.header["Www-Authenticate"]; status == http.StatusUnauthorized && challenge != nil {
			header["Www-Authenticate"] = challenge // the browser asks whoever looks
		}
	} else if err != nil {
		status = http.StatusBadRequest
	}
	if err != nil {
		v.Problem = err.Error()
	}
	var page bytes.Buffer
	if err := h.page.Execute(&page, v); err != nil {
		http.Error(w, "the page cannot be written", http.StatusInternalServerError)
		return
	}
	w.WriteHeader(status)
	w.Write(page.Bytes())
}

// secure has a browser load nothing beside the page, and keep nothing of it.
func secure(header http.Header) {
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cache-Control", "no-store")
}

// question reads the form.
func (h *Handler) question(p url.Values) (question, error) {
	q := question{Query: strings.TrimSpace(p.Get("q")), Index: strings.TrimSpace(p.Get("index")), Fields: strings.TrimSpace(p.Get("fields")), Size: defaultSize, Window: h.o.Window}
	if !p.Has("index") {
		q.Index = h.o.Index
	}
	if q.Fields == "" {
		q.Fields = strings.Join(h.o.Fields, ",")
	}
	if q.Model = p.Get("model"); q.Model != "" && !slices.Contains(h.o.Models, q.Model) {
		return q, fmt.Errorf("model: no model is called %q", q.Model)
	}
	for _, n := range []struct {
		name string
		to   *int
		most int
	}{{"size", &q.Size, maxSize}, {"window", &q.Window, maxWindow}} {
		if text := p.Get(n.name); text != "" {
			i, err := strconv.Atoi(text)
			if err != nil || i < 1 || i > n.most {
				return q, fmt.Errorf("%s: want 1 to %d, found %q", n.name, n.most, text)
			}
			*n.to = i
		}
	}
	return q, nil
}

// compare asks for both orders and draws the lines between them.
func (h *Handler) compare(r *http.Request, v *view) (err error) {
	if v.Before, err = h.ask(r, v.Q, true); err != nil {
		return err
	}
	if v.After, err = h.ask(r, v.Q, false); err != nil {
		v.Before = nil
		return err
	}
	before := map[string]*hit{}
	for i := range v.Before.Hits {
		x := &v.Before.Hits[i]
		before[x.Index+"/"+x.ID] = x
	}
	for i, x := range v.After.Hits {
		from := before[x.Index+"/"+x.ID]
		if from == nil {
			continue
		}
		if x.EngineRank == from.Rank {
			from.EngineRank, from.ModelRank, from.Moved, from.Model, from.Why = x.EngineRank, x.ModelRank, x.Moved, x.Model, x.Why
		}
		if i < v.Q.Size {
			v.Lines = append(v.Lines, moveLine{from.Rank*rowHeight - rowHeight/2, x.Rank*rowHeight - rowHeight/2, kind(from.Rank - x.Rank)})
		}
	}
	v.After.Hits = v.After.Hits[:min(len(v.After.Hits), v.Q.Size)]
	v.Height = rowHeight * max(len(v.Before.Hits), len(v.After.Hits))
	return nil
}

func kind(moved int) string {
	switch {
	case moved > 0:
		return "up"
	case moved < 0:
		return "down"
	}
	return "same"
}
