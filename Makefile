# One door to everything. `make` alone lists the targets. Set-up happens where a target needs it.

PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo test check web dev venv lint types rooms web-test fast-tests tests screenshots bench-footprint bench-overhead bench-soak bench-output bench-calls bench-bfcl bench-retrieval bench-search bench-citations bench-citations-model bench-crash bench-restarts bench-suspects bench-line bench-idle bench-waiting bench-memory bench-hosting bench-kills bench-shared bench-durable bench-batches bench-ingestion bench-ingest-peers dist clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo:  ## set everything up and serve examples/support-desk (PORT=8000)
	@$(PYTHON) scripts/demo.py --port $(PORT)

test: dev web lint types rooms web-test tests  ## everything CI runs: lint, types, rooms, page, all tests

check: dev lint types rooms fast-tests  ## lint, types and the fast tests, in under two minutes

web: venv  ## build the page where it changed
	@$(BIN)/python scripts/build_web.py

venv:
	@$(PYTHON) scripts/environment.py

dev:
	@$(PYTHON) scripts/environment.py --dev

lint: dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: dev
	@$(BIN)/mypy

rooms: dev
	@$(BIN)/lint-imports

web-test: dev web
	@$(BIN)/python scripts/build_web.py --npm run lint
	@$(BIN)/python scripts/build_web.py --npm test

fast-tests: dev
	@$(BIN)/pytest -q -n 3 --dist loadfile --no-loadscope-reorder --max-worker-restart 2 -m "not slow and not local_model and not browser"

tests: dev web
	@$(BIN)/python scripts/environment.py --look
	@$(BIN)/pytest -rs -n 2 --dist loadfile --no-loadscope-reorder --max-worker-restart 2

screenshots: dev web  ## pictures of every screen into web/screenshots
	@$(BIN)/python scripts/build_web.py --npm run screenshots

bench-footprint:  ## size, start and memory of the base install, in a fresh environment
	@$(PYTHON) benchmarks/footprint.py

bench-overhead: dev  ## CPU of a typed call: pydantic_ai.direct, ours, LiteLLM and an Agent, in turns
	@$(BIN)/python benchmarks/overhead.py

bench-soak: dev  ## 100,000 calls on fakes: memory, tasks and rows
	@$(BIN)/python benchmarks/soak.py

bench-output: dev  ## parsers of model outputs on the same broken cases, peers in an environment of their own
	@$(BIN)/python benchmarks/structured_output.py

bench-calls: dev  ## 200 structured calls to a local model over ten types: valid or refused, nothing else
	@$(BIN)/python benchmarks/structured_calls.py

bench-bfcl: dev  ## function calling of a local model, natively and by schema (Berkeley leaderboard's questions)
	@$(BIN)/python benchmarks/bfcl.py

bench-crash: dev  ## kill -9 of workers at random instants, on SQLite and on PostgreSQL: nothing lost, nothing made again
	@$(BIN)/python benchmarks/crash.py --database sqlite $(MORE)
	@$(BIN)/python benchmarks/crash.py --database postgresql $(MORE)

bench-restarts: dev  ## PostgreSQL itself stopped and killed under the hands of workers: nothing lost, nothing made again
	@$(BIN)/python benchmarks/crash.py --database postgresql --kills 0 --restarts 20 $(MORE)

bench-suspects: dev  ## Runs that end each worker, and workers that stand still: everybody else ends right
	@$(BIN)/python benchmarks/crash.py --kills 0 --deadly 2 --workers 2 --steps 40 $(MORE)
	@$(BIN)/python benchmarks/crash.py --kills 0 --stops 2 --workers 2 $(MORE)

bench-line: dev  ## 2,000 queued runs, never more than 7 at work, while workers come, go and die (MORE=--quick)
	@$(BIN)/python benchmarks/line.py --database sqlite $(MORE)
	@$(BIN)/python benchmarks/line.py --database postgresql $(MORE)

bench-idle: dev  ## how long an idle worker takes to begin a run, on both databases (MORE=--quick)
	@$(BIN)/python benchmarks/idle.py $(MORE)

bench-waiting: dev  ## 10,000 runs that wait for a person: memory, statements while idle, how soon one goes on (MORE=--quick)
	@$(BIN)/python benchmarks/waiting.py $(MORE)

bench-memory: dev  ## memory of a worker over 100,000 runs; a quarter of an hour and more (MORE=--quick)
	@nice -n 15 $(BIN)/python benchmarks/memory.py $(MORE)

bench-retrieval: dev  ## search quality and groundedness on public sets (embeds 2,135 passages: minutes)
	@$(BIN)/python benchmarks/retrieval.py

bench-search: dev  ## search among 100,000 passages under filters (MORE="--keep FOLDER --postgres --at-once 16")
	@nice -n 5 $(BIN)/python benchmarks/search_scale.py $(MORE)

bench-citations: dev  ## what the citation check calls supported: true, false and altered sentences
	@$(BIN)/python benchmarks/citations.py

bench-citations-model: dev  ## what a local model adds to that check and what it breaks; hours (MORE="--each 10 --minutes 20")
	@nice -n 15 $(BIN)/python benchmarks/citations_by_model.py $(MORE)

bench-hosting: dev  ## eight frameworks' hello-worlds behind our API; makes environments for three of them (1.7 GB)
	@$(BIN)/python benchmarks/hosting.py

bench-durable: dev  ## what a durable step costs on SQLite and PostgreSQL beside LangGraph; waiting runs; memory
	@$(BIN)/python benchmarks/durable.py $(MORE)

bench-kills: dev  ## kill -9 at 50 random moments of an ingestion of 2,000 documents
	@nice -n 5 $(BIN)/python benchmarks/ingestion_kills.py $(MORE)

bench-shared: dev  ## an ingestion by one process and by two that share it, with a model that takes CPU
	@nice -n 15 $(BIN)/python benchmarks/ingestion_kills.py --speedup --documents 500

bench-ingestion: dev  ## pages read and passages embedded a second, beside a bare ONNX Runtime loop
	@$(BIN)/python benchmarks/ingestion.py

bench-ingest-peers: dev  ## an ingest beside LangChain + Chroma, LlamaIndex and Haystack, same model (MORE=--quick)
	@nice -n 15 $(BIN)/python benchmarks/ingest_beside.py $(MORE)

bench-batches: dev  ## a batch of 10,000 rows, and kill -9 at 30 random moments of it
	@nice -n 15 $(BIN)/python benchmarks/batches.py

dist: dev  ## the wheel and the source release, page inside
	@$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

clean:  ## remove everything that was made, the local models' cache excepted
	rm -rf .venv dist build web/node_modules web/screenshots src/coachwork/server/static
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache examples/*/.coachwork
