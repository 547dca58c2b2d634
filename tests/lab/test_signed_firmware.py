"""Signed firmware of a case: a signature that is wrong, and does not look as if it were."""

import base64
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils

from tests.lab.csms.running import make
from voltkeep.lab.ocpp16.firmware_signed import wrong_signature
from voltkeep.lab.plan import Files

FIRMWARE = b"firmware"


def verify(files, signature):
    key: Any = x509.load_pem_x509_certificate(files.signing_certificate.encode()).public_key()
    salted = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO)
    key.verify(base64.b64decode(signature), FIRMWARE, salted, hashes.SHA256())


def test_the_wrong_signature_is_as_long_as_the_right_one_and_wrong():
    files = make().files
    verify(files, files.signature)

    assert len(wrong_signature(files)) == len(files.signature)
    with pytest.raises(InvalidSignature):
        verify(files, wrong_signature(files))


def test_the_wrong_signature_of_an_elliptic_curve_is_still_a_pair_of_numbers():
    right = ec.generate_private_key(ec.SECP256R1()).sign(FIRMWARE, ec.ECDSA(hashes.SHA256()))

    wrong = wrong_signature(Files(signature=base64.b64encode(right).decode()))

    pair = utils.decode_dss_signature(base64.b64decode(wrong))
    assert pair != utils.decode_dss_signature(right)


def test_a_plan_may_have_a_wrong_signature_of_its_own():
    assert wrong_signature(Files(signature="AAAA", wrong_signature="BBBB")) == "BBBB"


def test_without_a_signature_there_is_no_wrong_one():
    assert wrong_signature(Files()) == ""
