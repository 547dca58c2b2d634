"""Each rule that a certificate of ours holds to, broken once."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.pki.making import CLIENT, NOON, SERVER, ec_key, name, usage
from voltkeep.pki import lints
from voltkeep.pki.issuer import Issuer, Wish
from voltkeep.pki.profiles import Kind, ProfileConfig, profile

PROFILES = {kind: profile(ProfileConfig(kind=kind, days=100)) for kind in Kind}
_SERIAL = 1 << 100


def _root():
    key = ec_key("root of the lints")
    wish = Wish(
        organization="Operator",
        common_name="Root",
        key=key.public_key(),
        profile=PROFILES[Kind.ROOT],
    )
    return Issuer(name="root", key=key, chain=(), padding="pkcs1").issue(wish, NOON)


ROOT = _root()
KEY = ec_key("linted")


class Recipe:
    """A good certificate of a kind, to be spoilt before it is made."""

    def __init__(self, kind=Kind.STATION, hosts=()):
        self.kind = kind
        self.subject = name(hosts[0] if hosts else "SN-1")
        self.issuer = ROOT.subject
        self.key = KEY.public_key()
        self.serial = _SERIAL
        self.begins, self.ends = NOON, NOON + timedelta(days=30)
        self.algorithm = hashes.SHA256()
        self.parent = ROOT
        wanted = PROFILES[kind]
        key_of_parent = ROOT.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        self.extensions = {
            "basic": (x509.BasicConstraints(wanted.is_authority, wanted.path_length), True),
            "usage": (wanted.usage("ec"), True),
            "ski": (x509.SubjectKeyIdentifier.from_public_key(self.key), False),
            "aki": (
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(key_of_parent),
                False,
            ),
        }
        if wanted.purpose:
            self.extensions["purpose"] = (x509.ExtendedKeyUsage([wanted.purpose]), False)
        if hosts:
            names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
            self.extensions["names"] = (names, False)

    def draft(self):
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.subject)
            .issuer_name(self.issuer)
            .public_key(self.key)
            .serial_number(self.serial)
            .not_valid_before(self.begins)
            .not_valid_after(self.ends)
        )
        for extension, critical in self.extensions.values():
            builder = builder.add_extension(extension, critical)
        certificate = builder.sign(ec_key("root of the lints"), self.algorithm)
        return lints.Draft(certificate, self.parent, PROFILES[self.kind])


def server():
    return Recipe(Kind.SERVER, ("csms.example", "localhost"))


def station():
    return Recipe(Kind.STATION)


def authority():
    return Recipe(Kind.ISSUER)


def put(attribute, value):
    return lambda recipe: setattr(recipe, attribute, value)


def extend(part, extension, *, critical=False):
    return lambda recipe: recipe.extensions.update({part: (extension, critical)})


def leave_out(part):
    return lambda recipe: recipe.extensions.pop(part)


def weak_hash(recipe):
    """SHA-1, which `cryptography` does not sign with."""

    class Certificate:
        signature_hash_algorithm = hashes.SHA1()

    recipe.draft = lambda: lints.Draft(Certificate(), ROOT, PROFILES[Kind.STATION])


def version_1(recipe):
    class Certificate:
        version = x509.Version.v1

    recipe.draft = lambda: lints.Draft(Certificate(), ROOT, PROFILES[Kind.STATION])


def not_an_authority(recipe):
    recipe.parent = station().draft().certificate
    recipe.issuer = recipe.parent.subject


def below_a_short_path(recipe):
    recipe.parent = authority().draft().certificate


TWO_NAMES = x509.Name([*name(), x509.NameAttribute(NameOID.COMMON_NAME, "SN-2")])
TWO_OWNERS = x509.Name([*name(), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Other")])
A_COUNTRY = name(extra=[(NameOID.COUNTRY_NAME, "NL")])
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
OTHER_KEY = x509.SubjectKeyIdentifier.from_public_key(ec_key("other").public_key())
SAN = x509.SubjectAlternativeName([x509.DNSName("SN-1")])

BROKEN = [
    (lints.is_version_3, station, version_1),
    (lints.has_a_serial_number_nobody_guesses, station, put("serial", 4711)),
    (lints.is_signed_with_a_good_hash, station, weak_hash),
    (lints.names_its_issuer, station, put("issuer", name("Somebody"))),
    (lints.lives_as_long_as_its_profile_allows, station, put("ends", NOON + timedelta(days=101))),
    (lints.lives_within_its_issuer, station, put("ends", NOON + timedelta(days=100, hours=1))),
    (lints.lives_within_its_issuer, station, put("begins", NOON - timedelta(days=1))),
    (lints.names_one_owner, station, put("subject", name(organization=None))),
    (lints.names_one_owner, station, put("subject", TWO_OWNERS)),
    (lints.names_one_owner, station, put("subject", name(organization="A\u202eB"))),
    (lints.has_one_common_name, station, put("subject", name(common_name=None))),
    (lints.has_one_common_name, station, put("subject", TWO_NAMES)),
    (lints.has_one_common_name, station, put("subject", name("SN-1 "))),
    (lints.says_nothing_else_of_its_owner, station, put("subject", A_COUNTRY)),
    (lints.names_the_server_it_is_for, server, put("subject", name("other.example"))),
    (lints.is_not_taken_for_a_server, station, extend("names", SAN)),
    (lints.is_not_taken_for_a_server, station, put("subject", name("192.0.2.1"))),
    (lints.has_a_strong_key, station, put("key", ec_key("w", ec.SECP192R1).public_key())),
    (
        lints.has_a_strong_key,
        station,
        put("key", ed25519.Ed25519PrivateKey.generate().public_key()),
    ),
    (lints.says_whether_it_is_an_authority, station, leave_out("basic")),
    (
        lints.says_whether_it_is_an_authority,
        station,
        extend("basic", x509.BasicConstraints(True, None), critical=True),
    ),
    (
        lints.says_whether_it_is_an_authority,
        station,
        extend("basic", x509.BasicConstraints(False, None)),
    ),
    (
        lints.says_whether_it_is_an_authority,
        authority,
        extend("basic", x509.BasicConstraints(True, 3), critical=True),
    ),
    (lints.may_be_issued_by_its_issuer, station, not_an_authority),
    (lints.may_be_issued_by_its_issuer, authority, below_a_short_path),
    (lints.is_restricted_to_its_use, station, leave_out("usage")),
    (
        lints.is_restricted_to_its_use,
        station,
        extend("usage", usage(digital_signature=True, key_cert_sign=True), critical=True),
    ),
    (lints.is_restricted_to_its_purpose, station, leave_out("purpose")),
    (lints.is_restricted_to_its_purpose, station, extend("purpose", SERVER)),
    (
        lints.is_restricted_to_its_purpose,
        station,
        extend("purpose", x509.ExtendedKeyUsage([*CLIENT, ExtendedKeyUsageOID.CODE_SIGNING])),
    ),
    (lints.is_restricted_to_its_purpose, authority, extend("purpose", CLIENT)),
    (lints.identifies_its_key, station, leave_out("ski")),
    (lints.identifies_its_key, station, extend("ski", OTHER_KEY)),
    (lints.identifies_its_issuers_key, station, leave_out("aki")),
    (
        lints.identifies_its_issuers_key,
        station,
        extend("aki", x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(OTHER_KEY)),
    ),
    (lints.holds_no_other_extension, station, extend("unknown", UNKNOWN, critical=True)),
]


@pytest.mark.parametrize("recipe", [server, station, authority], ids=lambda each: each.__name__)
def test_a_good_certificate_breaks_no_rule(recipe):
    assert lints.problems(recipe().draft()) == []


@pytest.mark.parametrize(
    ("lint", "recipe", "spoil"), BROKEN, ids=[each[0].__name__ for each in BROKEN]
)
def test_a_rule_finds_what_breaks_it(lint, recipe, spoil):
    good, bad = recipe(), recipe()
    spoil(bad)

    assert lint(good.draft()) == ""
    assert lint(bad.draft()) != ""


def test_every_rule_is_broken_here_and_cites_its_paragraph():
    assert {lint for lint, _, _ in BROKEN} == set(lints.LINTS)
    for lint in lints.LINTS:
        assert any(word in str(lint.__doc__) for word in ("4.", "A00.FR", "outlives", "checked"))


def test_every_rule_is_told_to_operators():
    page = Path(__file__).parents[2] / "docs" / "howto" / "certificates.md"
    told = re.findall(r"^\| `(\w+)` \|", page.read_text(), re.MULTILINE)

    assert told == [lint.__name__ for lint in lints.LINTS]
