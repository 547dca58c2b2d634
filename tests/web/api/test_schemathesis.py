"""Whatever anybody sends: no 500, no answer off the description, nothing taken that it refuses.

schemathesis makes the requests from the description, good ones and bad ones, always the same. They
go to a real listener with real services behind it, where one of everything exists (`whole.ID`).
"""

import copy

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.config import SchemathesisConfig

from tests.web.api.conftest import Api
from tests.web.api.whole import ID, Running

_EXAMPLES = 6
_LONGEST_WAIT_S = 0.05
_ENDLESS = {"/api/v1/events"}  # tests/web/api/test_events.py
_STREAMED = {"/api/v1/imports"}  # bodies that are no JSON: tests/web/api/test_imports.py

_CONFIG = {
    "checks": {
        # What a schema allows may still not fit what there is: that is told with 409 or 422.
        "positive_data_acceptance": {"enabled": False},
        "negative_data_rejection": {
            "expected-statuses": [400, 401, 403, 404, 405, 406, 409, 413, 415, 422]
        },
        # Busy and away are answers, and have a Retry-After.
        "not_a_server_error": {"expected-statuses": ["2xx", "3xx", "4xx", 502, 503, 507]},
    },
    "generation": {"mode": "all", "no-shrink": True, "database": "none", "deterministic": True},
}


def described():
    """The description, with the ids of what is there; and always of the tenant that is there."""
    document = copy.deepcopy(Api().app.state.schema.document)
    for path, item in list(document["paths"].items()):
        if path in _ENDLESS or any(path.startswith(each) for each in _STREAMED):
            del document["paths"][path]
            continue
        for operation in item.values():
            operation["parameters"] = [_known(each) for each in operation["parameters"]]
            operation["parameters"] = [each for each in operation["parameters"] if each]
    return document


def _known(parameter):
    if "$ref" in parameter:
        return None
    if parameter["in"] == "path":
        return {**parameter, "schema": {"anyOf": [{"enum": [ID]}, parameter["schema"]]}}
    return parameter


SCHEMA = schemathesis.openapi.from_dict(described(), config=SchemathesisConfig.from_dict(_CONFIG))


@pytest.fixture(scope="module")
def running(migrated_file, tmp_path_factory):
    """One for all tests of this process: they share what is in it."""
    directory = tmp_path_factory.mktemp("whole")
    path = directory / "voltkeep.db"
    path.write_bytes(migrated_file.read_bytes())
    running = Running(directory, f"sqlite:///{path}")
    yield running
    running.close()


@pytest.fixture
def filled(running):
    """With what the tests before may have taken away."""
    running.run(running.api.fill())
    return running


@SCHEMA.parametrize()
@settings(
    max_examples=_EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_nothing_that_is_sent_breaks_the_api_or_its_description(case, filled):
    wait = (case.query or {}).get("wait")
    if isinstance(wait, int | float) and _LONGEST_WAIT_S < wait <= 60:  # nobody ends a command here
        case.query["wait"] = _LONGEST_WAIT_S
    case.call_and_validate(
        base_url=filled.url,
        headers={"Authorization": f"Bearer {filled.token}"},
        timeout=20,
    )
