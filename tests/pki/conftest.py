"""An authority to each test; its keys are made once."""

import shutil

import pytest

from tests.pki.making import NOON, PASSPHRASE, SETTINGS
from voltkeep.config import KeyFiles
from voltkeep.pki.authority import CertificateAuthority


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """The directory of an authority that nobody changes."""
    directory = tmp_path_factory.mktemp("authority")
    CertificateAuthority.open(KeyFiles(directory), PASSPHRASE, SETTINGS, NOON)
    return directory


@pytest.fixture
def files(made, tmp_path):
    """The same files, to be changed."""
    return KeyFiles(shutil.copytree(made, tmp_path / "pki"))


@pytest.fixture
def opened(files):
    """Open the authority in these files, with other settings or at another time."""

    def again(settings=SETTINGS, at=NOON, passphrase=PASSPHRASE):
        return CertificateAuthority.open(files, passphrase, settings, at)

    return again


@pytest.fixture
def authority(opened):
    return opened()


@pytest.fixture(scope="session")
def made_authority(made):
    """One that nobody changes, for tests that hypothesis runs again and again."""
    return CertificateAuthority.open(KeyFiles(made), PASSPHRASE, SETTINGS, NOON)
