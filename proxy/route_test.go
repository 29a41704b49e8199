package proxy

import "testing"

func TestWhichRequestsAreSearches(t *testing.T) {
	for _, c := range []struct {
		method, path, index string
		search              bool
	}{
		{"GET", "/_search", "", true},
		{"POST", "/_search", "", true},
		{"GET", "/_search/", "", true},
		{"POST", "/products/_search", "products", true},
		{"POST", "/products/_search//", "products", true},
		{"GET", "/a,b*,-c/_search", "a,b*,-c", true},
		{"GET", "/_all/_search", "_all", true},
		{"GET", "/%3Clogs-%7Bnow%2Fd%7D%3E/_search", "%3Clogs-%7Bnow%2Fd%7D%3E", true},
		{"GET", "/eu:products/_search", "eu:products", true},
		{"PUT", "/products/_search", "", false},
		{"HEAD", "/products/_search", "", false},
		{"DELETE", "/_search/scroll", "", false},
		{"GET", "/", "", false},
		{"GET", "", "", false},
		{"GET", "_search", "", false},
		{"GET", "//_search", "", false},
		{"GET", "/_search/scroll", "", false},
		{"POST", "/products/_search/template", "", false},
		{"POST", "/products/_msearch", "", false},
		{"POST", "/products/_async_search", "", false},
		{"POST", "/products/type/_search", "", false},
		{"GET", "/_scripts/_search", "", false},
		{"GET", "/_async_search/_search", "", false},
		{"GET", "/products/%5Fsearch", "", false},
		{"GET", "/products/_SEARCH", "", false},
	} {
		index, ok := searchTarget(c.method, c.path)
		if ok != c.search || index != c.index {
			t.Errorf("%s %s: index %q, search %v; want %q, %v", c.method, c.path, index, ok, c.index, c.search)
		}
	}
}

func TestWhichRequestsHoldSearches(t *testing.T) {
	for _, c := range []struct {
		method, path string
		kind         kind
		index        string
	}{
		{"POST", "/_msearch", kindMultiSearch, ""},
		{"GET", "/_msearch/", kindMultiSearch, ""},
		{"POST", "/a,b*/_msearch", kindMultiSearch, "a,b*"},
		{"GET", "/_all/_msearch", kindMultiSearch, "_all"},
		{"POST", "/_search", kindSearch, ""},
		{"POST", "/products/_search", kindSearch, "products"},
		{"GET", "/_search/template", kindTemplate, ""},
		{"POST", "/products/_search/template/", kindTemplate, "products"},
		{"POST", "/_msearch/template", kindMultiTemplate, ""},
		{"POST", "/a,b/_msearch/template", kindMultiTemplate, "a,b"},
		{"POST", "/_render/template", kindOther, ""},
		{"POST", "/a/b/_search/template", kindOther, ""},
		{"PUT", "/_msearch", kindOther, ""},
		{"POST", "/products/type/_msearch", kindOther, ""},
		{"POST", "/_scripts/_msearch", kindOther, ""},
		{"POST", "//_msearch", kindOther, ""},
		{"POST", "/x_msearch", kindOther, ""},
		{"POST", "/products/x_search", kindOther, ""},
		{"POST", "/_msearch/_search", kindOther, ""},
	} {
		if k, index := classify(c.method, c.path); k != c.kind || index != c.index {
			t.Errorf("%s %s: kind %d, index %q; want %d, %q", c.method, c.path, k, index, c.kind, c.index)
		}
	}
}

func TestRuleMatchesEveryIncludedName(t *testing.T) {
	for _, c := range []struct {
		rule, expression string
		want             bool
	}{
		{"products", "products", true},
		{"products", "product", false},
		{"products", "products,products", true},
		{"products", "products,secret", false},
		{"prod*", "products,production", true},
		{"prod*", "products,logs", false},
		{"prod*", "prod*", true},
		{"prod*", "pro*", false},
		{"prod*", "products-*-2024", true},
		{"products-2024", "products-*", false},
		{"*-2024", "*-2024", true},
		{"*-2024", "a-*", false},
		{"a*b*c", "axbxc", true},
		{"a*b*c", "axc", false},
		{"a**c", "abc", true},
		{"prod*", "prod*,-prod-old", true},
		{"prod*", "-other,products", true},
		{"prod*", "", false},
		{"prod*", "_all", false},
		{"prod*", "*", false},
		{"prod*", "-prod-old", false},
		{"*", "", true},
		{"*", "_all", true},
		{"*", "*", true},
		{"*", "*,-secret", true},
		{"**", "_all", true},
		{"*", "anything,eu:else", true},
		{"prod*", "products,_all", false},
		{"products", "eu:products", false},
		{"*:products", "eu:products", true},
		{"eu:*", "eu:products", true},
		{"eu:*", "us:products", false},
		{"eu:prod*", "*:products", false},
		{"logs-*", "<logs-{now/d}>", true},
		{"logs-*", "<logs-{now/d{yyyy.MM.dd|+12:00}}>", true},
		{"logs-2024", "<logs-{now/d}>", false},
		{"eu:logs-*", "eu:<logs-{now/d}>", true},
		{"*", "<logs-{now/d>", true},
		{"logs-*", "<logs-{now/d>", false},
		{"logs-*", "<{now/d}-logs>", false},
		{"logs-*", "<logs-\\{x\\}>", true},
		{"Products", "products", false},
		{"", "products", false},
	} {
		got := matchRule([]Rule{{Match: c.rule}}, c.expression) != nil
		if got != c.want {
			t.Errorf("rule %q, index expression %q: %v, want %v", c.rule, c.expression, got, c.want)
		}
	}
}

func TestFirstMatchingRuleDecides(t *testing.T) {
	rules := []Rule{{Match: "prod-old*", Window: 1}, {Match: "prod*", Window: 2}, {Match: "*", Window: 3}}
	for expression, window := range map[string]int{"prod-old-1": 1, "products": 2, "prod-old-1,products": 2, "logs": 3, "": 3} {
		if got := matchRule(rules, expression); got == nil || got.Window != window {
			t.Errorf("%q: got %+v, want the rule with window %d", expression, got, window)
		}
	}
}
