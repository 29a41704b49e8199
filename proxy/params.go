package proxy

import (
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// param is one parameter of a query string, decoded, with its place in the raw text.
type param struct {
	name, value string
	raw         string // "name=value" as sent
}

// params are the parameters of a query string in order; no name occurs twice.
type params []param

// maxParams is more than all parameters that a search has in any engine.
const maxParams = 128

// parseParams reads a raw query string where every engine and every proxy read it alike. Engines split it at ";" as well as at
// "&", let the last of equal names win, take "%%" for "%", and replace what is not UTF-8 (RestUtils.decodeQueryString); wherever
// one of these would matter it answers false, and the search is left alone.
func parseParams(rawQuery string) (params, bool) {
	if strings.ContainsAny(rawQuery, ";#") {
		return nil, false
	}
	var list params
	for raw := range strings.SplitSeq(rawQuery, "&") {
		if raw == "" {
			continue
		}
		if len(list) == maxParams {
			return nil, false
		}
		rawName, rawValue, _ := strings.Cut(raw, "=")
		name, err := url.QueryUnescape(rawName)
		if err != nil || name == "" || !utf8.ValidString(name) || list.has(name) {
			return nil, false
		}
		value, err := url.QueryUnescape(rawValue)
		if err != nil || !utf8.ValidString(value) {
			return nil, false
		}
		list = append(list, param{name: name, value: value, raw: raw})
	}
	return list, true
}

func (ps params) get(name string) (value string, ok bool) {
	for _, p := range ps {
		if p.name == name {
			return p.value, true
		}
	}
	return "", false
}

func (ps params) has(name string) bool {
	_, ok := ps.get(name)
	return ok
}

// with returns the parameters with this one set, in its place or at the end.
func (ps params) with(name, value string) params {
	set := param{name: name, value: value, raw: url.QueryEscape(name) + "=" + url.QueryEscape(value)}
	out := append(params(nil), ps...)
	for i := range out {
		if out[i].name == name {
			out[i] = set
			return out
		}
	}
	return append(out, set)
}

func (ps params) without(name string) params {
	var out params
	for _, p := range ps {
		if p.name != name {
			out = append(out, p)
		}
	}
	return out
}

// only returns the parameters of these names.
func (ps params) only(names ...string) params {
	var out params
	for _, p := range ps {
		if slices.Contains(names, p.name) {
			out = append(out, p)
		}
	}
	return out
}

// encode joins the parameters; those that were not set anew stand as they were sent.
func (ps params) encode() string {
	raws := make([]string, len(ps))
	for i, p := range ps {
		raws[i] = p.raw
	}
	return strings.Join(raws, "&")
}

// commaList splits a list parameter as engines do: at commas, empty items dropped.
func commaList(value string) []string {
	var items []string
	for item := range strings.SplitSeq(value, ",") {
		if item != "" {
			items = append(items, item)
		}
	}
	return items
}
