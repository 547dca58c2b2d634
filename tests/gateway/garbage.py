"""Clients that show worthless certificates, in a process of their own; run by `test_hostile_tls`.

Arguments: host, port, how many handshakes, a PEM file with a key and its certificate.
"""

import contextlib
import socket
import ssl
import sys
from concurrent.futures import ThreadPoolExecutor

AT_ONCE = 8


def knock(host, port, context):
    """A handshake, and the alert that ends it."""
    with (
        contextlib.suppress(OSError),
        socket.create_connection((host, port), 10) as raw,
        context.wrap_socket(raw) as link,
    ):
        link.recv(1)  # of TLS 1.3, a client has its alert after its handshake


def flood(host, port, times, pem):
    contexts = []
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.maximum_version = version
        context.load_cert_chain(pem)
        contexts.append(context)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for each in range(times):
            pool.submit(knock, host, port, contexts[each % 2])


if __name__ == "__main__":
    flood(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
