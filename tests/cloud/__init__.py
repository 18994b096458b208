"""A small Azure on loopback, for tests and for `make sweep`: see `Cloud`."""

from tests.cloud.faults import Fault, Wire
from tests.cloud.small_azure import CLIENT_ID, WORKSPACE_ID, WORKSPACE_RESOURCE_ID, Cloud
from tests.cloud.wire import Request

__all__ = ["CLIENT_ID", "WORKSPACE_ID", "WORKSPACE_RESOURCE_ID", "Cloud", "Fault", "Request", "Wire"]
