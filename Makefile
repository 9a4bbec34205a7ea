# `make demo` and `make test` need Python and make alone. `make e2e` needs Go, Node and Chromium too.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DAY_OF_LOCK := $(shell date -u -d '7 days ago' +%Y-%m-%dT00:00:00Z 2>/dev/null || date -u -v-7d +%Y-%m-%dT00:00:00Z)
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-annotate \
	--exclude-newer $(DAY_OF_LOCK) --custom-compile-command 'make lock  \# uv pip compile --universal --python-version 3.10'
# httpx asks for these, and a program without async imports none of them.
UNUSED := anyio exceptiongroup typing-extensions
FUZZ_SECONDS ?= 600
FUZZ_PYTHON ?= python3.11
WORKFLOWS := .github/workflows/*.yml examples/*.yml tests/e2e/*.yml

.PHONY: demo test lint e2e bench readme faults fuzz soak lock clean

demo: ## Run the whole line against stand-ins and print what the chat received; KIND=slack for what Slack would
	@mkdir -p .cache
	@site="$$(RUNNER_TEMP="$(CURDIR)/.cache" $(PYTHON) -I -X utf8 digest/install.py)" \
		&& exec $(PYTHON) -I -X utf8 digest/__main__.py "$$site" demo $(KIND)

test: $(VENV)/.test ## Run all tests; they cover every line and branch
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

lint: $(VENV)/.lint ## Check style, types, scripts, workflows and the action
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/check-jsonschema --builtin-schema vendor.github-actions action.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows $(WORKFLOWS)
	$(BIN)/check-jsonschema --builtin-schema custom.github-workflows-require-timeout $(WORKFLOWS)
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/zizmor --offline --strict-collection --persona pedantic .
	$(BIN)/zizmor --offline --strict-collection examples/*.yml
	$(BIN)/shellcheck --enable=all .ci/run
	$(BIN)/python tests/lint_scripts.py

e2e: $(VENV)/.test $(VENV)/.lint $(VENV)/.e2e .cache/bin/.made .cache/cards/.made .cache/prism/.made ## Run real workflow files with act, and payloads in the chats' own parsers; needs Go, Node and Chromium
	$(BIN)/python -m pytest tests/e2e

readme: $(VENV)/.test ## Write the generated parts of README.md
	PYTHONPATH=. $(BIN)/python tests/readme.py

faults: $(VENV)/.test ## Write docs/faults.md
	PYTHONPATH=.:tests $(BIN)/python tests/faults.py

# The fuzzer has wheels for few versions of Python; FUZZ_PYTHON names one.
fuzz: .cache/fuzz/.made ## Look for inputs that break the parsers, for FUZZ_SECONDS in all; what it finds stays in tests/fuzz/corpus
	PYTHONPATH=.:tests .cache/fuzz/bin/python tests/fuzz/run.py $(FUZZ_SECONDS)

soak: $(VENV)/.test ## Post 500 digests to eight chats, with faults; takes minutes
	PYTHONPATH=.:tests $(BIN)/python tests/soak.py

bench: ## Compare the action with what a team could run in its place, and with itself for more accounts; takes three minutes
	$(PYTHON) -m benchmarks.compare
	$(PYTHON) -m benchmarks.accounts

lock: $(VENV)/.lock ## Compile the locks; a release younger than a week is left out
	$(COMPILE) $(UNUSED:%=--no-emit-package %) -o requirements.txt requirements.in
	$(COMPILE) -o tests/requirements.txt tests/requirements.in
	$(COMPILE) -o tests/requirements-lint.txt tests/requirements-lint.in
	$(COMPILE) -o tests/e2e/requirements.txt tests/e2e/requirements.in
	$(COMPILE) -o tests/fuzz/requirements.txt tests/fuzz/requirements.in
	for folder in cards prism; do \
		(cd tests/e2e/$$folder && npm install --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts --no-audit --no-fund) || exit 1; \
	done

clean: ## Remove all that the other targets made
	rm -rf $(VENV) .cache .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.test: tests/requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

$(VENV)/.lint: tests/requirements-lint.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

$(VENV)/.lock: | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@touch $@

$(VENV)/.e2e: tests/e2e/requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

# The chats' own parsers and renderers, and a mock of the API.
.cache/cards/.made .cache/prism/.made: .cache/%/.made: tests/e2e/%/package.json tests/e2e/%/package-lock.json
	@mkdir -p $(@D)
	cp $^ $(@D)
	cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

.cache/fuzz/.made: tests/fuzz/requirements.txt tests/requirements.txt
	$(FUZZ_PYTHON) -m venv .cache/fuzz
	.cache/fuzz/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/requirements.txt -r tests/fuzz/requirements.txt
	@touch $@

# act without Docker: it runs the jobs on this machine.
.cache/bin/.made: tests/e2e/tools/go.mod tests/e2e/tools/go.sum
	cd tests/e2e/tools && GOBIN="$(CURDIR)/.cache/bin" go install -tags WITHOUT_DOCKER tool
	@touch $@
