"""The directory of key files, and where their passphrase comes from."""

import pytest
from msgspec import structs

from tests.pki.making import SETTINGS
from voltkeep.config import ConfigError, KeyFiles, read_pki_key

DERIVED = b"\x01" * 32


def test_a_file_is_made_once(tmp_path):
    files = KeyFiles(tmp_path / "pki")

    assert files.create("a.pem", b"first")
    assert not files.create("a.pem", b"second")

    assert (files.read("a.pem"), files.names()) == (b"first", ["a.pem"])


def test_a_file_is_replaced_as_a_whole(tmp_path):
    files = KeyFiles(tmp_path)
    files.write("a.pem", b"first")
    files.write("a.pem", b"second")

    assert files.read("a.pem") == b"second"
    assert files.path("a.pem").stat().st_mode & 0o777 == 0o600
    assert files.names() == ["a.pem"]


def test_what_is_not_there_is_nothing(tmp_path):
    files = KeyFiles(tmp_path / "none")

    assert (files.read("a.pem"), files.names()) == (None, [])
    files.remove("a.pem")


def test_the_passphrase_comes_from_the_nearest_source(tmp_path):
    key_file = tmp_path / "key"
    key_file.write_text("from a file of one's own\n")
    (tmp_path / "voltkeep-pki-key").write_text("from a credential\n")
    systemd = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    in_a_file = structs.replace(SETTINGS, pki_key_file=str(key_file))
    given = structs.replace(in_a_file, pki_key="from the environment")

    assert read_pki_key(SETTINGS, DERIVED, {}) == DERIVED.hex().encode()
    assert read_pki_key(SETTINGS, DERIVED, systemd) == b"from a credential"
    assert read_pki_key(in_a_file, DERIVED, systemd) == b"from a file of one's own"
    assert read_pki_key(given, DERIVED, systemd) == b"from the environment"


def test_a_credential_of_another_name_does_not_count(tmp_path):
    assert read_pki_key(SETTINGS, DERIVED, {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == (
        DERIVED.hex().encode()
    )


@pytest.mark.parametrize("content", [None, "", "short"])
def test_a_file_without_a_good_passphrase_is_named(tmp_path, content):
    path = tmp_path / "key"
    if content is not None:
        path.write_text(content)

    with pytest.raises(ConfigError, match=str(path)):
        read_pki_key(structs.replace(SETTINGS, pki_key_file=str(path)), DERIVED, {})
