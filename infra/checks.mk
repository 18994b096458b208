# Checks of what is deployed: `make checkov` (the Bicep against known mistakes) and `make audit` (the pinned packages
# against known vulnerabilities). Each tool has an environment of its own: their pins clash with the project's.

.PHONY: checkov checkov-ready audit lock-checks clean-checks

CHECKOV := .venv-checkov/.ready
AUDIT   := .venv-audit/.ready

# The tests lint with it. Where it cannot be installed they say loudly that they did not, and go on; under CI they fail.
test: checkov-ready
checkov-ready:
	@$(MAKE) --no-print-directory $(CHECKOV) || echo "*** NO CHECKOV: the Bicep is not linted. ***" >&2

# What is skipped is in infra/checkov.yaml, each with its reason.
checkov: $(CHECKOV) ## Lint the Bicep with checkov
	@BC_SKIP_MAPPING=TRUE .venv-checkov/bin/checkov --config-file infra/checkov.yaml

audit: $(READY) $(AUDIT) ## The pinned packages: all hashed, complete, without known vulnerabilities
	@$(BIN)/python infra/audit.py .venv-audit/bin/pip-audit requirements.txt

lock-checks: $(READY) ## Compile the requirements of checkov and pip-audit anew
	echo 'checkov==3.3.30' | $(LOCK_CHECK) - -o infra/requirements-checkov.txt
	echo 'pip-audit==2.10.1' | $(LOCK_CHECK) - -o infra/requirements-audit.txt

LOCK_CHECK = $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
	--custom-compile-command "make lock-checks"

$(CHECKOV): infra/requirements-checkov.txt | $(READY)
	@echo "Setting up .venv-checkov (once, a minute)"
	@rm -rf .venv-checkov && $(BIN)/python -m venv .venv-checkov
	@.venv-checkov/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(AUDIT): infra/requirements-audit.txt | $(READY)
	@rm -rf .venv-audit && $(BIN)/python -m venv .venv-audit
	@.venv-audit/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r $<
	@touch $@

clean: clean-checks
clean-checks:
	rm -rf .venv-checkov .venv-audit
