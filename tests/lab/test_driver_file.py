"""The file of a driver for any HTTP API: what it may say, and its mistakes with their lines."""

from pathlib import Path

import pytest

from voltkeep.lab.driver import OPERATIONS, Driver
from voltkeep.lab.drivers.http import Request
from voltkeep.lab.drivers.load import load_driver
from voltkeep.lab.drivers.samples import samples
from voltkeep.lab.toml_file import Mistakes

SECRET = "hunter2-of-the-laboratory"
OURS = Path(__file__).parents[2] / "src/voltkeep/lab/drivers/voltkeep.toml"


def test_every_operation_has_samples_of_all_its_arguments():
    for name, arguments in OPERATIONS.items():
        for _, sample in samples(name):
            assert tuple(sample) == arguments, name
            assert hasattr(Driver, name)


def test_the_file_for_voltkeep_has_no_mistake_and_every_operation():
    environ = {"VOLTKEEP_SERVER": "http://127.0.0.1:8080", "VOLTKEEP_API_KEY": "k"}

    driver = load_driver(OURS, environ)

    assert set(driver.file.operations) == set(OPERATIONS)


START = 'base_url = "https://csms.example"\n'

MISTAKES = {
    "no TOML": (START + "[operations\n", 2, "it is no TOML"),
    "no end": (START + 'x = """\n', 3, "it is no TOML"),
    "no base": ("timeout_s = 1\n", 1, "base_url is missing"),
    "no URL": ('\nbase_url = "csms.example"\n', 2, "no URL of http"),
    "another scheme": ('base_url = "ftp://csms.example"\n', 1, "no URL of http"),
    "no port": ('base_url = "http://csms.example:x"\n', 1, "no URL of http"),
    "unknown field": (
        START + "\nverfy = false\n",
        3,
        "unknown field 'verfy'. Did you mean verify?",
    ),
    "wrong kind": (START + 'timeout_s = "1"\n', 2, "timeout_s: expected `float`, got `str`."),
    "no roots": (START + 'verify = "none.pem"\n', 2, "none.pem cannot be read"),
    "unknown operation": (
        START + '[operations.rset]\npath = "/"\n',
        2,
        "unknown operation 'rset'. Did you mean reset?",
    ),
    "no request": (START + "[operations]\nreset = []\n", 3, "operations.reset has no request"),
    "no path": (START + "\n[operations.reset]\n", 3, "operations.reset.path is missing."),
    "no path in a list": (
        START + '[[operations.reset]]\npath = "/"\n[[operations.reset]]\n',
        4,
        "operations.reset.1.path is missing.",
    ),
    "unknown field of a request": (
        START + '[operations.reset]\npath = "/"\nbdy = ""\n',
        4,
        "unknown field 'bdy'. Did you mean body?",
    ),
    "path without slash": (START + '[operations.reset]\npath = "x"\n', 3, "must begin with /"),
    "method": (
        START + '[operations.reset]\npath = "/"\nmethod = "HEAD"\n',
        4,
        "operations.reset.method: invalid enum value 'HEAD'.",
    ),
    "two bodies": (
        START + '[operations.reset]\npath = "/"\nbody = "{}"\nform = { a = "1" }\n',
        5,
        "has a body and a form",
    ),
    "unknown placeholder": (
        START + '[operations.reset]\npath = "/{{ sttion }}"\n',
        3,
        "unknown placeholder 'sttion'. Did you mean station?",
    ),
    "placeholder of a later request": (
        START + '[[operations.reset]]\npath = "/{{ id }}"\nkeep = { id = "id" }\n',
        3,
        "unknown placeholder 'id'.",
    ),
    "kept under a bad name": (
        START + '[operations.reset]\npath = "/"\nkeep = { values = "id" }\n',
        4,
        "'values' cannot be the name of a placeholder",
    ),
    "kept from nothing": (
        START + '[operations.reset]\npath = "/"\nkeep = { a = "header:" }\n',
        4,
        "operations.reset.keep.a names no part",
    ),
    "missing value": (
        START + "[operations.reset]\npath = \"/\"\nbody = '''\n{\n{{ values.x }}}\n'''\n",
        6,
        "has no attribute 'x'",
    ),
    "template": (
        START + "[operations.reset]\npath = \"/\"\nbody = '''{\n\n{% if %}}'''\n",
        6,
        "operations.reset.body is no template",
    ),
    "filter": (START + '[operations.reset]\npath = "/{{ kind | x }}"\n', 3, "No filter named 'x'"),
    "no JSON": (
        START + "[operations.unlock]\npath = \"/\"\nbody = '''\n{\"a\": 1,\n b: 2}\n'''\n",
        6,
        "is no JSON once it is filled with all arguments",
    ),
    "no JSON without a connector": (
        START + "[operations.trigger]\npath = \"/\"\nbody = '''\n{\"a\": {{ connector }}}\n'''\n",
        5,
        "is no JSON once it is filled without what may be left away",
    ),
    "environment": (
        START + '\nheaders = { X = "{{ environ.LAB_KEY }}" }\n',
        3,
        "the environment variable 'LAB_KEY' is not set.",
    ),
    "environment, empty": (
        START + "\nheaders = { X = \"{{ environ['LAB_EMPTY'] }}\" }\n",
        3,
        "the environment variable 'LAB_EMPTY' is not set.",
    ),
    "environment in a body": (
        START + "[operations.reset]\npath = \"/\"\nbody = '{{ environ.LAB_KEY | tojson }}'\n",
        4,
        "the environment variable 'LAB_KEY' is not set.",
    ),
    "secret as a name": (
        START + 'headers = { X = "{{ environ[environ.LAB_SECRET] }}" }\n',
        2,
        "headers.X cannot be filled.",
    ),
    "secret as a name in a body": (
        START + "[operations.reset]\npath = \"/\"\nbody = '{{ environ[environ.LAB_SECRET] }}'\n",
        4,
        "operations.reset.body cannot be filled",
    ),
    "login that keeps no such thing": (
        START
        + 'headers = { X = "{{ login.tokn }}" }\n[login]\npath = "/"\nkeep = { token = "a" }\n',
        2,
        "headers.X: [login] keeps no 'tokn'. Did you mean token?",
    ),
    "no login": (
        START + '[operations.reset]\npath = "/{{ login.token }}"\n',
        3,
        "unknown placeholder 'login'.",
    ),
    "login with arguments": (
        START + '[login]\npath = "/{{ station }}"\n',
        3,
        "login.path: unknown placeholder 'station'.",
    ),
    "login without a path": (START + '[login]\nmethod = "GET"\n', 2, "login.path is missing"),
    "kept as login": (
        START + '[operations.reset]\npath = "/"\nkeep = { login = "id" }\n',
        4,
        "'login' cannot be the name of a placeholder",
    ),
    "broken header": (
        START + 'headers = { X = "{{ environ.LAB_BROKEN }}" }\n',
        2,
        "headers.X holds a line break",
    ),
}


@pytest.mark.parametrize(("text", "line", "told"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_its_line_and_no_secret(text, line, told, tmp_path):
    path = tmp_path / "driver.toml"
    path.write_text(text)
    environ = {"LAB_EMPTY": "", "LAB_BROKEN": f"{SECRET}\n", "LAB_SECRET": SECRET}

    with pytest.raises(Mistakes) as mistakes:
        load_driver(path, environ)

    [mistake] = mistakes.value.found
    assert (mistake.path, mistake.line) == (path, line)
    assert told in mistake.text
    assert SECRET not in str(mistakes.value)


def test_a_body_that_is_not_json_may_be_anything(tmp_path):
    path = tmp_path / "driver.toml"
    request = (
        '[operations.reset]\npath = "/"\nbody = "<a/>"\nheaders = { content-type = "text/xml" }'
    )
    path.write_text(START + request)

    reset = load_driver(path, {}).file.operations["reset"]
    assert isinstance(reset, Request)
    assert reset.body == "<a/>"


def test_a_file_that_is_not_there_is_told_as_such(tmp_path):
    with pytest.raises(Mistakes, match="cannot be read: No such file"):
        load_driver(tmp_path / "none.toml", {})


def test_all_mistakes_are_told_at_once(tmp_path):
    path = tmp_path / "driver.toml"
    path.write_text(
        'base_url = "x"\n[operations.rset]\npath = "/"\n[operations.reset]\npath = "x"\n'
    )

    with pytest.raises(Mistakes) as mistakes:
        load_driver(path, {})

    assert [each.line for each in mistakes.value.found] == [1, 2, 5]
