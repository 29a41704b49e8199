package mlcommons

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// connectLimit is the patience with ml-commons, which makes its indices and its master key in the background.
const connectLimit = 3 * time.Minute

// Connect makes a search pipeline of that name whose rerank processor scores fields of the hits through the rerank API at
// url, and returns the id of the remote model. Token is the API's.
func (s *OpenSearch) Connect(ctx context.Context, pipeline, url, token string, fields ...string) (model string, err error) {
	ctx, cancel := context.WithTimeout(ctx, connectLimit)
	defer cancel()
	if _, err := s.call(ctx, http.MethodPut, "/_cluster/settings", map[string]any{"persistent": map[string]any{
		"plugins.ml_commons.trusted_connector_endpoints_regex": []string{"^http://127\\.0\\.0\\.1:.*$"},
		"plugins.ml_commons.connector.private_ip_enabled":      true,
		"plugins.ml_commons.only_run_on_ml_node":               false,
		"plugins.ml_commons.jvm_heap_memory_threshold":         100,
		"plugins.ml_commons.native_memory_threshold":           100,
	}}); err != nil {
		return "", err
	}
	connector, err := s.connector(ctx, url, token)
	if err != nil {
		return "", err
	}
	task, err := s.call(ctx, http.MethodPost, "/_plugins/_ml/models/_register?deploy=true", map[string]any{
		"name": "resift", "function_name": "remote", "connector_id": connector,
	})
	if err != nil {
		return "", err
	}
	model = task.Model
	if err := s.deployed(ctx, model); err != nil {
		return "", err
	}
	_, err = s.call(ctx, http.MethodPut, "/_search/pipeline/"+pipeline, map[string]any{"response_processors": []any{
		map[string]any{"rerank": map[string]any{
			"ml_opensearch": map[string]any{"model_id": model}, "context": map[string]any{"document_fields": fields},
		}},
	}})
	return model, err
}

// connector is the blueprint for Cohere with another address (docs/rerank-api.md). Until ml-commons has its master key, it
// answers with an error.
func (s *OpenSearch) connector(ctx context.Context, url, token string) (string, error) {
	for {
		made, err := s.call(ctx, http.MethodPost, "/_plugins/_ml/connectors/_create", map[string]any{
			"name": "resift", "description": "resift's rerank API", "version": "1", "protocol": "http",
			"credential": map[string]any{"cohere_key": token}, "parameters": map[string]any{"model": "resift"},
			"actions": []any{map[string]any{
				"action_type": "predict", "method": "POST", "url": url + "/v1/rerank",
				"headers":               map[string]any{"Authorization": "Bearer ${credential.cohere_key}"},
				"request_body":          `{ "documents": ${parameters.documents}, "query": "${parameters.query}", "model": "${parameters.model}", "top_n": ${parameters.top_n} }`,
				"pre_process_function":  "connector.pre_process.cohere.rerank",
				"post_process_function": "connector.post_process.cohere.rerank",
			}},
		})
		if err == nil {
			return made.Connector, nil
		}
		if wait(ctx) != nil {
			return "", err
		}
	}
}

// deployed waits until the model is.
func (s *OpenSearch) deployed(ctx context.Context, model string) error {
	for {
		m, err := s.call(ctx, http.MethodGet, "/_plugins/_ml/models/"+model, nil)
		if err == nil && m.State == "DEPLOYED" {
			return nil
		}
		if wait(ctx) != nil {
			return errors.Join(fmt.Errorf("model is %q, not deployed", m.State), err)
		}
	}
}

func wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(500 * time.Millisecond):
		return nil
	}
}

// reply has what is needed of ml-commons' answers.
type reply struct {
	Connector string `json:"connector_id"`
	Model     string `json:"model_id"`
	State     string `json:"model_state"`
}

func (s *OpenSearch) call(ctx context.Context, method, path string, body any) (reply, error) {
	var text []byte
	var r reply
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return r, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, s.URL+path, bytes.NewReader(text))
	if err != nil {
		return r, err
	}
	req.Header.Set("Content-Type", "application/json")
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return r, err
	}
	defer res.Body.Close()
	if text, err = io.ReadAll(res.Body); err != nil {
		return r, err
	}
	if res.StatusCode/100 != 2 {
		return r, fmt.Errorf("%s %s: %d %.500s", method, path, res.StatusCode, text)
	}
	return r, json.Unmarshal(text, &r)
}
