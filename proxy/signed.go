package proxy

import "strings"

// signatures are the fields that vouch for a body or for other fields: AWS SigV4's payload digest, HTTP Message Signatures (RFC 9421),
// digests (RFC 9530, RFC 3230, RFC 1864).
var signatures = [...]string{
	"X-Amz-Content-Sha256", "Signature", "Signature-Input", "Content-Digest", "Repr-Digest", "Digest", "Content-Md5",
}

// signed tells whether a request bears a signature that would not hold for a request made of it.
func signed(r *Request) bool {
	for _, name := range signatures {
		if _, ok := r.Header[name]; ok {
			return true
		}
	}
	for _, line := range r.Header["Authorization"] {
		scheme, _, _ := strings.Cut(strings.TrimLeft(line, " \t"), " ")
		if strings.HasPrefix(strings.ToUpper(scheme), "AWS4-") || strings.EqualFold(scheme, "Signature") {
			return true
		}
	}
	return strings.Contains(strings.ToLower(r.RawQuery), "x-amz-signature=")
}

// judgeSignature leaves alone what would be re-ranked but cannot be changed.
func (p *planner) judgeSignature() verdict {
	if signed(p.request) {
		return bypass(ReasonSigned)
	}
	return goOn
}
