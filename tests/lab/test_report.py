"""The report: what it concludes of the judgements, and what it never tells."""

import random

import pytest
from msgspec.structs import replace

from tests.lab.reports import (
    AT,
    CASES,
    HEX_KEY,
    KEY,
    PLAN,
    a_report,
    all_passed,
    failed,
    instead,
    judged,
)
from voltkeep.lab.report import lines
from voltkeep.lab.verdicts import Entry, Kind, Verdict


def outcomes(report):
    return {row.name: (row.outcome, row.remark) for row in report.summary.functionalities}


PASSED = ("Pass", "All test cases passed")


def test_the_summary_has_the_functionalities_of_a_certificate_in_their_order():
    assert list(outcomes(a_report())) == [
        "Security Profile 1",
        "Security Profile 2",
        "Security Profile 3",
        "Core",
        "Firmware Management",
        "Local Auth List Management",
        "Reservation",
        "Smart Charging",
        "Remote Trigger",
    ]


def test_what_passed_on_every_profile_is_a_pass():
    told = outcomes(a_report())

    assert {told[f"Security Profile {profile}"] for profile in (1, 2, 3)} == {PASSED}
    assert told["Core"] == told["Reservation"] == PASSED
    assert told["Smart Charging"] == ("N/A", "No test case applies")


def test_one_failure_on_one_profile_fails_a_functionality_and_is_named():
    told = outcomes(a_report(instead(all_passed(), failed("TC_013", 2), failed("TC_013", 3))))

    assert told["Core"] == ("Fail", "TC_013 (security profile 2, 3) failed")
    assert told["Reservation"] == PASSED


def test_a_security_case_fails_the_profile_on_which_it_failed():
    told = outcomes(a_report(instead(all_passed(), failed("TC_085", 2))))

    assert told["Security Profile 2"] == ("Fail", "TC_085 failed")
    assert told["Security Profile 1"] == told["Security Profile 3"] == PASSED


def test_what_is_inconclusive_is_no_pass():
    unclear = judged("TC_001", 1, Verdict.INCONCLUSIVE, remark="the plan has no station")

    told = outcomes(a_report(instead(all_passed(), unclear)))

    assert told["Core"] == ("Incomplete", "TC_001 (security profile 1) inconclusive")


def test_what_was_played_in_part_is_no_pass():
    played = [judged("TC_001", profile) for profile in (1, 2, 3)]

    report = a_report(played, chosen={"TC_001"})

    told = outcomes(report)
    assert told["Core"] == ("Incomplete", "Not all test cases were played: 1 of 2 are missing")
    none = ("N/A", "No test case of it was chosen")
    assert told["Reservation"] == told["Security Profile 1"] == none
    assert not report.stopped


def test_a_run_that_was_stopped_is_no_smaller_run():
    report = a_report([judged("TC_001", 1), judged("TC_013", 1)], chosen={"TC_001", "TC_013"})
    began = a_report([judged("TC_001", 1)])

    assert report.stopped
    assert [case.missing for case in report.cases][:3] == [(2, 3), (2, 3), ()]
    stopped = ("Incomplete", "The run was stopped: 2 of 2 are missing")
    assert outcomes(report)["Core"] == outcomes(began)["Core"] == stopped
    assert outcomes(report)["Reservation"] == ("N/A", "No test case of it was chosen")
    assert {row.outcome for row in began.summary.functionalities[:4]} == {"Incomplete"}
    assert "The run was stopped: 2 of 6 judgements were made." in lines(report)


def test_a_run_that_came_to_its_end_was_not_stopped():
    report = a_report()

    assert not report.stopped
    assert not any(case.missing for case in report.cases)
    assert not any("stopped" in line for line in lines(report))


def test_what_the_product_does_not_claim_is_not_applicable():
    unclaimed = replace(PLAN, unsupported=("Reservation",), csms=replace(PLAN.csms, urls={1: ""}))

    told = outcomes(a_report(plan=unclaimed, profiles=(1,)))

    assert told["Reservation"] == ("N/A", "Not claimed by the product")
    assert told["Security Profile 2"] == ("N/A", "The plan has no URL for it")
    assert told["Security Profile 1"] == PASSED


def test_a_profile_that_was_not_run_is_not_applicable():
    told = outcomes(a_report(all_passed(profiles=(1,)), profiles=(1,)))

    assert told["Security Profile 3"] == ("N/A", "Not part of this run")
    assert told["Core"] == PASSED


def test_many_failures_are_named_in_part():
    cases = [replace(CASES[0], id=f"TC_{number:03}") for number in range(9)]

    told = outcomes(a_report([failed(case.id) for case in cases], cases=cases, profiles=(1,)))

    assert told["Core"][1] == "TC_000, TC_001, TC_002, TC_003, TC_004 and 4 more failed"


def test_a_case_counts_by_its_worst_verdict_and_ours_count_apart():
    report = a_report(instead(all_passed(), failed("TC_001", 3), failed("LAB_01", 1)))

    official, own = report.summary.official, report.summary.own
    assert (official.total, official.judged, official.passed, official.failed) == (5, 5, 4, 1)
    assert (own.total, own.failed) == (1, 1)
    assert report.cases[0].verdict is Verdict.FAIL
    assert {row.outcome for row in report.summary.functionalities} == {"Pass", "Fail", "N/A"}
    on_1 = report.summary.by_profile[0]
    assert (on_1.official.passed, on_1.official.not_applicable, on_1.own.failed) == (4, 1, 1)


def test_our_own_cases_decide_no_functionality():
    assert outcomes(a_report(instead(all_passed(), failed("LAB_01", 1)))) == outcomes(a_report())


def test_the_order_in_which_judgements_came_does_not_show():
    judgements = instead(all_passed(), failed("TC_001", 3))
    shuffled = random.Random(1).sample(judgements, len(judgements))

    assert a_report(shuffled) == a_report(judgements)


def test_the_date_is_the_laboratorys_or_that_of_the_run():
    told = replace(PLAN, laboratory=replace(PLAN.laboratory, date="in March"))

    assert a_report().date == "2026-03-01"
    assert a_report(plan=told).date == "in March"


@pytest.mark.parametrize(
    "text",
    [
        f"the password {KEY} was sent",
        f"the password {HEX_KEY.upper()} was sent",
        f"the password {KEY.encode().hex()} was sent",
        f"Authorization: Basic TEFCLTE6{'QWJDZEVmMDEyMzQ1Njc4OQ=='}",
        '{"authorization":"basic c29tZWJvZHk6c2VjcmV0"}',
        "came -----BEGIN PRIVATE KEY-----\nMIGHAgEA secret\n-----END PRIVATE KEY----- and so on",
        "came -----BEGIN EC PRIVATE KEY-----\nMIGHAgEA secret",
    ],
)
def test_secrets_are_in_no_part_of_a_report(text):
    judgement = failed(
        "TC_001",
        came=text,
        expected=text,
        remark=text,
        step=text,
        warnings=(text,),
        log=(Entry(0.0, Kind.RECEIVED, text),),
    )

    told = repr(a_report([judgement]).cases[0].judgements).lower()

    for secret in (
        KEY,
        KEY.encode().hex(),
        HEX_KEY,
        "QWJDZEVmMDEyMzQ1Njc4OQ",
        "c29tZWJvZHk6c2VjcmV0",
        "MIGHAgEA",
    ):
        assert secret.lower() not in told


def test_nothing_that_acts_on_a_terminal_or_breaks_a_file_is_kept():
    hostile = "a\x00b\x1b[2Jc\ud800d\u202ee\r\nf\u200bg"
    report = a_report([failed("TC_001", came=hostile)])

    came = report.cases[0].judgements[0].came
    assert came.isprintable()
    assert came.startswith("a�b�[2Jc�d�e  f�g")
    assert all(line.isprintable() for line in lines(report))


def test_endless_words_are_cut_and_say_so():
    came = a_report([failed("TC_001", came="x" * 1_000_000)]).cases[0].judgements[0].came

    assert len(came) < 13_000
    assert came.endswith("… (1,000,000 characters)")


def test_the_summary_for_a_terminal_says_what_failed_and_that_it_is_no_certificate():
    told = lines(a_report(instead(all_passed(), failed("TC_013", 2))))

    assert "Core                        Fail        TC_013 (security profile 2) failed" in told
    assert "Cases of OCA's list:   5 of 5 judged: 4 passed, 1 failed" in told
    assert "TC_013     failed on security profile 2" in told
    assert "It is not a certificate" in told[-1]


def test_what_did_not_pass_is_a_line_of_a_case_in_the_summary_for_a_terminal():
    told = lines(a_report([failed(case.id, profile) for case in CASES for profile in (1, 2, 3)]))

    assert sum("failed on security profile 1, 2, 3" in line for line in told) == len(CASES)
    assert not any("came Rejected" in line for line in told)


def test_no_entry_is_later_than_the_end_of_its_case():
    log = (Entry(2.00046, Kind.NOTE, "the last"),)
    (judgement,) = a_report([judged("TC_001", seconds=2.00047, log=log)]).cases[0].judgements

    assert judgement.log[0].at <= judgement.seconds
    assert f"{judgement.log[0].at:.3f}" == f"{judgement.seconds:.3f}"


def test_a_report_knows_what_each_case_is_for():
    case = a_report().cases[0]

    assert case.purpose == "It does what it must. And no more."
    assert case.steps == ("The station boots",)
    assert a_report().started_at == AT.replace(microsecond=0)
