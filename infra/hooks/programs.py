"""The programs that a hook starts: `az` and `azd`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TIMEOUT = 120.0  # seconds for one call


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: its exit code, what it printed, and what it complained about, on one line."""

    code: int
    output: str
    complaint: str

    @property
    def value(self) -> Any:
        """What it printed, as JSON; None when that is none."""
        try:
            return json.loads(self.output)
        except ValueError:
            return None


class Unusable(Exception):
    """The program cannot be asked; the message says why and what to do."""


def start(program: str, *arguments: str) -> Ended:
    """Run a program of the PATH to its end.

    Raises:
        Unusable: it is not on the PATH, cannot be started, or does not end in time.
    """
    found = shutil.which(program)
    if found is None:
        raise Unusable(f"{program} is not on the PATH: install it")
    try:
        ran = subprocess.run(  # noqa: S603 (the arguments are a list, and nothing goes through a shell)
            [found, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        what = " ".join([program, *arguments[:3]])
        raise Unusable(f"{what} … did not end well ({type(error).__name__}): try it by hand") from None
    printed = " ".join(ran.stderr.decode("utf-8", "replace").split())
    # az may warn before it fails: what it fails with counts.
    complaint = printed[printed.find("ERROR:") :] if "ERROR:" in printed else printed
    return Ended(ran.returncode, ran.stdout.decode("utf-8", "replace").strip(), complaint or "it gave no reason")


class Azure:
    """The Azure CLI, signed in to the subscription that is deployed to.

    Raises:
        Unusable: there is no subscription yet, no `az`, or it is not signed in to that subscription.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.subscription = environment.get("AZURE_SUBSCRIPTION_ID", "")
        if not self.subscription:
            raise Unusable("no subscription is chosen yet: azd env set AZURE_SUBSCRIPTION_ID <id>")
        if start("az", "account", "show", "--subscription", self.subscription, "--output", "json").code:
            raise Unusable(f"az is not signed in to the subscription {self.subscription}: az login")

    def ask(self, *arguments: str) -> Ended:
        """One `az` command in that subscription, its output as JSON."""
        return start("az", *arguments, "--subscription", self.subscription, "--output", "json")

    def get(self, address: str) -> Ended:
        """What Azure Resource Manager answers about a path under this subscription."""
        return start(
            "az", "rest", "--method", "get", "--output", "json", "--url", f"/subscriptions/{self.subscription}{address}"
        )


def set_value(environment: Mapping[str, str], name: str, value: str) -> None:
    """Write a value into azd's environment, from where the deployment reads it.

    Raises:
        Unusable: azd did not take it.
    """
    ended = start("azd", "env", "set", name, value, "--environment", environment["AZURE_ENV_NAME"])
    if ended.code:
        raise Unusable(f"azd env set {name} failed ({ended.complaint[:300]}): set it by hand to {value}")


def say(*lines: str) -> None:
    """Print lines now."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def complain(*lines: str) -> None:
    """Print lines to standard error."""
    sys.stderr.write("".join(f"{line}\n" for line in lines))
