"""The files of a report: a page that is well formed and harmless, JSON, and JUnit."""

import re
import time
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from msgspec import json
from msgspec.structs import replace

from tests.lab.reports import AT, CASES, LOG, PLAN, a_report, all_passed, failed, instead, judged
from voltkeep.lab.authority import Authority
from voltkeep.lab.report import Report, remove, write
from voltkeep.lab.report.flow import rows
from voltkeep.lab.report.junit import junit
from voltkeep.lab.report.page import page
from voltkeep.lab.verdicts import Entry, Kind, Verdict

VOID = {"meta", "input", "br", "hr", "img", "link"}
HOSTILE = [
    "<script>alert(1)</script>",
    "</pre></code><img src=x onerror=alert(1)>",
    "\" onmouseover='alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "]]></system-out>&amp;&#0;",
    "\x00\x08\x1b[31m\ufffe\uffff",
    "\ud800 \udfff",
    "\u202e\u2066 gnp.exe",
    "-----BEGIN CERTIFICATE-----AAAA-----END CERTIFICATE-----",
    "-----BEGIN CERTIFICATE-----" * 1000,
    '[2,"c1","<b>\\ud800\\u202e</b>",{"a":"</script>"}]',
    '[2,"c1","\\u202eteseR\\u0000",{"a":"\\u202e"}]',
    '[2,"c1",{"no":"action"},[[[]]]]',
    '[3,"nobody",null]',
    '[4,"c9"]',
    "[4,[],{}]",
    "[2]",
    "[" * 5000,
    "y" * 1_000_000,
    "é̷" * 500,
]


class Strict(HTMLParser):
    """Fails at what a browser would have to mend."""

    def __init__(self):
        super().__init__()
        self.open = []
        self.ids = []
        self.targets = set()
        self.tags = set()
        self.attributes = set()
        self.text = []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names))
        self.attributes |= set(names)
        given = dict(attrs)
        self.ids += [given["id"]] if "id" in given else []
        if (given.get("href") or "").startswith("#"):
            self.targets.add(given["href"][1:])
        if "for" in given:
            self.targets.add(given["for"])
        if tag == "p":
            assert "p" not in self.open
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def parsed(html):
    parser = Strict()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    assert len(parser.ids) == len(set(parser.ids))
    assert parser.targets <= set(parser.ids)
    return parser


def blank(html):
    return re.sub(r"<time>[^<]*</time>", "", html)


def later(judgement):
    """The same, only slower."""
    log = tuple(replace(entry, at=entry.at + 1.5) for entry in judgement.log)
    return replace(judgement, seconds=judgement.seconds + 2, log=log)


def a_diagram(*texts, kind=Kind.RECEIVED):
    return rows([Entry(0.0, kind, text) for text in texts])


# The page


def test_a_page_is_well_formed_and_needs_nothing_from_elsewhere():
    unclear = judged("TC_046", 1, Verdict.INCONCLUSIVE, remark="unknown", warnings=("odd",))
    html = page(a_report(instead(all_passed(), failed("TC_001", 2), unclear)))

    parser = parsed(html)

    assert html.startswith("<!DOCTYPE html>")
    assert not parser.tags & {"script", "link", "img", "iframe", "object", "form"}
    assert not {name for name in parser.attributes if name.startswith("on")} | (
        parser.attributes & {"src", "srcset", "style"}
    )
    assert not re.search(r"url\(|@import|https?://", html)


def test_a_page_says_whose_it_is_and_that_it_is_no_certificate():
    text = " ".join(" ".join(parsed(page(a_report())).text).split())

    for words in ("Gridmind", "Wattson & Co", "4.2", "JSON", "2026-03-01", "Bench in the cellar"):
        assert words in text
    assert "No certificate." in text
    assert "Security Profile 1 Pass All test cases passed" in text


def test_every_judgement_can_be_linked_to_and_is_drawn():
    parser = parsed(page(a_report()))

    played = {f"{case.id}-{profile}" for case in CASES for profile in (1, 2, 3)}
    assert played | {case.id for case in CASES} <= set(parser.ids)
    drawn = {text.strip() for text in parser.text}
    assert {"BootNotification.conf", "s1", "CALLERROR NotSupported to Reset"} <= drawn


def test_what_was_not_played_is_in_the_index_only():
    parser = parsed(page(a_report([judged("TC_001")], profiles=(1,))))

    assert "TC_013" in parser.text
    assert "TC_013" not in parser.ids


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda text: repr(text[:20]))
def test_whatever_a_csms_says_is_text_in_every_file(hostile, tmp_path):
    judgement = failed(
        "TC_001",
        came=hostile,
        expected=hostile,
        remark=hostile,
        warnings=(hostile,),
        log=tuple(Entry(0.0, kind, hostile) for kind in Kind),
    )
    plan = replace(PLAN, product=replace(PLAN.product, name=hostile[:200]))
    harmless = parsed(page(a_report([failed("TC_001", remark="x", warnings=("x",))])))

    path = write(a_report([judgement], plan=plan), tmp_path)

    html = path.read_text()
    parser = parsed(html)
    assert parser.tags <= harmless.tags | {"pre"}
    assert parser.attributes == harmless.attributes
    assert all(character.isprintable() or character == "\n" for character in html)
    assert len(html) < 300_000
    ET.parse(tmp_path / "junit.xml")
    json.decode((tmp_path / "report.json").read_bytes(), type=Report)


# The diagram


def test_an_answer_is_named_after_what_was_asked():
    drawn = rows(LOG)

    assert [(row.style, row.title) for row in drawn if row.style in {"sent", "received"}] == [
        ("sent", "BootNotification.req"),
        ("received", "BootNotification.conf"),
        ("received", "Reset.req"),
        ("sent", "CALLERROR NotSupported to Reset"),
    ]
    assert [row.is_answer for row in drawn][2:4] == [False, True]
    assert [row.id for row in drawn if row.id] == ["s1", "s1", "c1", "c1"]


def test_an_answer_to_nothing_is_seen_to_be_one():
    (row,) = a_diagram('[3,"nobody",{}]')

    assert (row.title, row.id, row.is_error) == ("Unasked.conf", "nobody", True)


def test_wire_logs_are_printed_only_if_that_is_wanted():
    html = page(a_report())

    assert "#whole:not(:checked) ~ main .flow { display: none; }" in html
    assert re.search(r'<input type="checkbox" id="whole">', html)


def test_numbers_of_a_payload_are_shown_as_they_were_written():
    (row,) = a_diagram('[2,"c1","SetChargingProfile",{"limit":6.0,"id":123456789012345678901234}]')

    assert row.text == '{"limit": 6.0, "id": 123456789012345678901234}'


def test_a_long_payload_is_folded():
    short, long = a_diagram('[3,"s1",{"a":1}]', f'[3,"s1",{{"a":"{"x" * 400}"}}]')

    assert not short.teaser
    assert long.teaser.endswith(" …")
    assert len(long.teaser) < 200 < len(long.text)


def test_a_certificate_is_shown_as_what_it_is():
    shown = Authority(AT, 'Amp "& Co').station("LAB-3")
    frame = json.encode([2, "c1", "CertificateSigned", {"certificateChain": shown.certificate}])

    (row,) = a_diagram(frame.decode())

    assert "[certificate of CN=LAB-3, O=Amp '& Co, issued by CN=" in row.text
    assert list(json.decode(row.text)) == ["certificateChain"]
    assert "BEGIN" not in row.text


def test_what_only_looks_like_a_certificate_is_said_to_be_unreadable():
    (row,) = a_diagram("-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----")

    assert row.text == "[certificate, unreadable]"


def test_a_flood_is_drawn_as_how_it_began_and_ended():
    log = [Entry(0.0, Kind.RECEIVED, f"{number}" + "x" * 12_000) for number in range(2_000)]

    drawn = rows(log)

    assert len(drawn) == 401
    assert drawn[300].title == "1,600 entries are left out here: report.json has them"
    assert drawn[0].text.startswith("0x")
    assert drawn[-1].text.startswith("1999x")
    assert sum(len(row.text) for row in drawn) < 200_000


# The files


def test_the_same_judgements_make_the_same_files_but_for_times(tmp_path):
    judgements = instead(all_passed(), failed("TC_001", 2))
    once = a_report(judgements)
    again = a_report(list(reversed(judgements)))
    slower = a_report([later(each) for each in judgements])

    for folder, report in (("once", once), ("again", again)):
        write(report, tmp_path / folder)

    for name in ("report.html", "report.json", "junit.xml"):
        first, second = (tmp_path / folder / name for folder in ("once", "again"))
        assert first.read_bytes() == second.read_bytes()
    assert page(once) != page(slower)
    assert blank(page(once)) == blank(page(slower))


def test_json_is_the_report_and_says_its_format(tmp_path):
    report = a_report(instead(all_passed(), failed("TC_001", 2)))

    write(report, tmp_path)

    content = (tmp_path / "report.json").read_bytes()
    assert json.decode(content, type=Report) == report
    plain = json.decode(content)
    assert plain["format"] == 1
    assert plain["cases"][0]["judgements"][1]["verdict"] == "fail"
    assert plain["summary"]["functionalities"][3]["outcome"] == "Fail"


def test_junit_has_a_suite_for_each_profile():
    unclear = judged("TC_013", 2, Verdict.INCONCLUSIVE, remark="no URL", warnings=("odd",))
    root = ET.fromstring(junit(a_report(instead(all_passed(), failed("TC_001", 2), unclear))))

    suites = root.findall("testsuite")
    assert [suite.get("name") for suite in suites] == [f"Security profile {n}" for n in (1, 2, 3)]
    second = suites[1]

    def found(case, tag):
        return second.find(f"testcase[@name='{case} Name of {case}']/{tag}")

    counts = [second.get(name) for name in ("tests", "failures", "errors", "skipped")]
    assert counts == ["6", "1", "1", "1"]
    assert found("TC_001", "failure").get("message") == "expected Accepted; came Rejected"
    assert found("TC_013", "error").get("message") == "no URL"
    assert found("TC_013", "system-err").text == "odd"
    assert found("TC_074", "skipped").get("message") == "not here"
    assert '-> [2,"s1","BootNotification"' in found("TC_046", "system-out").text


def test_a_run_that_was_stopped_is_seen_to_be_in_each_file(tmp_path):
    report = a_report([judged("TC_001", 1)], chosen={"TC_001", "TC_013"}, profiles=(1, 2))

    path = write(report, tmp_path)

    text = " ".join(" ".join(parsed(path.read_text()).text).split())
    assert "Not complete. The run was stopped: 1 of 4 judgements were made." in text
    assert json.decode((tmp_path / "report.json").read_bytes())["stopped"] is True
    first, second = ET.parse(tmp_path / "junit.xml").getroot()
    assert [first.get(name) for name in ("tests", "errors")] == ["2", "1"]
    assert [second.get(name) for name in ("tests", "errors")] == ["2", "2"]
    error = first.find("testcase[@name='TC_013 Name of TC_013']/error")
    assert error is not None
    assert error.get("type") == "stopped"


def test_an_earlier_report_is_removed_and_nothing_else(tmp_path):
    write(a_report(), tmp_path)
    (tmp_path / "server.log").touch()

    remove(tmp_path)
    remove(tmp_path / "nothing")

    assert [path.name for path in tmp_path.iterdir()] == ["server.log"]


def test_a_file_is_whole_or_not_there(tmp_path, monkeypatch):
    write(a_report(), tmp_path)
    before = (tmp_path / "report.html").read_bytes()

    def broken(*_):
        raise OSError("the disk is full")

    monkeypatch.setattr(Path, "replace", broken)
    with pytest.raises(OSError, match="full"):
        write(a_report([failed("TC_001")]), tmp_path)

    assert (tmp_path / "report.html").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "junit.xml",
        "report.html",
        "report.json",
    ]


def test_a_full_run_is_written_soon_and_small(tmp_path):
    """250 judgements of some 40 frames; processor time, so that a busy machine does not matter."""
    cases = [replace(CASES[0], id=f"TC_{number:03}") for number in range(84)]
    log = LOG * 5
    judgements = [judged(case.id, profile, log=log) for case in cases for profile in (1, 2, 3)]
    began = time.process_time()

    path = write(a_report(judgements, cases=cases), tmp_path)

    assert time.process_time() - began < 2
    assert path.stat().st_size < 5_000_000
