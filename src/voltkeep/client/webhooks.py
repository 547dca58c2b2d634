"""What a receiver of webhooks needs: to know that a message is of the server it trusts."""

from collections.abc import Mapping
from typing import Any

from msgspec import json
from standardwebhooks.webhooks import Webhook, WebhookVerificationError


class WebhookRefused(Exception):
    """The message was not signed with the secret, or long ago: do not believe it."""


def verified(secret: str, content: bytes, headers: Mapping[str, str]) -> Any:
    """What a webhook says (Standard Webhooks). ``content`` is the body as it came.

    Raises WebhookRefused.
    """
    try:
        Webhook(secret).verify(content, {name.lower(): each for name, each in headers.items()})
        return json.decode(content)
    except (WebhookVerificationError, ValueError) as error:
        raise WebhookRefused(f"this is not to be believed: {error}") from error
