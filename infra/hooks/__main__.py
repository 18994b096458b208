"""The hooks that azd runs before and after it deploys: `python -I -S infra/hooks HOOK`, nothing installed.

azd hands over its environment's values and the shell's as environment variables, and starts in the project's folder.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from infra.hooks import postdeploy, postprovision, preprovision

HOOKS = {"preprovision": preprovision.run, "postprovision": postprovision.run, "postdeploy": postdeploy.run}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in HOOKS:
        sys.exit(f"expected one of: {', '.join(HOOKS)}")
    sys.exit(HOOKS[sys.argv[1]](os.environ))
