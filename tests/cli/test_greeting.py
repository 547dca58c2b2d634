"""What `voltkeep serve` tells a person: where it listens, what it made, what it renewed."""

from datetime import timedelta
from urllib.parse import urlsplit

import httpx
from cryptography import x509

from tests.cli.serving import installation
from voltkeep.config import (
    KeyFiles,
    Settings,
    make_data_directory,
    read_pki_key,
    read_secret,
)
from voltkeep.pki.authority import CertificateAuthority
from voltkeep.sim import SimStation, StationSpec
from voltkeep.wiring import now, subkey

__all__ = ["installation"]  # a fixture

FILES = ("--files", "127.0.0.1:0", "--files-tls", "127.0.0.1:0", "--ftp", "127.0.0.1:0")


async def test_where_files_are_and_what_is_revoked_is_told(installation):
    """Whoever checks a certificate of ours needs the addresses of its CRL and of OCSP."""
    async with installation.serving("--log-format", "human", *FILES) as server:
        http = (await server.line("Files are at")).split()[3]
        https, ftp = [(await server.line(f"{scheme}://")).split()[0] for scheme in ("https", "ftp")]
        shown = await installation.json("ca", "show")
        _, out, _ = await installation.run("ca", "show")
        async with httpx.AsyncClient() as client:
            crl = await client.get(shown["crl"]["rsa"])

    assert [urlsplit(each).scheme for each in (http, https, ftp)] == ["http", "https", "ftp"]
    assert shown["crl"] == {name: f"{http}/ca/{name}.crl" for name in ("root", "rsa", "ec")}
    assert shown["ocsp"] == f"{http}/ocsp"
    assert all(each in out for each in (*shown["crl"].values(), shown["ocsp"]))
    assert x509.load_der_x509_crl(crl.content).issuer.rfc4514_string() == next(
        each["subject"] for each in shown["certificates"] if each["name"] == "issuer-rsa"
    )


async def test_the_first_start_says_that_it_made_an_authority(installation):
    tls = ("--ocpp-tls", "127.0.0.1:0")
    async with installation.serving("--log-format", "human", *tls) as server:
        made = await server.line("Made certificates")
        fingerprint = (await server.line("SHA-256")).split()[-1]
        advice = await server.line("ca export root")
        shown = await installation.json("ca", "show")
    async with installation.serving("--log-format", "human") as again:
        await again.line("Database")
        following = await again.line("")

    assert str(installation.data / "pki") in made
    assert fingerprint == shown["certificates"][0]["sha256"]
    assert str(installation.data) in advice
    assert following.strip() == ""
    assert "Made" not in again.rest


async def test_a_person_is_told_of_renewed_certificates(installation):
    """At two thirds of their life; and only of what the view does not tell."""
    make_data_directory(settings := Settings(data=installation.data, server_certificate_days=90))
    key = read_pki_key(settings, subkey(read_secret(settings), b"key files"))
    made_at = now() - timedelta(days=80)
    CertificateAuthority.open(KeyFiles(settings.pki_path), key, settings, made_at)

    async with installation.serving("--log-format", "human") as server:
        line = await server.logged("renewed")
        address = (await server.line("Stations connect to")).split()[3]
        station = StationSpec(id="CS-01", version="1.6", url=address.removesuffix("/STATION"))
        await installation.json("station", "add", "CS-01", "--security-profile", "0")
        async with SimStation(station) as cs:
            await cs.booted()
            await server.line("booted")

    assert "info: renewed the server's certificates" in line
    assert "station connected" not in server.rest
