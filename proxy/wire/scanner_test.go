package wire

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

const testLimit = 2 << 10

// get is a whole request with more header lines.
func get(lines ...string) string {
	return "GET / HTTP/1.1\r\nHost: x\r\n" + strings.Join(append(lines, ""), "\r\n") + "\r\n"
}

func chunks(body string) string { return get("Transfer-Encoding: chunked") + body }

var sound = []string{
	get(),
	"GET / HTTP/1.0\r\n\r\n",
	"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET http://elsewhere:9200/a?b=c HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /caf\xc3\xa9?q=\xff HTTP/1.1\r\nHost: x\r\n\r\n",
	get("Empty:", "Tab:\tvalue\t", "Colons: a:b:c", "Latin: caf\xe9"),
	get("Content-Length: 5") + "hello",
	get("content-length:005") + "hello",
	get("Content-Length: 0"),
	get("TRANSFER-ENCODING: Chunked") + "5\r\nhello\r\n0\r\n\r\n",
	chunks("0\r\n\r\n"),
	chunks("a\r\n0123456789\r\nA\r\n0123456789\r\n00\r\n\r\n"),
	chunks("5;name=value;\"q\"\r\nhello\r\n0;end\r\n\r\n"),
	chunks("1\r\nx\r\n0\r\nX-Sum: 1\r\nY:\r\n\r\n"),
	"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
	get("Expect: 100-continue", "Content-Length: 2") + "{}",
}

var broken = []struct {
	name, request string
	want          *Violation
}{
	{"length and chunks", get("Content-Length: 3", "Transfer-Encoding: chunked") + "0\r\n\r\n", bothFramings},
	{"chunks and length", get("Transfer-Encoding: chunked", "Content-Length: 3") + "0\r\n\r\n", bothFramings},
	{"chunks and no length", get("Transfer-Encoding: chunked", "Content-Length: 0") + "0\r\n\r\n", bothFramings},
	{"length twice", get("Content-Length: 1", "Content-Length: 2") + "xx", badLength},
	{"the same length twice", get("Content-Length: 1", "Content-Length: 1") + "x", badLength},
	{"a list of lengths", get("Content-Length: 1, 1") + "x", badLength},
	{"a signed length", get("Content-Length: +1") + "x", badLength},
	{"a negative length", get("Content-Length: -1"), badLength},
	{"a hexadecimal length", get("Content-Length: 0x1") + "x", badLength},
	{"a length with a point", get("Content-Length: 1.0") + "x", badLength},
	{"a length with a gap", get("Content-Length: 1 0") + "x", badLength},
	{"an empty length", get("Content-Length:"), badLength},
	{"a huge length", get("Content-Length: 99999999999999999999"), badLength},
	{"identity", get("Transfer-Encoding: identity"), badCoding},
	{"chunked, identity", get("Transfer-Encoding: chunked, identity"), badCoding},
	{"identity, chunked", get("Transfer-Encoding: identity, chunked"), badCoding},
	{"gzip, chunked", get("Transfer-Encoding: gzip, chunked"), badCoding},
	{"chunked, chunked", get("Transfer-Encoding: chunked, chunked"), badCoding},
	{"xchunked", get("Transfer-Encoding: xchunked"), badCoding},
	{"chunked x", get("Transfer-Encoding: chunked x"), badCoding},
	{"quoted", get(`Transfer-Encoding: "chunked"`), badCoding},
	{"a comma more", get("Transfer-Encoding: ,chunked"), badCoding},
	{"a parameter", get("Transfer-Encoding: chunked;q=1"), badCoding},
	{"an empty coding", get("Transfer-Encoding:"), badCoding},
	{"a Kelvin sign", get("Transfer-Encoding: chun\u212aed"), badCoding},
	{"a coding twice", get("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), badCoding},
	{"a coding and another", get("Transfer-Encoding: chunked", "Transfer-Encoding: identity"), badCoding},
	{"chunks in HTTP/1.0", "POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", badCoding},
	{"a vertical tab before chunked", get("Transfer-Encoding: \x0bchunked"), badValue},
	{"NUL in a value", get("X: a\x00b"), badValue},
	{"DEL in a value", get("X: a\x7fb"), badValue},
	{"NUL in a name", get("X\x00Y: a"), badName},
	{"NUL before a name", get("\x00Transfer-Encoding: chunked"), badName},
	{"space before the colon", get("Transfer-Encoding : chunked"), badName},
	{"tab before the colon", get("Content-Length\t: 3"), badName},
	{"a no-break space in a name", get("Content-Length\xa0: 3"), badName},
	{"no colon", get("Content-Length"), badName},
	{"no name", get(": x"), badName},
	{"quotes in a name", get(`"X": 1`), badName},
	{"a fold", get("X: a", " b"), folded},
	{"a fold of a coding", get("Transfer-Encoding:", "\tchunked"), badCoding},
	{"a fold at the start", get(" Transfer-Encoding: chunked"), folded},
	{"a bare LF", get("X: 1\nTransfer-Encoding: chunked"), bareLF},
	{"bare LFs alone", "GET / HTTP/1.1\nHost: x\n\n", bareLF},
	{"a bare LF at the end", "GET / HTTP/1.1\r\nHost: x\r\n\n", bareLF},
	{"a CR in a value", get("X: 1\rContent-Length: 3"), strayCR},
	{"CR CR LF", "GET / HTTP/1.1\r\nHost: x\r\r\n\r\n", strayCR},
	{"a CR in the request line", "GET /\r HTTP/1.1\r\nHost: x\r\n\r\n", strayCR},
	{"an empty line first", "\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", emptyLine},
	{"an empty line after a GET", get() + "\r\n" + get(), emptyLine},
	{"two after a POST", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n\r\n\r\n" + get(), emptyLine},
	{"no version", "GET /\r\nHost: x\r\n\r\n", badRequestLine},
	{"HTTP/0.9", "GET / HTTP/0.9\r\nHost: x\r\n\r\n", badVersion},
	{"HTTP/1.2", "GET / HTTP/1.2\r\nHost: x\r\n\r\n", badVersion},
	{"HTTP/2 by prior knowledge", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", badVersion},
	{"small letters", "GET / http/1.1\r\nHost: x\r\n\r\n", badRequestLine},
	{"two spaces", "GET  / HTTP/1.1\r\nHost: x\r\n\r\n", badRequestLine},
	{"a tab for a space", "GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n", badRequestLine},
	{"a space in the target", "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", badRequestLine},
	{"NUL in the target", "GET /a\x00b HTTP/1.1\r\nHost: x\r\n\r\n", badRequestLine},
	{"a method of no letters", "G(T / HTTP/1.1\r\nHost: x\r\n\r\n", badRequestLine},
	{"the method of refusals", "~ /0 HTTP/1.1\r\nHost: x\r\n\r\n", badRequestLine},
	{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n", bareLF},
	{"no host", "GET / HTTP/1.1\r\n\r\n", badHost},
	{"two hosts", get("Host: y"), badHost},
	{"a host with a slash", "GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", badHost},
	{"a long line", get("X: " + strings.Repeat("x", testLimit)), headTooLarge},
	{"many lines", get(strings.Repeat("X: 1\r\n", testLimit/6)), headTooLarge},
	{"a line without an end", "GET /" + strings.Repeat("x", testLimit), headTooLarge},

	{"no size", chunks("\r\n"), badChunk},
	{"0x", chunks("0x5\r\nhello\r\n0\r\n\r\n"), badChunk},
	{"a sign", chunks("+5\r\nhello\r\n0\r\n\r\n"), badChunk},
	{"minus", chunks("-1\r\n\r\n"), badChunk},
	{"a space before the size", chunks(" 5\r\nhello\r\n0\r\n\r\n"), badChunk},
	{"a space after the size", chunks("5 \r\nhello\r\n0\r\n\r\n"), badChunk},
	{"junk after the size", chunks("5_\r\nhello\r\n0\r\n\r\n"), badChunk},
	{"an overlong size", chunks("0000000000000005\r\nhello\r\n0\r\n\r\n"), badChunk},
	{"a size past 64 bits", chunks("10000000000000005\r\nhello\r\n0\r\n\r\n"), badChunk},
	{"LF after the size", chunks("5\nhello\r\n0\r\n\r\n"), badChunk},
	{"LF in an extension", chunks("5;a\nhello\r\n0\r\n\r\n"), badChunk},
	{"CR in an extension", chunks("5;a\rb\r\nhello\r\n0\r\n\r\n"), badChunk},
	{"NUL in an extension", chunks("5;a\x00\r\nhello\r\n0\r\n\r\n"), badChunk},
	{"a long extension", chunks("5;" + strings.Repeat("a", maxChunkLine+1) + "\r\nhello\r\n0\r\n\r\n"), badChunk},
	{"a chunk too short", chunks("6\r\nhello\r\n0\r\n\r\n"), badChunk},
	{"a chunk too long", chunks("4\r\nhello\r\n0\r\n\r\n"), badChunk},
	{"LF after a chunk", chunks("5\r\nhello\n0\r\n\r\n"), badChunk},
	{"LF at the end", chunks("0\r\n\n"), badChunk},
	{"a trailer with a space", chunks("0\r\nX : 1\r\n\r\n"), badChunk},
	{"a folded trailer", chunks("0\r\nX: 1\r\n y\r\n\r\n"), badChunk},
	{"a trailer with LF", chunks("0\r\nX: 1\n\r\n"), badChunk},
	{"a trailer with NUL", chunks("0\r\nX: \x00\r\n\r\n"), badChunk},
	{"long trailers", chunks("0\r\n" + strings.Repeat("X: 1\r\n", 1000) + "\r\n"), badChunk},
}

// verdict scans text in pieces of a size, as conn does.
func verdict(text string, piece int) (clear int, v *Violation, whole bool) {
	s := scanner{limit: testLimit}
	for end := 0; ; {
		n, v, _ := s.scan([]byte(text[clear:end]))
		if clear += n; v != nil {
			return clear, v, false
		}
		if end == len(text) {
			return clear, nil, s.part == inHead && s.head == head{}
		}
		end = min(end+piece, len(text))
	}
}

func TestSoundRequestsPass(t *testing.T) {
	for _, text := range append(sound, strings.Join(sound, "")) {
		for _, piece := range []int{1, 2, 7, len(text)} {
			if clear, v, whole := verdict(text, piece); v != nil || clear != len(text) || !whole {
				t.Errorf("%q in pieces of %d: %d clear, whole %v, %v", text, piece, clear, whole, v)
			}
		}
	}
}

func TestBrokenRequestsAreFound(t *testing.T) {
	for _, x := range broken {
		for _, before := range []string{"", get("Content-Length: 3") + "GET"} {
			text := before + x.request
			for _, piece := range []int{1, 5, len(text)} {
				if _, v, _ := verdict(text, piece); v != x.want {
					t.Errorf("%s in pieces of %d: %v, want %v", x.name, piece, v, x.want)
				}
			}
		}
	}
}

// FuzzFraming has net/http read what the scanner finds sound: it must find the same requests, ending at the same bytes.
func FuzzFraming(f *testing.F) {
	for _, text := range sound {
		f.Add([]byte(text))
	}
	for _, x := range broken {
		f.Add([]byte(x.request))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s := scanner{limit: testLimit}
		r := bytes.NewReader(text)
		buffered := bufio.NewReader(r)
		// A piece at a time, so that each end of a request is seen.
		clear := 0
		for end := 0; end <= len(text); end++ {
			was := s.part
			n, v, _ := s.scan(text[clear:end])
			clear += n
			if v != nil {
				return
			}
			if n == 0 || s.part != inHead || clear != end || was == inHead && s.head != (head{}) {
				continue
			}
			// A request ended here. After a POST the server passes over an empty line, as conn.serve does.
			at := len(text) - r.Len() - buffered.Buffered()
			if peek, _ := buffered.Peek(2); at > 0 && string(peek) == "\r\n" {
				buffered.Discard(2)
			}
			req, err := http.ReadRequest(buffered)
			if err != nil {
				if strings.Contains(err.Error(), "parse ") || strings.Contains(err.Error(), "invalid method") || strings.Contains(err.Error(), "header") {
					return // net/http is stricter about targets: the connection ends
				}
				t.Fatalf("net/http: %v\n%q", err, text[:end])
			}
			if _, err := io.Copy(io.Discard, req.Body); err != nil {
				if strings.Contains(err.Error(), "chunk") || strings.Contains(err.Error(), "trailer") || strings.Contains(err.Error(), "header") {
					return // stricter about overhead and trailers
				}
				t.Fatalf("net/http reads the body: %v\n%q", err, text[:end])
			}
			if at := len(text) - r.Len() - buffered.Buffered(); at != end {
				t.Fatalf("net/http ends the request at %d, the scanner at %d\n%q", at, end, text)
			}
		}
	})
}

func BenchmarkScan(b *testing.B) {
	text := []byte("POST /products/_search?typed_keys=true HTTP/1.1\r\nHost: search.example:9200\r\nUser-Agent: elasticsearch-py/9.0.1 (Python/3.12)\r\n" +
		"Accept: application/vnd.elasticsearch+json; compatible-with=9\r\nContent-Type: application/vnd.elasticsearch+json; compatible-with=9\r\n" +
		"Authorization: ApiKey c29tZXRoaW5nOnNlY3JldHNvbWV0aGluZw==\r\nx-elastic-client-meta: es=9.0.1,py=3.12,t=9.0.0,ur=2.2\r\nConnection: keep-alive\r\n" +
		"Content-Length: 300\r\n\r\n" + strings.Repeat("x", 300))
	s := scanner{limit: 64 << 10}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if clear, v, _ := s.scan(text); clear != len(text) || v != nil {
			b.Fatal(clear, v)
		}
	}
}
