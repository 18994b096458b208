# Checks of what is deployed: `make checkov` (the Bicep against known mistakes) and `make audit` (the pinned packages
# against known vulnerabilities). They have an environment of their own: their pins clash with the project's.

.PHONY: checkov checks-ready audit clean-checks

CHECKS := .venv-checks/.ready

# The tests lint with it. Where it cannot be installed they say loudly that they did not, and go on; under CI they fail.
test: checks-ready
checks-ready:
	@$(MAKE) --no-print-directory $(CHECKS) || echo "*** NO CHECKOV: the Bicep is not linted. ***" >&2

# `make bicep`, the real compiler.
include infra/bicep.mk

# What is skipped is in infra/checkov.yaml, each with its reason.
checkov: $(CHECKS) ## Lint the Bicep with checkov
	@BC_SKIP_MAPPING=TRUE .venv-checks/bin/python -m checkov.main --config-file infra/checkov.yaml

audit: $(READY) $(CHECKS) ## The pinned packages: all hashed, complete, without known vulnerabilities
	@$(BIN)/python infra/audit.py .venv-checks/bin/pip-audit requirements.txt

$(CHECKS): infra/requirements.txt | $(READY)
	@$(WITH) $(BIN)/python tests/support/install.py .venv-checks $<
	@touch $@

clean: clean-checks
clean-checks:
	rm -rf .venv-checks
