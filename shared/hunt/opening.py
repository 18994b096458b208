"""The hunt with its query clients."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from shared.http.client import Http
from shared.hunt.hunt import Hunt
from shared.hunt.options import HuntOptions

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential


def open_hunt(options: HuntOptions, http: Http, credential: TokenCredential) -> Hunt:
    """The hunt with these options; the caller closes it."""
    from shared.query.advanced_hunting import AdvancedHunting
    from shared.query.log_analytics import Workspace, connect  # the SDK is slow to import
    from shared.query.two_ways import TwoWays

    with ExitStack() as opened:
        client = connect(options.log_analytics, credential)
        opened.callback(client.close)
        direct = Workspace(client, options.workspace_id, http, in_round=options.in_round)
        ways: TwoWays | None = None
        if options.arm is not None:
            other = connect(options.arm, credential, options.resource_id)
            opened.callback(other.close)
            ways = TwoWays(direct, Workspace(other, options.workspace_id, http, in_round=options.in_round))
        workspace = ways or direct
        mail = (
            AdvancedHunting(options.graph, options.lookback_days, http) if options.source == "defender" else workspace
        )
        return Hunt(options, mail, workspace, opened.pop_all().close, ways)
