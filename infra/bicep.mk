# `make bicep`: the real compiler and linter over the deployment, where this machine has one (`bicep`, or the Azure CLI
# after `az bicep install`). No warning is allowed. Where there is none it says so, and goes on; on GitHub, and wherever
# BICEP_REQUIRED is set, it fails.

.PHONY: bicep findings-rule

# The provider's deployment, and what a customer's administrator deploys; every other file is a module of one of them.
BICEP_FILES := infra/main.bicep infra/lighthouse/main.bicep
# An Azure CLI that says there is a newer compiler is no warning about the Bicep.
BICEP_DIAGNOSTIC := \) : (Error|Warning)

bicep: ## Compile and lint the Bicep, where there is a compiler
	@if command -v bicep >/dev/null 2>&1; then compiler="bicep" file=""; \
	elif az bicep version >/dev/null 2>&1; then compiler="az bicep" file="--file"; \
	else \
		echo "*** NO BICEP COMPILER ON THIS MACHINE: infra/main.bicep was NOT compiled. Install bicep, or run: az bicep install ***" >&2; \
		test -z "$(BICEP_REQUIRED)$(filter true,$(GITHUB_ACTIONS))"; exit; \
	fi; \
	for compiled in $(BICEP_FILES); do for step in "build --stdout" lint; do \
		said=$$($$compiler $$step $$file $$compiled 2>&1 >/dev/null); failed=$$?; \
		test -z "$$said" || printf '%s\n' "$$said" >&2; \
		if [ $$failed -ne 0 ] || printf '%s\n' "$$said" | grep -Eiq '$(BICEP_DIAGNOSTIC)'; then \
			echo "*** $$compiled: $$compiler $$step has errors or warnings; none is allowed. ***" >&2; exit 1; \
		fi; \
	done; done; \
	for compiled in $(BICEP_FILES); do echo "$$compiled compiles and lints without a warning ($$compiler)."; done

findings-rule: $(READY) ## Write infra/findings-rule.json anew, the analytics rules to import by hand
	@$(BIN)/python -m tests.infra.rule_template
