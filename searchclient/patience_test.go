package searchclient

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// silent is an engine that never answers.
func silent(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// after is one that answers late.
func after(d time.Duration, body io.ReadCloser) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		select {
		case <-time.After(d):
			return &http.Response{StatusCode: 200, Body: body}, nil
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
}

func TestRequestsShareABudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := patience{header: time.Minute}
		ctx := WithBudget(t.Context())
		req := &http.Request{Header: http.Header{}}
		begin := time.Now()
		res, err := p.send(req.WithContext(ctx), after(40*time.Second, http.NoBody))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		for range 2 {
			if _, err := p.send(req.WithContext(ctx), silent); !IsTimeout(err) {
				t.Errorf("%v", err)
			}
			if took := time.Since(begin); took != time.Minute {
				t.Errorf("both took %v", took)
			}
		}
		// Another caller has its own.
		if res, err = p.send(req.WithContext(WithBudget(t.Context())), after(59*time.Second, http.NoBody)); err != nil {
			t.Error(err)
		} else {
			res.Body.Close()
		}
	})
}

func TestCancelledRequestsAreNoTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(WithBudget(t.Context()))
		time.AfterFunc(time.Second, cancel)
		p := patience{header: time.Minute, stall: time.Minute}
		if _, err := p.send((&http.Request{}).WithContext(ctx), silent); !errors.Is(err, context.Canceled) || IsTimeout(err) {
			t.Error(err)
		}
	})
}

// heldBody gives a piece, and then nothing until its request is cancelled.
type heldBody struct {
	io.Reader
	ctx context.Context
}

func (b heldBody) Read(p []byte) (int, error) {
	if n, err := b.Reader.Read(p); err == nil {
		return n, nil
	}
	<-b.ctx.Done()
	return 0, b.ctx.Err()
}

func (heldBody) Close() error { return nil }

func TestStalledAnswersEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := patience{stall: time.Minute}
		res, err := p.send((&http.Request{}).WithContext(t.Context()), func(r *http.Request) (*http.Response, error) {
			return &http.Response{Body: heldBody{strings.NewReader("half"), r.Context()}}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if n, err := res.Body.Read(make([]byte, 100)); n != 4 || err != nil {
			t.Fatal(n, err)
		}
		time.Sleep(time.Hour) // its reader's own time
		begin := time.Now()
		if _, err := res.Body.Read(make([]byte, 100)); !IsTimeout(err) || time.Since(begin) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
	})
}

func TestWritesThatNobodyTakesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer ours.Close()
		defer theirs.Close()
		c, err := paced(func(context.Context, string, string) (net.Conn, error) { return ours, nil }, time.Minute)(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for range 3 { // slowly, and then no more
				time.Sleep(50 * time.Second)
				io.CopyN(io.Discard, theirs, pace)
			}
		}()
		if n, err := c.Write(make([]byte, 10*pace)); n != 3*pace || !IsTimeout(err) {
			t.Errorf("%d, %v", n, err)
		}
	})
}
