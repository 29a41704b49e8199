package wire

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs net/http behind a guard; the handler tells what it read.
func serve(t *testing.T, o Options) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if o.HeaderBytes == 0 {
		o.HeaderBytes = testLimit
	}
	if o.HeaderTime == 0 {
		o.HeaderTime = time.Minute
	}
	server := &http.Server{IdleTimeout: time.Minute, ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if v, ok := Refused(r); ok {
			w.Header().Set("Connection", "close")
			http.Error(w, v.Reason, v.Status)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.Header().Set("Connection", "close")
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprintf(w, "%s %s %q tls=%v", r.Method, r.URL, body, r.TLS != nil)
	})}
	done := make(chan error, 1)
	go func() { done <- server.Serve(New(l, o)) }()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
	return l.Addr().String()
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(30 * time.Second))
	return c
}

// read reads one answer.
func read(t *testing.T, from *bufio.Reader) (int, string) {
	t.Helper()
	res, err := http.ReadResponse(from, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, strings.TrimSpace(string(body))
}

func ended(t *testing.T, name string, from *bufio.Reader) {
	t.Helper()
	if rest, err := io.ReadAll(from); err != nil || len(rest) > 0 {
		t.Errorf("%s: the connection did not end: %q, %v", name, rest, err)
	}
}

// TestRefusalsEndTheConnection sends each broken request behind a sound one, and a hidden one behind it.
func TestRefusalsEndTheConnection(t *testing.T) {
	address := serve(t, Options{})
	for _, x := range broken {
		for name, send := range map[string]func(net.Conn, string){
			"at once": func(c net.Conn, s string) { io.WriteString(c, s) },
			"in two pieces": func(c net.Conn, s string) {
				io.WriteString(c, s[:len(s)/2])
				time.Sleep(time.Millisecond)
				io.WriteString(c, s[len(s)/2:])
			},
		} {
			c := dial(t, address)
			from := bufio.NewReader(c)
			send(c, get()+x.request+"\r\n\r\n"+"GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n")
			expected := []string{"200 GET"}
			if strings.HasPrefix(x.request, get()) || strings.HasPrefix(x.request, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0") {
				expected = append(expected, "200 ")
			}
			for _, want := range append(expected, fmt.Sprint(x.want.Status, " ")) {
				if status, body := read(t, from); !strings.HasPrefix(fmt.Sprint(status, " ", body), want) {
					t.Errorf("%s, %s: %d %q, want %q", x.name, name, status, body, want)
				}
			}
			ended(t, x.name+", "+name, from)
			c.Close()
		}
	}
}

// TestEveryByteByItself sends sound requests a byte at a time, on one connection.
func TestEveryByteByItself(t *testing.T) {
	address := serve(t, Options{})
	c := dial(t, address)
	from := bufio.NewReader(c)
	for range 3 {
		for _, b := range []byte(chunks("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")) {
			if _, err := c.Write([]byte{b}); err != nil {
				t.Fatal(err)
			}
		}
		if status, body := read(t, from); status != 200 || body != `GET / "hello world" tls=false` {
			t.Errorf("%d %s", status, body)
		}
	}
}

// TestPipelinedRequests sends many at once, of many sizes.
func TestPipelinedRequests(t *testing.T) {
	address := serve(t, Options{})
	c := dial(t, address)
	from := bufio.NewReader(c)
	const n = 50
	go func() {
		for i := range n {
			fmt.Fprintf(c, "POST /%d HTTP/1.1\r\nHost: x\r\nX-Pad: %s\r\nContent-Length: %d\r\n\r\n%s", i, strings.Repeat("p", 37*i), i*301, strings.Repeat("b", i*301))
		}
	}()
	for i := range n {
		if status, body := read(t, from); status != 200 || body != fmt.Sprintf("POST /%d %q tls=false", i, strings.Repeat("b", i*301)) {
			t.Fatalf("request %d: %d, %d bytes", i, status, len(body))
		}
	}
}

// TestSlowHeads stops in the middle of a head, of the first request and of a later one.
func TestSlowHeads(t *testing.T) {
	address := serve(t, Options{HeaderTime: 50 * time.Millisecond})
	for _, before := range []int{0, 1} {
		c := dial(t, address)
		from := bufio.NewReader(c)
		for range before {
			io.WriteString(c, get())
			read(t, from)
		}
		io.WriteString(c, "GET / HTTP/1.1\r\nHost:")
		if status, body := read(t, from); status != http.StatusRequestTimeout || body != headTooSlow.Reason {
			t.Errorf("%d %s", status, body)
		}
		ended(t, "a slow head", from)
	}
}

// TestIdleConnectionsMayWait leaves a connection alone for longer than a head may take.
func TestIdleConnectionsMayWait(t *testing.T) {
	address := serve(t, Options{HeaderTime: 20 * time.Millisecond})
	c := dial(t, address)
	from := bufio.NewReader(c)
	for range 3 {
		time.Sleep(60 * time.Millisecond)
		io.WriteString(c, get())
		if status, body := read(t, from); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
	}
}

// TestAnswersReachClientsThatSendOn refuses a request of which more is on its way than a socket holds back.
func TestAnswersReachClientsThatSendOn(t *testing.T) {
	address := serve(t, Options{})
	c := dial(t, address)
	go io.WriteString(c, get("Transfer-Encoding: xchunked")+strings.Repeat("x", 200<<10))
	from := bufio.NewReader(c)
	if status, body := read(t, from); status != 400 {
		t.Errorf("%d %s", status, body)
	}
}

// TestAbortedReadKeepsWhatItHeld has a deadline in 1970, which is net/http's way to end its own read, leave a held head whole.
func TestAbortedReadKeepsWhatItHeld(t *testing.T) {
	client, server := net.Pipe()
	defer client.Close()
	c := &conn{Conn: server, scanner: scanner{limit: testLimit}, headTime: time.Minute}
	defer c.Close()
	text := get("X: 1")
	go io.WriteString(client, text[:20])
	got := make([]byte, len(text))
	done := make(chan error, 1)
	go func() {
		_, err := c.Read(got[:1])
		done <- err
	}()
	client.SetWriteDeadline(time.Now().Add(30 * time.Second))
	for !c.isHolding() {
		time.Sleep(time.Millisecond)
	}
	c.SetReadDeadline(time.Unix(1, 0))
	if err := <-done; !os.IsTimeout(err) {
		t.Fatal(err)
	}
	c.SetReadDeadline(time.Time{})
	go io.WriteString(client, text[20:])
	if _, err := io.ReadFull(c, got); err != nil || string(got) != text {
		t.Errorf("%q, %v", got, err)
	}
}

func (c *conn) isHolding() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.holding.IsZero()
}
