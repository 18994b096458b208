"""After the code is there: the proof that a sweep can start.

The app lists its function only when all its packages fit its Python (`shared/deployed_packages.py`). So three answers
together are the proof: the running host has no error, it has the function, and Azure's scale controller knows of it.
The last one alone is none: after a start that failed it still holds the functions of the deployment before. Where the
platform does not let its host be asked (404, 405, 501) nothing speaks against the deployment, and that is said as what
it is: listed, not proved.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.hooks.programs import Azure, Ended, Unusable, complain, say
from infra.hooks.webhooks import entries

FUNCTION = "sweep"
QUEUE_FUNCTION = "work"  # only where workspaces.json has entries
_VERSION = "api-version=2022-03-01"
# The status as `az rest` puts it first; the same words further on are of an answer that the host did give.
_NOT_OFFERED = re.compile(r"(?:ERROR: )?(?:Not Found|Method Not Allowed|Not Implemented)\b")
_NEEDED = ("AZURE_RESOURCE_GROUP", "SWEEP_FUNCTION_APP_NAME")


def run(environment: Mapping[str, str]) -> int:
    """Look until the app is proved, five minutes at most; print what came out and return the exit code."""
    missing = [name for name in _NEEDED if not environment.get(name)]
    if missing:
        return _unproved(environment, f"{', '.join(missing)} is missing in azd's environment: azd provision")
    group, app = (environment[name] for name in _NEEDED)
    given = environment.get("SWEEP_PROOF_SECONDS", "")
    seconds = int(given) if re.fullmatch("[0-9]{1,4}", given) else 300
    try:
        azure = Azure(environment)
        found = _look_until_proved(azure, group, app, seconds)
    except Unusable as why:
        return _unproved(environment, f"{why}; then: azd hooks run postdeploy")
    if found.doubts:
        return _unproved(environment, f"{app}, after {seconds} seconds: {'; '.join(found.doubts)}")
    if found.not_offered:
        say(
            f"LISTED, NOT PROVED: {app} has its timer {FUNCTION}, but {found.not_offered} cannot be asked here, and a"
            " list left over from an earlier deployment looks the same. Sweep at once and see its receipt"
            " (docs/deploy.md, steps 10 and 11)."
        )
        return 0
    timer = f"its timer {FUNCTION}"
    shown = f"{timer} and its queue function {QUEUE_FUNCTION} are listed" if entries().count else f"{timer} is listed"
    say(f"Proved: {app} runs, has every package that a sweep needs, and {shown}.")
    return 0


@dataclass(frozen=True, slots=True)
class Look:
    """Why the deployment is not proved, as phrases, and which endpoint of the host this platform does not offer."""

    doubts: tuple[str, ...] = ()
    not_offered: str = ""


def _look_until_proved(azure: Azure, group: str, app: str, seconds: int) -> Look:
    """The last look. Two good ones in a row end it: the first may be at what ran before."""
    ends, good, many = time.monotonic() + seconds, 0, bool(entries().count)
    say(f"Looking whether {app} can sweep; that takes a minute or two after a deployment.")
    while True:
        found = look(azure, group, app, many=many)
        good = 0 if found.doubts or found.not_offered else good + 1
        if good == 2:
            return found
        if time.monotonic() >= ends:
            return found if good == 0 else Look(("it was well only just now: azd hooks run postdeploy",))
        time.sleep(min(10.0, seconds / 10))


def look(azure: Azure, group: str, app: str, *, many: bool) -> Look:
    """What keeps the app from being proved now: its host, the host's functions, the listed functions.

    `many`: workspaces.json has entries, so that there is a second function.
    """
    site = f"/resourceGroups/{group}/providers/Microsoft.Web/sites/{app}"
    doubts, not_offered = [], []
    status = azure.get(f"{site}/hostruntime/admin/host/status?{_VERSION}")
    state = _inner(status.value)
    if _is_not_offered(status):
        not_offered.append("the host's state")
    elif status.code or not isinstance(state, dict):
        doubts.append(f"the host does not answer ({status.complaint[:300] or 'not as expected'})")
    elif state.get("state") != "Running" or state.get("errors"):
        errors = " ".join(str(error) for error in state.get("errors") or ())
        doubts.append(f"the host is in state {state.get('state')} {errors[:1500]}".strip())
    live = azure.get(f"{site}/hostruntime/admin/functions?{_VERSION}")
    listed = azure.ask("functionapp", "function", "list", "--resource-group", group, "--name", app)
    if _is_not_offered(live):
        not_offered.append("the host's functions")
    else:
        doubts += _lacks("the host has", live, many=many)
    doubts += _lacks("Azure lists", listed, many=many)
    return Look(tuple(doubts), " and ".join(not_offered))


def _lacks(what: str, ended: Ended, *, many: bool) -> list[str]:
    """The doubts that an answer about functions leaves; none when all that are needed are among them."""
    if ended.code:
        return [f"what {what} could not be looked up ({ended.complaint[:300]})"]
    wanted = [FUNCTION, QUEUE_FUNCTION] if many else [FUNCTION]
    found = _names(ended.value)
    return [f"{what} no function {function}" for function in wanted if function not in found]


def _is_not_offered(ended: Ended) -> bool:
    """Whether the platform says that there is no such thing to ask. Right after a deployment that passes."""
    return bool(ended.code) and bool(_NOT_OFFERED.match(ended.complaint))


def _inner(answer: Any) -> Any:
    """An answer of the host, also where Azure Resource Manager wraps it."""
    return answer.get("properties", answer) if isinstance(answer, dict) else answer


def _names(answer: Any) -> set[str]:
    """The functions' names, without their app's."""
    found = answer.get("value") if isinstance(answer, dict) else answer
    return {str(each.get("name")).rpartition("/")[2] for each in found or () if isinstance(each, dict)}


def _unproved(environment: Mapping[str, str], why: str) -> int:
    complain(
        f"NOT PROVED: the code was deployed, but nothing shows that it can sweep. {why}",
        'See docs/deploy.md, "When the proof fails".',
    )
    if environment.get("GITHUB_ACTIONS") == "true":
        say("::error title=The deployment is not proved::docs/deploy.md, When the proof fails")
    return 1
