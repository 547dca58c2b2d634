"""The description of the API: complete, true, and checked in."""

from pathlib import Path

import pytest
import schemathesis
from jsonschema import Draft202012Validator
from litestar.handlers import HTTPRouteHandler

from tests.web.api.conftest import Api, running_api
from voltkeep.domain.accounts import Permission
from voltkeep.web.auth import ANYBODY, NEEDS, PUBLIC
from voltkeep.web.openapi import names_of

API = Api()
DOCUMENT = API.app.state.schema.document
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if f"{method.upper()} {path}" in names_of(DOCUMENT)
}
CHECKED_IN = Path(__file__).parents[3] / "docs" / "reference" / "openapi.json"


def bodies(operation):
    """Each body that an operation takes or returns, with its schema and its example."""
    yield from operation.get("requestBody", {}).get("content", {}).items()
    for response in operation["responses"].values():
        yield from response.get("content", {}).items()


def validator(schema):
    return Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def test_the_description_is_the_one_that_is_checked_in():
    assert CHECKED_IN.read_bytes().strip() == API.app.state.schema.content, (
        "run `make generate`, and look at what changed"
    )


@pytest.mark.parametrize("path", ["/schema", "/schema/openapi.json", "/schema/swagger"])
async def test_what_litestar_would_serve_of_its_own_is_closed(path):
    async with running_api() as api:
        answer = await api.client.get(f"http://voltkeep.test{path}")
        assert answer.status_code in {403, 404}


async def test_the_description_is_served_to_everybody():
    answer = await API.by(None).get("/openapi.json")
    assert answer.status_code == 200
    assert answer.json() == DOCUMENT
    assert DOCUMENT["openapi"].startswith("3.1.")


def test_every_route_says_what_it_needs():
    """But those that Litestar adds by itself: they are closed to everybody."""
    for route in API.app.routes:
        if route.path.startswith("/schema"):
            continue
        for handler in getattr(route, "route_handlers", ()):
            if isinstance(handler, HTTPRouteHandler) and handler.http_methods != {"OPTIONS"}:
                needs = handler.opt.get(NEEDS)
                any_of = needs if isinstance(needs, tuple) else (needs,)
                assert any_of, (route.path, handler)
                assert {*any_of} <= {PUBLIC, ANYBODY, *Permission}, (route.path, handler)


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_named_described_and_has_an_example_of_each_body(name):
    operation = OPERATIONS[name]
    assert operation["summary"], name
    assert operation["tags"], name
    for media_type, media in bodies(operation):
        if "json" in media_type:
            assert "example" in media or "examples" in media, (name, media_type)


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_example_fits_its_schema(name):
    for media_type, media in bodies(OPERATIONS[name]):
        examples = [each["value"] for each in media.get("examples", {}).values()]
        if "example" in media:
            examples.append(media["example"])
        for example in examples:
            errors = list(validator(media["schema"]).iter_errors(example))
            assert not errors, (name, media_type, errors[0].message)


def test_operations_are_told_apart_by_their_ids():
    ids = [operation["operationId"] for operation in OPERATIONS.values()]
    assert sorted(ids) == sorted(set(ids))


def test_the_description_is_openapi_31():
    schemathesis.openapi.from_dict(DOCUMENT).validate()


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_says_what_it_answers(name):
    """Also when it refuses, and with which headers."""
    responses = OPERATIONS[name]["responses"]
    assert {"4XX", "5XX"} <= responses.keys()
    for status, response in responses.items():
        assert "X-Request-Id" in response["headers"], (name, status)
        if status.startswith("2") and status != "204":
            assert response["content"], (name, status)
            for media in response["content"].values():
                assert media["schema"], (name, status)
                assert "example" in media or "examples" in media, (name, status)


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_file_that_is_sent_is_described(name):
    method, path = name.split()
    if method in {"PUT", "POST"} and path.endswith("/content"):
        assert OPERATIONS[name]["requestBody"]["content"]


def named(name, where="header"):
    return {
        each["name"] for each in OPERATIONS[name].get("parameters", ()) if each.get("in") == where
    }


def test_what_is_edited_has_an_etag_to_be_changed_with():
    edited = [name for name in OPERATIONS if "If-Match" in named(name)]
    assert len(edited) > 5
    for name in edited:
        path = name.split()[1]
        shown = OPERATIONS[f"GET {path}"]["responses"]["200"]
        assert "ETag" in shown["headers"], name


def test_a_command_says_where_it_is_and_is_given_once():
    name = "POST /api/v1/stations/{station}/commands"
    assert "Idempotency-Key" in named(name)
    for each in (name, "POST /api/v1/commands/bulk"):
        assert "Location" in OPERATIONS[each]["responses"]["202"]["headers"]


def test_who_has_several_tenants_may_name_one_wherever_a_key_is_needed():
    tenant = {"$ref": "#/components/parameters/Tenant"}
    for name, operation in OPERATIONS.items():
        is_open = operation.get("security") == []
        assert (tenant in operation["parameters"]) is not is_open, name
