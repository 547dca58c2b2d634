"""What one connection may cost us, and how long it may take."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a listener. A frame here is a WebSocket frame, control frames included."""

    message_bytes: int = 64 * 1024  # larger: refused, and the connection kept
    discard_bytes: int = 1024 * 1024  # larger still: the connection is closed (1009)
    fragments_per_message: int = 256
    frames_per_s: float = 50.0
    frames_burst: float = 200.0
    bytes_per_s: float = 256 * 1024.0
    bytes_burst: float = 1024 * 1024.0
    calls_queued: int = 16  # from the station; more wait in TCP
    commands_queued: int = 50  # to the station; more are refused as busy
    request_bytes: int = 16 * 1024  # of an upgrade request, headers and all
    handshake_timeout_s: float = 10.0
    close_timeout_s: float = 5.0  # for the peer's part of the closing handshake
    call_timeout_s: float = 30.0
    write_timeout_s: float = 30.0  # a peer that does not read for so long is gone
    store_patience_s: float = 25.0  # a CALL waits so long for the database to return
    ping_interval_s: float = 45.0  # without any frame; 0 never pings
    ping_misses: int = 2
    unpinged_silence_s: float = 900.0  # three heartbeats: for makes that take a ping for an offence
    refusal_takes_s: float = 0.2  # or a multiple: wrong and unknown take equally long
    max_connections: int = 20_000
    handshakes_at_once: int = 128
    handshakes_waiting: int = 2000
    not_in_yet: int = 20_000  # connections that are no station's yet
    drain_s: float = 5.0

    # Who may knock, and how often (`admission.py`).
    accepts_per_s: float = 20.0  # of one source
    accepts_burst: float = 50.0
    unlimited_sources: tuple[IPv4Network | IPv6Network, ...] = ()
    failures_burst: int = 5  # of one source with one identity
    failure_wait_s: float = 60.0  # then, doubled with each further one
    failure_wait_longest_s: float = 3600.0
    identity_failures_burst: float = 20.0  # of one identity, from all sources
    identity_failures_per_s: float = 10 / 60
    attempts_at_once: int = 2  # of one identity, from all sources, until they are answered
    identities_per_source: int = 50  # that failed
    identities_window_s: float = 600.0
    upgrades_per_s: float = 300.0
    upgrade_wait_s: float = 5.0  # how long the line for an upgrade is

    # Two connections of one station (`duplicates.py`).
    duplicate_probe_s: float = 5.0
    live_swaps_per_min: int = 3
