"""A client of Voltkeep's HTTP API: `Client`, and `AsyncClient` for asyncio.

Each operation of the API is a method of both, with the types of `voltkeep.client.models`.
"""

from voltkeep.client.asynchronous import AsyncClient
from voltkeep.client.core import Event, FieldProblem, NotReached, ProblemError
from voltkeep.client.synchronous import Client
from voltkeep.client.webhooks import WebhookRefused, verified

__all__ = [
    "AsyncClient",
    "Client",
    "Event",
    "FieldProblem",
    "NotReached",
    "ProblemError",
    "WebhookRefused",
    "verified",
]
