"""The settings of what people and programs use: the API, and how long records are kept."""

from typing import Annotated, Literal

from voltkeep.config.account_settings import AccountSettings
from voltkeep.config.described import of

_FOR_EVER = "0: for ever."


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
    map_tiles: Annotated[
        str,
        of(
            "A tile server for the map of sites, which browsers then load pictures from. Empty: "
            "the outlines of countries, and nothing from elsewhere.",
            "empty, or https://HOST/PATH with {z}, {x} and {y} in it",
        ),
    ] = ""
    map_attribution: Annotated[
        str,
        of(
            "Whom the map names as the source of its tiles.",
            "200 characters at most",
            max_length=200,
        ),
    ] = ""
    otlp_endpoint: Annotated[
        str,
        of(
            "Where spans of API requests and of OCPP messages go: an OpenTelemetry collector that "
            "takes OTLP over HTTP. Empty: nowhere. It needs `voltkeep[otel]`.",
            "empty, or http(s)://HOST:PORT",
        ),
    ] = ""
    message_log_retention_days: Annotated[
        float,
        of(f"How long the message log keeps a message, in days. {_FOR_EVER}", ge=0, le=36_500),
    ] = 30
    event_retention_days: Annotated[
        float,
        of(
            "How long an event is kept once it has been published, with what became of its "
            "deliveries, and a command or an order once it was given, in days. " + _FOR_EVER,
            ge=0,
            le=36_500,
        ),
    ] = 7
    status_history_retention_days: Annotated[
        float,
        of(
            f"How long what a connector's status was is kept, in days. {_FOR_EVER}",
            ge=0,
            le=36_500,
        ),
    ] = 365
    meter_value_retention_days: Annotated[
        float,
        of(
            "How long a meter value is kept once it was received, in days. Energy totals of "
            f"transactions stay with them. {_FOR_EVER}",
            ge=0,
            le=36_500,
        ),
    ] = 0
    transaction_retention_days: Annotated[
        float,
        of(
            "How long a transaction is kept once it has ended or was closed, in days. One that "
            f"never ended stays. {_FOR_EVER}",
            ge=0,
            le=36_500,
        ),
    ] = 0
    transaction_event_retention_days: Annotated[
        float,
        of(
            "How long each single report of a transaction is kept once it has ended, in days. "
            f"What a station resends after that is heard anew. {_FOR_EVER}",
            ge=0,
            le=36_500,
        ),
    ] = 365
    unknown_token_retention_days: Annotated[
        float,
        of(
            "How long an unknown token is listed after it was last seen, in days. " + _FOR_EVER,
            ge=0,
            le=36_500,
        ),
    ] = 90
    security_retention_days: Annotated[
        float,
        of(
            "How long security events, refused connections and acknowledged alerts are kept, in "
            "days. The audit log is always kept for ever. " + _FOR_EVER,
            ge=0,
            le=36_500,
        ),
    ] = 365
