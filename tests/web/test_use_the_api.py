"""What the how-to about the API tells to type does what it says."""

import re
import shlex
from pathlib import Path

import httpx
import pytest

from tests.web.api.whole import Running

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "use-the-api.md").read_text()
EXAMPLES = re.findall(r"^curl .*$", PAGE, re.MULTILINE)
STATUSES = (200, 200, 201, 412, 202, 400)
"""What each is answered with, in the order of the page."""


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    running = Running(tmp_path_factory.mktemp("howto"))
    yield running
    running.close()


def sent(running, line):
    """Do what curl would."""
    words = shlex.split(line)[1:]
    method, headers, body, url = "", {}, None, ""
    while words:
        match words.pop(0):
            case "-X":
                method = words.pop(0)
            case "-H":
                name, _, value = words.pop(0).partition(": ")
                headers[name] = value.replace("$KEY", running.token)
            case "--json":
                body = words.pop(0)
                headers["Content-Type"] = "application/json"
            case address:
                url = address.replace("$API", f"{running.url}/api/v1")
    return httpx.request(
        method or ("GET" if body is None else "POST"), url, headers=headers, content=body
    )


def test_each_example_is_answered_as_the_page_says(running):
    assert len(EXAMPLES) == len(STATUSES)
    for line, status in zip(EXAMPLES, STATUSES, strict=True):
        answer = sent(running, line)
        assert answer.status_code == status, (line, answer.text)
        if status >= 400:
            assert answer.json()["status"] == status
    assert answer.json()["errors"][0]["field"] == "limit"


def test_the_page_tells_of_every_status_that_problems_have(running):
    told = set(map(int, re.findall(r"`(\d{3})`", PAGE)))
    assert {400, 401, 403, 404, 408, 409, 412, 413, 414, 415, 422, 429, 431, 503} <= told
