"""What is ours among the addresses that somebody types."""

from pathlib import Path

import pytest

from voltkeep.cli.addresses import is_our_tls
from voltkeep.config import Settings

SETTINGS = Settings(
    data=Path("/nonexistent"),
    public_host="csms.example",
    ocpp_tls="0.0.0.0:9443",
    ocpp_mtls="192.0.2.1:443",
)


@pytest.mark.parametrize(
    ("url", "is_ours"),
    [
        ("wss://localhost:9443/ocpp", True),
        ("wss://127.0.0.1:9443", True),
        ("wss://[::1]:9443/ocpp", True),
        ("wss://csms.example:9443/ocpp/", True),
        ("wss://CSMS.example/ocpp/", True),
        ("wss://192.0.2.1/ocpp", True),
        ("ws://localhost:9443/ocpp", False),
        ("wss://localhost:9444/ocpp", False),
        ("wss://localhost/ocpp", False),
        ("wss://elsewhere.example:9443/ocpp", False),
        ("wss://localhost:nowhere/ocpp", False),
    ],
)
def test_a_tls_listener_of_ours_is_known_by_its_address(url, is_ours):
    assert is_our_tls(SETTINGS, url) is is_ours
