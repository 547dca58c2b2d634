"""What an upgrade request says, read strictly."""

import base64
import ipaddress
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.datastructures import Headers

from tests.gateway.trust import client_of, maker
from voltkeep.domain.identity import station_id
from voltkeep.gateway.handshake import (
    Basic,
    Unaddressed,
    address,
    basic,
    behind_proxy,
    choose,
    offered,
)

STATION = station_id("AL1000")


@pytest.mark.parametrize(
    ("path", "station"),
    [
        ("/ocpp/CP-1", station_id("CP-1")),
        ("/ocpp/CP-1/", station_id("CP-1")),
        ("/ocpp/CP-1?token=1", station_id("CP-1")),
        ("/ocpp/RDAM%20123", station_id("RDAM 123")),
        ("/ocpp/a%7Cb", station_id("a|b")),
        ("/ocpp/acme/CP-1", station_id("CP-1", "acme")),
        ("/ocpp/ac%20me/CP%2B1", station_id("CP+1", "ac me")),
    ],
)
def test_the_path_names_the_station(path, station):
    """OCPP-J 1.6, 3.1.1: the identity is percent-encoded (citrineos-core#1093)."""
    assert address(path) == station


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        "/ocpp",
        "/ocpp/",
        "/ocpp//",
        "/ocppj/CP-1",
        "/ocpp/a/b/c",
        "/ocpp/a%2Fb",
        "/ocpp/../admin",
        "/ocpp/%2e%2e",
        "/ocpp/%00",
        "/ocpp/%ff",
        "/ocpp/a%0d%0ab",
        "/ocpp/%252e",
        "/ocpp/a%zz",
        "/ocpp/a%",
        "/ocpp/" + "x" * 4000,
        "/ocpp/%E2%80%AEevil",
        "/ocpp/%F0%9F%98%80",
        "/ocpp/<script>",
        "/ocpp/' OR 1=1",
        "/ocpp/acme//CP-1",
    ],
)
def test_a_path_that_names_none_is_refused(path):
    with pytest.raises(Unaddressed) as caught:
        address(path)

    assert str(caught.value).isprintable()


@given(st.text())
def test_any_path_is_read_or_refused(path):
    try:
        station = address(path)
    except Unaddressed:
        return
    assert str(station).isprintable()


def authorization(credentials):
    return Headers([("Authorization", "Basic " + base64.b64encode(credentials).decode())])


def test_the_example_of_ocpp_16():
    """OCPP-J 1.6, 6.2: a key of 20 octets, most of them no text."""
    key = bytes(range(8)) + b"\xff" * 12

    assert basic(authorization(b"AL1000:" + key), STATION) == Basic("AL1000", key)


def test_a_station_id_may_hold_a_colon():
    station = station_id("A:B")

    assert basic(authorization(b"A:B:secret"), station) == Basic("A:B", b"secret")


@pytest.mark.parametrize(
    ("credentials", "read"),
    [
        (b"OTHER:secret", Basic("OTHER", b"secret")),
        (b"AL1000:", Basic("AL1000", b"")),
        (b":", Basic("", b"")),
        (b"AL1000:a:b", Basic("AL1000", b"a:b")),
        (b"no colon", None),
        (b"\xff\xfe:x", Basic("\ufffd\ufffd", b"x")),
    ],
)
def test_credentials_are_octets(credentials, read):
    assert basic(authorization(credentials), STATION) == read


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Authorization", "")],
        [("Authorization", "Basic")],
        [("Authorization", "Basic !!!")],
        [("Authorization", "Bearer QUwxMDAwOng=")],
        [("Authorization", "Basic QUwxMDAwOng="), ("Authorization", "Basic QUwxMDAwOng=")],
        [("Authorization", "Basic " + "QUFB" * 300_000)],
        [("Authorization", "Basic Ä")],
    ],
)
def test_what_is_no_single_basic_header_is_none(headers):
    assert basic(Headers(headers), STATION) is None


SPOKEN = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")


@pytest.mark.parametrize(
    ("lines", "chosen"),
    [
        (["ocpp1.6"], "ocpp1.6"),
        (["ocpp0.1, ocpp1.6"], "ocpp1.6"),
        (["ocpp0.1", "ocpp1.6"], "ocpp1.6"),
        (["ocpp1.6, ocpp2.0.1"], "ocpp1.6"),
        (["ocpp2.0.1,ocpp1.6"], "ocpp2.0.1"),
        (["ocpp2.1, ocpp2.0.1"], "ocpp2.1"),
        (["ocpp1.6, ocpp1.6"], "ocpp1.6"),
        (["ocpp0.1"], None),
        (["OCPP1.6"], None),
        ([], None),
        (["; drop"], None),
    ],
)
def test_the_station_decides_the_order(lines, chosen):
    """TC_088, and OCPP-J 2.1 part 4, 3.3: by the order of the station's preference."""
    headers = Headers([("Sec-WebSocket-Protocol", line) for line in lines])

    assert choose(offered(headers), SPOKEN) == chosen


TRUSTED = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")]
PARTY = client_of(maker())


def proxied(*headers, proxy="10.0.0.1", is_tls=False):
    return behind_proxy(Headers(headers), proxy, TRUSTED, is_tls=is_tls)


@pytest.mark.parametrize(
    ("lines", "host"),
    [
        (["203.0.113.7"], "203.0.113.7"),
        (["1.1.1.1, 203.0.113.7"], "203.0.113.7"),
        (["203.0.113.7, 10.0.0.9"], "203.0.113.7"),
        (["1.1.1.1", "203.0.113.7, 10.0.0.9"], "203.0.113.7"),
        (["2001:db8::1, fd00::2"], "2001:db8::1"),
        (["nonsense, 10.0.0.9"], "10.0.0.9"),
        (["203.0.113.7:4711"], "10.0.0.1"),
        (["<script>"], "10.0.0.1"),
        ([""], "10.0.0.1"),
        ([], "10.0.0.1"),
    ],
)
def test_the_client_is_the_last_hop_that_is_no_proxy_of_ours(lines, host):
    """ASVS 4.1.3: what stands before it the client has written itself."""
    peer = proxied(*[("X-Forwarded-For", line) for line in lines])

    assert peer is not None
    assert peer.host == host


@pytest.mark.parametrize("proxy", ["203.0.113.7", "11.0.0.1", "2001:db8::1", "", "x"])
def test_nobody_elses_headers_are_believed(proxy):
    """Hostile row 12."""
    headers = [
        ("X-Forwarded-For", "10.0.0.1"),
        ("X-Forwarded-Proto", "https"),
        ("X-SSL-Client-Cert", quote(PARTY.pem)),
    ]
    assert proxied(*headers, proxy=proxy) is None


def test_a_proxy_in_the_clothes_of_ipv6_is_the_same():
    assert proxied(proxy="::ffff:10.0.0.1") is not None


@pytest.mark.parametrize(
    ("lines", "is_tls"),
    [
        (["https"], True),
        (["wss"], True),
        (["http"], False),
        (["https, http"], False),
        (["http", "https"], True),
        ([], False),
    ],
)
def test_a_proxy_says_whether_there_was_tls(lines, is_tls):
    peer = proxied(*[("X-Forwarded-Proto", line) for line in lines])

    assert peer is not None
    assert peer.is_tls is is_tls


def test_a_proxy_says_which_certificate_was_shown():
    shown = ("X-SSL-Client-Cert", quote(PARTY.pem))
    over_tls = ("X-Forwarded-Proto", "https")

    assert proxied(shown, over_tls).certificate == PARTY.der
    assert proxied(shown, is_tls=True).certificate == PARTY.der
    assert proxied(over_tls).certificate is None
    assert proxied(shown).certificate is None  # without TLS nobody has proven anything
    assert proxied(shown, shown, over_tls).certificate is None


@pytest.mark.parametrize("value", ["junk", "%", "-----BEGIN CERTIFICATE-----", quote("ä")])
def test_a_certificate_that_cannot_be_read_is_not_none_at_all(value):
    peer = proxied(("X-SSL-Client-Cert", value), ("X-Forwarded-Proto", "https"))

    assert peer is not None
    assert peer.certificate == b""
