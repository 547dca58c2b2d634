"""TLS as `voltkeep serve` speaks it with the certificates it has made, seen by OpenSSL's client."""

from typing import NamedTuple

import pytest

from tests.end_to_end.server import Server
from tests.gateway.trust import s_client

HOST = "csms.example"
TLS_12, TLS_13 = "-tls1_2", "-tls1_3"
REFUSED = "Cipher is (NONE)"
ASKS = "Requested Signature Algorithms"


class Row(NamedTuple):
    """What is tried, on which listener, and what OpenSSL's client then says."""

    words: tuple[str, ...]
    said: str
    policy: str = "ocpp-legacy"
    listener: str = "ocpp_tls"


def suite(name, said="", **changes):
    return Row((TLS_12, "-cipher", name), said or f"New, TLSv1.2, Cipher is {name}", **changes)


RSA, EC = "Server public key is 2048 bit", "Server public key is 256 bit"
STATIC_RSA = ("AES128-GCM-SHA256", "AES256-GCM-SHA384")
FORWARD_SECRET = ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384")
TABLE = {
    **{name: suite(name) for name in (*STATIC_RSA, *FORWARD_SECRET)},
    "an RSA certificate": suite("AES128-GCM-SHA256", RSA),
    "an ECDSA certificate": suite("ECDHE-ECDSA-AES128-GCM-SHA256", EC),
    "TLS 1.3 with RSA": Row((TLS_13, "-sigalgs", "RSA-PSS+SHA256"), RSA),
    "TLS 1.3 with ECDSA": Row((TLS_13, "-sigalgs", "ECDSA+SHA256"), EC),
    "TLS 1.3": Row((TLS_13,), "New, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384"),
    "TLS 1.1": Row(("-tls1_1", "-cipher", "ALL@SECLEVEL=0"), REFUSED),
    "TLS 1.0": Row(("-tls1", "-cipher", "ALL@SECLEVEL=0"), REFUSED),
    "CBC": suite("AES128-SHA256", REFUSED),
    "CBC with forward secrecy": suite("ECDHE-RSA-AES128-SHA256", REFUSED),
    "no compression": Row((TLS_12, "-comp"), "Compression: NONE"),
    **{f"modern: {name}": suite(name, policy="modern") for name in FORWARD_SECRET},
    **{f"modern: {name}": suite(name, REFUSED, policy="modern") for name in STATIC_RSA},
    "modern: TLS 1.3": Row((TLS_13,), "New, TLSv1.3", policy="modern"),
    "a client certificate is asked for": Row((TLS_12,), ASKS, listener="ocpp_mtls"),
    "and in TLS 1.3": Row((TLS_13,), ASKS, listener="ocpp_mtls"),
}


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    """A server of a policy, and the root it exports; each is started once."""
    directory, running = tmp_path_factory.mktemp("serving"), {}

    async def serving(policy):
        if policy not in running:
            settings = {"public_host": HOST, "tls_policy": policy}
            server = Server(directory / policy, listen=("ocpp_tls", "ocpp_mtls"), **settings)
            await server.start()
            root = directory / f"{policy}.pem"
            root.write_text(await server.say("ca", "export", "root"))
            running[policy] = server, root
        return running[policy]

    yield serving
    assert [server.stop() for server, _ in running.values()] == [0] * len(running)
    assert not any("Traceback" in server.output() for server, _ in running.values())


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)
async def test_what_openssl_sees_of_a_running_server(serving, row):
    """A00.FR.305, 312, 314, 317, 319, 320, 409, 421; TC_086: and our root verifies it."""
    server, root = await serving(row.policy)
    checked = ("-CAfile", root, "-verify_return_error", "-verify_hostname", HOST)

    said = await s_client(server.ports[row.listener], *row.words, *checked)

    assert row.said in said
    assert row.said == ASKS or ASKS not in said
    is_verified = "Verify return code: 0 (ok)" in said and f"CN = {HOST}" in said
    assert is_verified is (row.said != REFUSED)
