package rig

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Browser is a headless Chromium, driven by WebDriver (W3C) through its chromedriver.
type Browser struct {
	t       testing.TB
	session string // URL of the session
	client  *http.Client
}

// browserLimit is how long Chromium may take for one command: it starts in 1 s on an idle machine.
const browserLimit = 2 * time.Minute

// NewBrowser starts a Chromium of this size in CSS pixels, dark or light, until the test ends. The test is skipped where
// RESIFT_TEST_BROWSER (set by make test) names none: Chromium, a space, chromedriver.
func NewBrowser(t testing.TB, width, height int, dark bool) *Browser {
	t.Helper()
	paths := strings.Fields(os.Getenv("RESIFT_TEST_BROWSER"))
	if len(paths) != 2 {
		t.Skip("no browser: RESIFT_TEST_BROWSER names no chromium and chromedriver (make test sets it where they are installed)")
	}
	port := freePort(t)
	profile, err := os.MkdirTemp("", "resift-browser-*")
	if err != nil {
		t.Fatal(err)
	}
	driver := exec.Command(paths[1], fmt.Sprintf("--port=%d", port), "--allowed-ips=127.0.0.1")
	driver.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := driver.Start(); err != nil {
		t.Fatal(err)
	}
	b := &Browser{t: t, client: &http.Client{Timeout: browserLimit}}
	t.Cleanup(func() {
		if b.session != "" {
			if err := b.call(http.MethodDelete, b.session, nil, nil); err != nil {
				t.Error(err)
			}
		}
		b.client.CloseIdleConnections()
		syscall.Kill(-driver.Process.Pid, syscall.SIGKILL) // Chromium too, which the session's end only asks to go
		driver.Wait()                                      // killed, which is known
		for deadline := time.Now().Add(time.Minute); os.RemoveAll(profile) != nil && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
			// a process of Chromium that is about to end can still write there
		}
	})
	address := fmt.Sprintf("http://127.0.0.1:%d", port)
	b.waitFor(address)
	scheme := "1"
	if dark {
		scheme = "0"
	}
	var made struct {
		SessionID string `json:"sessionId"`
	}
	b.must(b.call(http.MethodPost, address+"/session", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"browserName": "chrome",
		"goog:chromeOptions": map[string]any{"binary": paths[0], "args": []string{
			"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--user-data-dir=" + profile,
			"--blink-settings=preferredColorScheme=" + scheme,
		}},
		"goog:loggingPrefs": map[string]string{"browser": "ALL"},
	}}}, &made))
	b.session = address + "/session/" + made.SessionID
	// A window is not smaller than 500 pixels; the screen of a phone is emulated.
	b.must(b.call(http.MethodPost, b.session+"/goog/cdp/execute", map[string]any{
		"cmd": "Emulation.setDeviceMetricsOverride", "params": map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
	}, nil))
	return b
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (b *Browser) waitFor(address string) {
	b.t.Helper()
	for deadline := time.Now().Add(browserLimit); ; time.Sleep(50 * time.Millisecond) {
		err := b.call(http.MethodGet, address+"/status", nil, nil)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatal(err)
		}
	}
}

func (b *Browser) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// call sends one command; value receives the answer's.
func (b *Browser) call(method, url string, parameters, value any) error {
	var body io.Reader
	if parameters != nil {
		text, err := json.Marshal(parameters)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		return err
	}
	resp, err := b.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	var answer struct{ Value json.RawMessage }
	if err := json.Unmarshal(text, &answer); err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("webdriver: %s %s: %s %.500s", method, url, resp.Status, text)
	}
	if value == nil {
		return nil
	}
	return json.Unmarshal(answer.Value, value)
}

// Open loads a page and waits until it is there.
func (b *Browser) Open(url string) {
	b.t.Helper()
	b.must(b.call(http.MethodPost, b.session+"/url", map[string]string{"url": url}, nil))
}

// Run runs a script in the page and decodes what it returns into value, which may be nil.
func (b *Browser) Run(value any, script string, args ...any) {
	b.t.Helper()
	if args == nil {
		args = []any{}
	}
	b.must(b.call(http.MethodPost, b.session+"/execute/sync", map[string]any{"script": script, "args": args}, value))
}

// elementKey is the name under which WebDriver hands out an element.
const elementKey = "element-6066-11e4-a52e-4f735466cecf"

func (b *Browser) element(css string) string {
	b.t.Helper()
	var found map[string]string
	b.must(b.call(http.MethodPost, b.session+"/element", map[string]string{"using": "css selector", "value": css}, &found))
	return b.session + "/element/" + found[elementKey]
}

// Type writes text into a field, as keys.
func (b *Browser) Type(css, text string) {
	b.t.Helper()
	b.must(b.call(http.MethodPost, b.element(css)+"/value", map[string]string{"text": text}, nil))
}

// Click clicks on an element. What this loads may still be on its way: see WaitFor.
func (b *Browser) Click(css string) {
	b.t.Helper()
	b.must(b.call(http.MethodPost, b.element(css)+"/click", map[string]any{}, nil))
}

// WaitFor waits until the page has an element: a click answers before the page that it asks for is there.
func (b *Browser) WaitFor(css string) {
	b.t.Helper()
	for deadline := time.Now().Add(browserLimit); ; time.Sleep(50 * time.Millisecond) {
		var found bool
		err := b.call(http.MethodPost, b.session+"/execute/sync", map[string]any{"script": "return document.querySelector(arguments[0]) !== null && document.readyState === 'complete'", "args": []any{css}}, &found)
		if err == nil && found {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("the page has no %s (%v)", css, err)
		}
	}
}

// Complaints are the warnings and errors of the browser's console since the last call.
func (b *Browser) Complaints() []string {
	b.t.Helper()
	var entries []struct{ Level, Message string }
	b.must(b.call(http.MethodPost, b.session+"/se/log", map[string]string{"type": "browser"}, &entries))
	var out []string
	for _, e := range entries {
		if e.Level == "SEVERE" || e.Level == "WARNING" {
			out = append(out, e.Message)
		}
	}
	return out
}

// Screenshot writes the page as it is seen into a PNG file.
func (b *Browser) Screenshot(file string) {
	b.t.Helper()
	var text string
	b.must(b.call(http.MethodGet, b.session+"/screenshot", nil, &text))
	png, err := base64.StdEncoding.DecodeString(text)
	b.must(err)
	b.must(os.WriteFile(file, png, 0o644))
}

// Keep is Screenshot into NAME.png of the folder that RESIFT_TEST_SCREENSHOTS names; where it names none, nothing.
func (b *Browser) Keep(name string) {
	b.t.Helper()
	if dir := os.Getenv("RESIFT_TEST_SCREENSHOTS"); dir != "" {
		b.Screenshot(filepath.Join(dir, name+".png"))
	}
}
