"""What cases do where a plan is special, or where it is not the CSMS that is to blame."""

import pytest
from msgspec import structs

from tests.lab.csms.certificates import Authority
from tests.lab.csms.out import CALL
from tests.lab.csms.running import running
from tests.lab.fault import CASES, PATIENT
from tests.lab.spoils import wishes
from voltkeep.lab.run import run
from voltkeep.lab.verdicts import Verdict


def signs_late(seconds):
    """What was signed goes out so much later."""
    return lambda state: state.spoilings.append(
        lambda _, out: (
            [out._replace(pause_s=seconds), out] if out.action == "CertificateSigned" else [out]
        )
    )


async def played(case, plan, driver, profile=1):
    [judgement] = await run(plan, driver, [CASES[case]], [profile])
    return judgement


@pytest.mark.parametrize("token", ["valid", "blocked"])
async def test_a_token_without_letters_has_no_letter_case(token):
    async with running() as tested:
        tokens = structs.replace(tested.plan.tokens, **{token: "0123456789"})
        plan = structs.replace(tested.plan, tokens=tokens)
        judgement = await played("LAB_23", plan, tested.driver)

    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "no letters" in judgement.remark


@pytest.mark.parametrize(
    ("case", "profile", "name"),
    [
        ("TC_075_1", 2, "manufacturer_root"),
        ("TC_075_2", 3, "csms_root"),
        ("TC_076", 1, "csms_root"),
        ("TC_078", 2, "csms_root"),
    ],
)
async def test_the_root_that_is_installed_is_that_of_the_plan(case, profile, name):
    root = Authority("A root that the CSMS knows").root
    installed = set()

    def sees(link, out):
        if out.type == CALL and out.action == "InstallCertificate":
            installed.add(out.payload["certificate"])
        return [out]

    async with running(lambda state: state.spoilings.append(sees)) as tested:
        files = structs.replace(tested.plan.files, **{name: root})
        plan = structs.replace(tested.plan, files=files)
        judgement = await played(case, plan, tested.driver, profile)

    assert judgement.verdict is Verdict.PASS
    assert installed == {root}


@pytest.mark.parametrize("case", ["TC_074", "TC_077"])
async def test_a_salted_signature_is_as_recommended_and_worth_a_warning(case):
    async with running(wishes(station={"signer": "rsa", "is_salted": True})) as tested:
        plan = structs.replace(tested.plan, key_algorithm="rsa")
        judgement = await played(case, plan, tested.driver, 3)

    assert "RSASSA-PSS" in "".join(judgement.warnings)


async def test_a_certificate_may_take_as_long_as_an_order():
    """A person may have to approve of it first."""
    deadlines = structs.replace(PATIENT, answer_s=2.0)
    async with running(signs_late(2.2), deadlines=deadlines) as tested:
        judgement = await played("TC_074", tested.plan, tested.driver, 3)

    assert judgement.verdict is Verdict.PASS


@pytest.mark.parametrize("case", ["TC_073", "LAB_16"])
async def test_a_key_that_the_csms_has_given_up_in_the_middle_counts_no_more(case):
    """It has closed the connection before the answer came, and goes on with the key before."""

    def gives_up(state):
        def spoil(_, out):
            is_it = out.type == CALL and out.action == "ChangeConfiguration"
            return [out, out._replace(closes=True)] if is_it else [out]

        state.spoilings.append(spoil)

    async with running(gives_up) as tested:
        first, second = await run(tested.plan, tested.driver, [CASES[case], CASES["TC_001"]], [1])

    assert (first.verdict, second.verdict) == (Verdict.FAIL, Verdict.PASS)
