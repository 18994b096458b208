"""What "not signed in" means and what to do about it: one message for each way to get no token.

Each is a SignInFailed of the identity service, with the cause `identity_sign_in`, whoever needs the token.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from shared.errors import Call, Fault, PartialData, Service, SignInFailed, SweepError, Throttled, Unavailable

if TYPE_CHECKING:
    from azure.core.credentials import AccessTokenInfo

CLI_SECONDS = 30  # how long `az` may take to print a token; it is slow to start on some machines

_CODE = re.compile(r"AADSTS\d{4,8}")
_LASTS = (
    "the next sweep tries again; if it lasts, check AZURE_CLOUD, and that the managed identity is still assigned to"
    " the app"
)
_OUTSIDE = "Azure sets IDENTITY_ENDPOINT: anywhere else unset it, and sign in with `az login`"
_HAPPENED = {
    Fault.UNREACHED: "the identity endpoint could not be reached",
    Fault.LOST: "the identity endpoint did not answer",
    Fault.GARBLED: "the identity endpoint sent a response without a token",
}


def not_signed_in(why: str, todo: str, *, status: int | None = None, fault: Fault | None = None) -> SignInFailed:
    """The error. It has no `call`, so whoever needed the token does not retry."""
    because = f" ({why})" if why else ""
    return SignInFailed(f"Not signed in{because}: {todo}", service=Service.IDENTITY, status=status, fault=fault)


def identity_refused(status: int | None, client_id: str, body: str = "") -> SignInFailed:
    """The error for an identity that gets no token; a retry does not help. `status` is that of the endpoint, if any."""
    code = f" {found[0]}" if (found := _CODE.search(body)) else ""
    if status is None and (wrong := _endpoint_mistake()):
        return not_signed_in("", wrong)
    todo = (
        "check that the managed identity is assigned to the app, and that AZURE_CLIENT_ID is its client id"
        if client_id
        else (
            "set AZURE_CLIENT_ID to the client id of the identity that is assigned to the app; without it the app's"
            " system-assigned identity is asked for, and there may be none"
        )
    )
    return not_signed_in(f"the identity endpoint answered {status}{code}" if status else "", todo, status=status)


def endpoint_busy(status: int, after: float | None) -> SweepError:
    """The error for a busy or failing identity endpoint: a retry may help."""
    kind = Throttled if status == 429 else Unavailable
    why = f"the identity endpoint answered {status}"
    return kind(why, service=Service.IDENTITY, call=Call.READ, status=status, retry_after=after)


def endpoint_fault(fault: Fault) -> SweepError:
    """The error for an identity endpoint that sent no response, or no token: a retry may help."""
    kind = PartialData if fault is Fault.GARBLED else Unavailable
    return kind(_HAPPENED[fault], service=Service.IDENTITY, call=Call.READ, fault=fault)


def given_up(error: SweepError) -> SignInFailed:
    """The error of the last attempt, in the form that the caller gets."""
    if isinstance(error, SignInFailed):
        return error
    if wrong := _endpoint_mistake():
        return not_signed_in("", wrong, status=error.status, fault=error.fault)
    todo = f"{_OUTSIDE}; {_LASTS}" if error.fault else _LASTS
    return not_signed_in(str(error), todo, status=error.status, fault=error.fault)


def _endpoint_mistake() -> str:
    """What is wrong with the two variables that name the identity endpoint, and what to do; "" when nothing is."""
    endpoint = os.environ.get("IDENTITY_ENDPOINT", "")
    if not endpoint:
        return ""
    if not _is_address(endpoint):
        return f"IDENTITY_ENDPOINT is no address such as http://127.0.0.1:8081/msi/token; {_OUTSIDE}"
    if not os.environ.get("IDENTITY_HEADER"):
        return f"IDENTITY_ENDPOINT is set, but IDENTITY_HEADER is not, and it takes both; {_OUTSIDE}"
    return ""


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises when the port is wrong
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


class DeveloperSignIn:
    """The developer's own sign-in: the Azure CLI's, or azd's when the Azure CLI is missing or not signed in.

    Like azure-identity's own chain, but its error says which of the two failed and how.
    """

    def __init__(self, seconds: int = CLI_SECONDS) -> None:
        from azure.identity import AzureCliCredential, AzureDeveloperCliCredential  # slow to import

        self._seconds = seconds
        self._credentials: tuple[tuple[str, Any], ...] = (
            ("az", AzureCliCredential(process_timeout=seconds)),
            ("azd", AzureDeveloperCliCredential(process_timeout=seconds)),
        )

    def get_token_info(self, *scopes: str) -> AccessTokenInfo:
        """The token of the first that has one.

        Raises:
            SignInFailed: neither has.
        """
        from azure.identity import CredentialUnavailableError

        problems: list[tuple[int, SignInFailed]] = []
        for name, credential in self._credentials:
            try:
                token: Any = credential.get_token_info(*scopes)
            except CredentialUnavailableError as error:
                problems.append(self._unavailable(name, error))
            except Exception as error:  # noqa: BLE001 - what it raises for a malformed token is not documented
                problems.append(_failed(name, str(error)))
                break  # it is signed in and failed: the other one may be another identity
            else:
                if isinstance(token.token, str) and token.token:
                    return cast("AccessTokenInfo", token)
                problems.append(_failed(name, ""))
                break
        raise max(problems, key=lambda problem: problem[0])[1]

    def close(self) -> None:
        """Nothing is open."""

    def _unavailable(self, name: str, error: Exception) -> tuple[int, SignInFailed]:
        """Why it has no token; the error with the highest number explains most."""
        cause = error.__cause__
        if isinstance(cause, subprocess.TimeoutExpired):
            timed_out = not_signed_in(
                f"`{name}` did not answer within {self._seconds} s",
                "run `az account show` to see why, or sign in again with `az login` or `azd auth login`",
            )
            return 2, timed_out
        if isinstance(cause, OSError):
            return _failed(name, "")
        if shutil.which(name) is None or (isinstance(cause, subprocess.CalledProcessError) and cause.returncode == 127):
            missing = not_signed_in(
                "there is no Azure CLI on the PATH", "install it and sign in with `az login`, or with `azd auth login`"
            )
            return 0, missing
        return 1, not_signed_in("", "sign in with `az login` or `azd auth login`")


def _failed(name: str, output: str) -> tuple[int, SignInFailed]:
    code = f", {found[0]}" if (found := _CODE.search(output)) else ""
    login = "`az login`" if name == "az" else "`azd auth login`"
    return 3, not_signed_in(
        f"`{name}` could not give a token{code}", f"sign in again with {login}, in the cloud of AZURE_CLOUD"
    )
