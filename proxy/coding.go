package proxy

import (
	"errors"
	"net/http"

	"github.com/resift/resift/searchclient/coding"
)

// plain undoes the coding of a request body, so that it can be planned: it returns the body and fields that say nothing of a coding.
// coded is false where a body is not coded, or in a way that cannot be read: it then comes back as it is. One that holds more than
// limits.body is errBodyTooLarge: no more than that is made of it.
func (h *Handler) plain(header http.Header, body []byte) (_ []byte, _ http.Header, coded bool, _ error) {
	name, err := coding.Of(header)
	if err != nil || name == coding.Identity || len(body) == 0 {
		return body, header, false, nil
	}
	decoded, err := h.coder.Decode(name, body, h.limits.Body)
	switch {
	case errors.Is(err, coding.ErrTooLarge):
		return nil, nil, false, errBodyTooLarge
	case err != nil:
		return body, header, false, nil
	}
	header = header.Clone()
	header.Del("Content-Encoding")
	return decoded, header, true, nil
}
