"""Private and public keys: of which kinds, how strong, and how they are kept."""

import enum
import hashlib

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from voltkeep.services.authority import BadCertificate

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
Hash = hashes.SHA256 | hashes.SHA384 | hashes.SHA512

RSA, EC = "rsa", "ec"

# A00.FR.502 and 503. More than this would let a stranger's key cost us seconds.
_RSA_BITS = range(2048, 8192 + 1)
_EC_BITS = 224
_EXPONENT = 65_537  # FIPS 186-5, 5.4: at least
# A00.FR.504: what BSI TR-02102-1 recommends, and no hash that it does not.
GOOD_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


class KeyKind(enum.StrEnum):
    """The keys that we make."""

    RSA_2048 = "rsa-2048"
    RSA_3072 = "rsa-3072"
    RSA_4096 = "rsa-4096"
    EC_256 = "ec-256"
    EC_384 = "ec-384"


def make(kind: KeyKind) -> PrivateKey:
    """A new key. RSA takes up to seconds."""
    family, _, bits = kind.value.partition("-")
    if family == RSA:
        return rsa.generate_private_key(_EXPONENT, int(bits))
    return ec.generate_private_key(ec.SECP256R1() if bits == "256" else ec.SECP384R1())


def known(key: object) -> PublicKey:
    """The public key, if it is of a kind we know. Raises BadCertificate."""
    if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        return key
    raise BadCertificate("its key is neither RSA nor of an elliptic curve")


def family(key: PrivateKey | PublicKey) -> str:
    """Which TLS suites and which of our issuers it goes with."""
    return RSA if isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey) else EC


def weakness(key: PublicKey) -> str:
    """Why it does not give 112 bits of security (A00.FR.501 to 503); "" if it does."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.key_size < _EC_BITS:
            return f"its elliptic curve has {key.curve.key_size} bits, and {_EC_BITS} are needed"
        return ""
    if key.key_size not in _RSA_BITS:
        return (
            f"its RSA key has {key.key_size} bits; {_RSA_BITS.start} to {_RSA_BITS.stop - 1} "
            "are allowed"
        )
    if key.public_numbers().e < _EXPONENT:
        return f"the exponent of its RSA key is below {_EXPONENT}"
    return ""


def spki(key: PublicKey) -> bytes:
    """Its SubjectPublicKeyInfo in DER."""
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def fingerprint(key: PublicKey) -> str:
    """SHA-256 of its SubjectPublicKeyInfo, hex."""
    return hashlib.sha256(spki(key)).hexdigest()


def hash_for(key: PrivateKey) -> Hash:
    """What it signs with (A00.FR.506): SHA-256, and no weaker than its curve."""
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.key_size > 256:
        return hashes.SHA384() if key.curve.key_size <= 384 else hashes.SHA512()
    return hashes.SHA256()


def padding_for(key: PrivateKey, name: str) -> padding.PSS | padding.PKCS1v15 | None:
    """How an RSA key signs (A00.FR.505); ``name`` is the setting `rsa_padding`."""
    if not isinstance(key, rsa.RSAPrivateKey):
        return None
    if name == "pss":
        return padding.PSS(padding.MGF1(hash_for(key)), padding.PSS.DIGEST_LENGTH)
    return padding.PKCS1v15()


def seal(key: PrivateKey, passphrase: bytes) -> bytes:
    """PKCS #8 in PEM, encrypted."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase),
    )


def unseal(pem: bytes, passphrase: bytes) -> PrivateKey:
    """A key that `seal` has kept. Raises BadCertificate."""
    # Who could alter our key files could replace them as well: what a check of an RSA key finds
    # is not worth its tenths of a second at each start.
    return _load(pem, passphrase, checked=False)


def read(pem: bytes, passphrase: bytes | None) -> PrivateKey:
    """A key that somebody brings, in PEM, encrypted or not. Raises BadCertificate."""
    return _load(pem, passphrase, checked=True)


def _load(pem: bytes, passphrase: bytes | None, *, checked: bool) -> PrivateKey:
    try:
        key = serialization.load_pem_private_key(
            pem, passphrase, unsafe_skip_rsa_key_validation=not checked
        )
    except TypeError as error:  # encrypted and no password, or the other way round
        needs = "is encrypted: its password is needed" if passphrase is None else "has no password"
        raise BadCertificate(f"the private key {needs}") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadCertificate(
            "the private key cannot be read: its password is another, or it is no key in PEM"
        ) from error
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise BadCertificate("the private key is neither RSA nor of an elliptic curve")
    return key
