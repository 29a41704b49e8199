package proxy

import (
	"strings"
	"testing"
)

// TestSignedRequestsAreNeverChanged has what a signature covers reach the engine as it came.
func TestSignedRequestsAreNeverChanged(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{})
	const sigV4 = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/eu-west-1/es/aws4_request, SignedHeaders=host;x-amz-date, Signature=5d67"
	const presigned = "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID&X-Amz-Signature=5d67"
	native := `{"query":{"match":{"title":"fox"}},"ext":{"rerank":{"query_context":{"query_text":"fox"}}}}`
	for _, x := range []struct {
		name, query, body string
		header            []string
		reason            Reason
	}{
		{"SigV4", "", "{" + query + "}", []string{"Authorization", sigV4}, ReasonSigned},
		{"SigV4a", "", "{" + query + "}", []string{"Authorization", "AWS4-ECDSA-P256-SHA256 Credential=x"}, ReasonSigned},
		{"an unsigned payload", "", "{" + query + "}", []string{"X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"}, ReasonSigned},
		{"presigned", presigned, "{" + query + "}", nil, ReasonSigned},
		{"presigned, small letters", strings.ToLower(presigned), "{" + query + "}", nil, ReasonSigned},
		{"message signature", "", "{" + query + "}", []string{"Signature-Input", `sig1=("@method")`, "Signature", "sig1=:x:"}, ReasonSigned},
		{"its forerunner", "", "{" + query + "}", []string{"Authorization", `Signature keyId="a",signature="b"`}, ReasonSigned},
		{"a digest", "", "{" + query + "}", []string{"Content-Digest", "sha-256=:x:"}, ReasonSigned},
		{"an older digest", "", "{" + query + "}", []string{"Digest", "SHA-256=x"}, ReasonSigned},
		{"MD5", "", "{" + query + "}", []string{"Content-MD5", "x"}, ReasonSigned},
		{"a native request", "", native, []string{"Authorization", sigV4}, ReasonSigned},
		{"a control in the body", "", "{" + query + `,"ext":{"resift":{"window":5}}}`, []string{"Authorization", sigV4}, ReasonSigned},
		{"a control that turns it off", "", "{" + query + `,"ext":{"resift":{"mode":"off"}}}`, []string{"Authorization", sigV4}, ReasonModeOff},
		{"what would not be changed", "", "{" + query + `,"sort":["n"]}`, []string{"Authorization", sigV4}, ReasonSort},
	} {
		a := r.do(t, "POST", "/notes/_search"+x.query, x.body, x.header...)
		a.expect(t, StatusBypassed, x.reason)
		got := e.requests()[len(e.requests())-1]
		if string(got.body) != x.body || got.uri != "/notes/_search"+x.query {
			t.Errorf("%s: the engine got %s %s", x.name, got.uri, got.body)
		}
		for i := 0; i < len(x.header); i += 2 {
			if got.header.Get(x.header[i]) != x.header[i+1] {
				t.Errorf("%s: %s is %q", x.name, x.header[i], got.header.Get(x.header[i]))
			}
		}
	}
}

// TestCredentialsPassUntouched has every way to show who one is reach the engine, on both of its requests.
func TestCredentialsPassUntouched(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{})
	for _, credential := range []string{"Basic YTpi", "ApiKey aWQ6a2V5", "Bearer abc.def.ghi", "Negotiate YII=", "basic  YTpi"} {
		r.search(t, "", "Authorization", credential).expect(t, StatusReranked, "")
		r.search(t, `,"sort":["n"]`, "Authorization", credential).expect(t, StatusBypassed, ReasonSort)
		r.do(t, "GET", "/_cat/indices", "", "Authorization", credential)
		for _, got := range e.requests()[len(e.requests())-3:] {
			if got.header.Get("Authorization") != credential {
				t.Errorf("%s: %q, want %q", got.uri, got.header.Get("Authorization"), credential)
			}
		}
	}
}
