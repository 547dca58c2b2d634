"""The settings of what people and programs use: the API, and how long records are kept."""

from typing import Annotated, Literal

from voltkeep.config.account_settings import AccountSettings
from voltkeep.config.described import of


class OperationSettings(AccountSettings, frozen=True, kw_only=True):
    """A part of `Settings`."""

    http: Annotated[
        str,
        of("Where people and programs reach the HTTP API.", "HOST:PORT, [IPV6]:PORT, or off"),
    ] = "127.0.0.1:8080"
    https: Annotated[
        str,
        of(
            "The same over HTTPS, with the server's own certificate.",
            "HOST:PORT, [IPV6]:PORT, or off",
        ),
    ] = "off"
    metrics: Annotated[
        Literal["on", "off"],
        of("Whether `/metrics` tells Prometheus how the server does, where the API is."),
    ] = "on"
    metrics_allowed: Annotated[
        str,
        of(
            "Networks from which `/metrics`, and why `/health/ready` says no, can be read without "
            "an API key. What comes through a proxy needs one.",
            "empty, or networks separated by commas",
        ),
    ] = "127.0.0.0/8, ::1/128"
    message_log_retention_days: Annotated[
        float, of("How long the message log keeps a message, in days.", ge=0.01, le=36_500)
    ] = 30
    event_retention_days: Annotated[
        float,
        of(
            "How long an event is kept once it has been published, and a command once it was "
            "given, in days.",
            ge=0.01,
            le=36_500,
        ),
    ] = 7
    status_history_retention_days: Annotated[
        float,
        of("How long what a connector's status was is kept, in days.", ge=0.01, le=36_500),
    ] = 365
    security_retention_days: Annotated[
        float,
        of(
            "How long security events, refused connections and acknowledged alerts are kept, in "
            "days. The audit log is kept for ever.",
            ge=0.01,
            le=36_500,
        ),
    ] = 365
