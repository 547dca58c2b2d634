"""What the tests of the gateway share."""

import pytest

from tests.gateway.csms import Csms, clock
from tests.pki.making import PASSPHRASE
from voltkeep.config import KeyFiles, Settings
from voltkeep.pki.authority import CertificateAuthority


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """An authority that nobody changes; its keys are made once."""
    files = KeyFiles(tmp_path_factory.mktemp("authority"))
    settings = Settings(data=files.directory, public_host="csms.example")
    return CertificateAuthority.open(files, PASSPHRASE, settings, clock())


@pytest.fixture
async def csms():
    """A CSMS with one station, which is let in without a key."""
    async with Csms() as csms:
        await csms.add()
        yield csms
