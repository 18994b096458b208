"""Random histories: days pass, analysts work, services fail, ledgers are lost; a plain model watches the promises."""
