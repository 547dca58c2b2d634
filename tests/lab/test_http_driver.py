"""The driver for any HTTP API: what it asks for, what it hides, and the mistakes in its file."""

import asyncio
import base64
import html
import json
import re
import socket
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, quote, quote_plus

import pytest

from voltkeep.lab.driver import OPERATIONS, Driver, NotMapped, Refused
from voltkeep.lab.drivers.load import load_driver
from voltkeep.lab.drivers.samples import samples
from voltkeep.lab.toml_file import Mistakes

SECRET = "hunter2-of-the-laboratory"
OURS = Path(__file__).parents[2] / "src/voltkeep/lab/drivers/voltkeep.toml"


class Api:
    """A CSMS's API on a free port: keeps what it was asked, and answers as it is told."""

    def __init__(self):
        self.asked = []
        self.answers = []  # (status, headers, body); then 200 and nothing
        api = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length).decode()
                api.asked.append((self.command, self.path, dict(self.headers.items()), body))
                status, headers, text = api.answers.pop(0) if api.answers else (200, {}, "")
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                pass

        for method in ("GET", "POST", "PUT"):
            setattr(Handler, f"do_{method}", Handler.answer)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/api"


@pytest.fixture
def api():
    api = Api()
    thread = Thread(target=api.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield api
    api.server.shutdown()
    thread.join()
    api.server.server_close()


@pytest.fixture
async def driven(api, tmp_path):
    """Makes a driver for the API of a text; the text begins after base_url."""
    made = []

    def make(text, **environ):
        path = tmp_path / "driver.toml"
        path.write_text(f'base_url = "{api.url}"\n{text}')
        made.append(load_driver(path, environ))
        return made[-1]

    yield make
    for driver in made:
        await driver.close()


async def test_an_operation_is_the_request_that_the_file_says(api, driven):
    driver = driven(
        """
headers = { Authorization = "Bearer {{ environ.KEY }}" }
[operations.reset]
method = "PUT"
path = "/stations/{{ station | urlencode }}/reset"
body = '{"type": {{ kind | tojson }}}'
""",
        KEY=SECRET,
    )

    await driver.reset("CS 1", kind="Hard")

    [(method, path, headers, body)] = api.asked
    assert (method, path) == ("PUT", "/api/stations/CS%201/reset")
    assert json.loads(body) == {"type": "Hard"}
    assert headers["Authorization"] == f"Bearer {SECRET}"
    assert headers["Content-Type"] == "application/json"


async def test_a_time_and_what_a_profile_lacks_can_be_written(api, driven):
    driver = driven("""
[operations.reserve]
path = "/reserve"
body = '{"until": {{ expires_at | tojson }}, "ms": {{ (expires_at.timestamp() * 1000) | int }}}'
[operations.set_charging_profile]
path = "/profile"
body = '{"from": {% if profile.validFrom %}{{ profile.validFrom | tojson }}{% else %}0{% endif %}}'
""")

    await driver.reserve(
        "CS-1", connector=1, token="A", expires_at=datetime(2030, 1, 1, tzinfo=UTC)
    )
    await driver.set_charging_profile("CS-1", connector=0, profile={"chargingProfileId": 1})

    assert [json.loads(body) for *_, body in api.asked] == [
        {"until": "2030-01-01T00:00:00+00:00", "ms": 1_893_456_000_000},
        {"from": 0},
    ]


async def test_a_request_has_what_the_one_before_it_has_kept(api, driven):
    driver = driven("""
[[operations.remote_stop]]
method = "GET"
path = "/sessions?transaction={{ transaction }}"
[operations.remote_stop.keep]
session = "items.1.id"
same = "/items/1/id"
csrf = "header:X-Token"
crumb = "cookie:crumb"
[[operations.remote_stop]]
path = "/sessions/{{ session }}-{{ same }}/stop"
headers = { X-Token = "{{ csrf }}" }
form = { crumb = "{{ crumb }}", by = "lab&co" }
""")
    found = json.dumps({"items": [{"id": 1}, {"id": 77}]})
    api.answers = [(200, {"X-Token": "t-1", "Set-Cookie": "crumb=c-1; Path=/"}, found)]

    await driver.remote_stop("CS-1", transaction=5)

    (_, first, *_), (_, second, headers, body) = api.asked
    assert first == "/api/sessions?transaction=5"
    assert second == "/api/sessions/77-77/stop"
    assert headers["X-Token"] == "t-1"
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert parse_qs(body) == {"crumb": ["c-1"], "by": ["lab&co"]}


TWO = """
[[operations.clear_cache]]
path = "/one"
keep = { token = "data.token" }
[[operations.clear_cache]]
path = "/two"
headers = { X = "{{ token }}" }
"""


@pytest.mark.parametrize("body", ["", "<html>", "[]", '{"data": null}', '{"data": {}}', "[" * 9000])
async def test_an_answer_that_lacks_what_is_kept_is_a_refusal(api, driven, body):
    driver = driven(TWO)
    api.answers = [(200, {}, body)]

    with pytest.raises(Refused, match=r"has no data\.token"):
        await driver.clear_cache("CS-1")
    assert len(api.asked) == 1


@pytest.mark.parametrize("status", [301, 400, 401, 404, 500, 503])
async def test_an_answer_that_is_no_yes_is_a_refusal(api, driven, status):
    driver = driven('[operations.clear_cache]\npath = "/x"')
    api.answers = [(status, {"Location": "/elsewhere"}, "so \x1b[2J sorry")]

    with pytest.raises(Refused) as refused:
        await driver.clear_cache("CS-1")
    assert f"the API answered {status}: so " in str(refused.value)
    assert "\x1b" not in str(refused.value)
    assert len(api.asked) == 1


async def test_other_answers_can_be_said_to_be_a_yes(api, driven):
    driver = driven('[operations.clear_cache]\npath = "/x"\naccepted = [409]')
    api.answers = [(409, {}, ""), (200, {}, "")]

    await driver.clear_cache("CS-1")
    with pytest.raises(Refused):
        await driver.clear_cache("CS-1")


async def test_an_operation_that_the_file_lacks_is_not_mapped(driven):
    with pytest.raises(NotMapped, match=r"operations\.reset"):
        await driven("").reset("CS-1", kind="Hard")


async def test_what_cannot_be_filled_is_not_mapped_and_nobody_is_asked(api, driven):
    driver = driven("""
[operations.trigger]
path = "/x/{{ values.names[message] }}"
[values.names]
StatusNotification = "status"
""")

    with pytest.raises(NotMapped, match="cannot be filled"):
        await driver.trigger("CS-1", message="Heartbeat")
    assert api.asked == []


async def test_an_api_that_is_silent_is_a_refusal(tmp_path, silent_port):
    path = tmp_path / "driver.toml"
    url = f"http://127.0.0.1:{silent_port}"
    path.write_text(f'base_url = "{url}"\ntimeout_s = 0.1\n[operations.clear_cache]\npath = "/"')
    driver = load_driver(path, {})

    with pytest.raises(Refused, match="no answer of the API"):
        await driver.clear_cache("CS-1")
    await driver.close()


@pytest.fixture
def silent_port():
    """Of somebody who takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


async def test_no_refusal_repeats_a_secret(api, driven):
    driver = driven(
        f"""
headers = {{ Authorization = "Bearer {{{{ environ.KEY }}}}", X-Api-Key = "literal-{SECRET}" }}
[values]
password = "pw-of-{SECRET}"
[[operations.clear_cache]]
path = "/login"
form = {{ user = "lab", word = "{{{{ environ.WORD }}}}", password = "{{{{ values.password }}}}" }}
keep = {{ token = "token" }}
[[operations.clear_cache]]
path = "/go"
body = '{{"t": {{{{ token | tojson }}}}}}'
""",
        KEY=SECRET,
        WORD="another-word-of-it",
    )
    kept = "kept-and-secret"
    said = f"no {SECRET} another-word-of-it {kept} http://lab:{'p'}@host/"
    api.answers = [(200, {}, json.dumps({"token": kept})), (403, {}, said)]

    with pytest.raises(Refused) as refused:
        await driver.clear_cache("CS-1")

    told = str(refused.value)
    assert "the API answered 403: no ••• ••• ••• http://•••@host/" in told


HARD = 'p"w/of <the> & lab\\ö+1'


@pytest.mark.parametrize(
    "said",
    [
        HARD,
        json.dumps(HARD),
        json.dumps(json.dumps(HARD)),
        json.dumps(HARD, ensure_ascii=False).replace("/", "\\/"),
        quote(HARD),
        quote(HARD, safe=""),
        quote(quote(HARD)),
        quote_plus(HARD).lower(),
        html.escape(HARD),
        "".join(f"&#{ord(each)};" for each in HARD),
        base64.b64encode(HARD.encode()).decode(),
        base64.urlsafe_b64encode(HARD.encode()).decode(),
    ],
)
async def test_no_refusal_repeats_a_secret_in_another_form(api, driven, said):
    driver = driven(
        """[operations.clear_cache]
path = "/"
form = { word = "{{ environ.WORD }}" }
""",
        WORD=HARD,
    )
    api.answers = [(403, {}, f"no <{said}> here")]

    with pytest.raises(Refused) as refused:
        await driver.clear_cache("CS-1")

    assert re.fullmatch(r'.*: no <"?[\\\\"]*•••[\\\\"]*=*> here', str(refused.value)), refused.value


@pytest.mark.parametrize(
    "written",
    [
        'body = "{{ environ.WORD }}"',
        """body = "{{ environ['WORD'] }}\"""",
        """body = "{{ environ.get('WORD') }}\"""",
        """body = "{{ environ['WO' ~ 'RD'] }}\"""",
        'body = "{% set all = environ %}{{ all.WORD }}"',
        'headers = { X = "{{ environ.WORD }}" }',
        'headers = { Authorization = "Basic {{ environ.WORD | b64encode }}" }',
        'form = { x = "{{ environ.WORD }}" }',
        f'form = {{ password = "{SECRET}" }}',
        f"""body = '{{"user": {{"password": ["{SECRET}"]}}}}'""",
        f'headers = {{ X-Api-Key = "{SECRET}" }}',
    ],
)
async def test_whatever_a_request_takes_from_the_environment_is_secret(api, driven, written):
    text = "[operations.clear_cache]\npath = '/'\n"
    if not written.startswith("headers"):
        text += "headers = { Content-Type = 'text/plain' }\n"
    driver = driven(text + written, WORD=SECRET)
    api.answers = [(403, {}, f"no {SECRET}")]

    with pytest.raises(Refused, match=r"no •••$"):
        await driver.clear_cache("CS-1")


async def test_what_the_base_url_holds_is_secret(api, tmp_path):
    path = tmp_path / "driver.toml"
    at = api.url.replace("//", "//{{ environ.WHO }}:pw-of%20it@").replace(
        "/api", "/{{ environ.IN }}"
    )
    path.write_text(f'base_url = "{at}"\n[operations.clear_cache]\npath = "/"')
    driver = load_driver(path, {"IN": SECRET, "WHO": "laboratory"})
    basic = base64.b64encode(b"laboratory:pw-of it").decode()
    api.answers = [(403, {}, f"no {SECRET}, {basic}, pw-of it, pw-of%20it")]

    with pytest.raises(Refused, match=r"no •••, •••, •••, •••$"):
        await driver.clear_cache("CS-1")
    await driver.close()
    assert api.asked[0][2]["Authorization"] == f"Basic {basic}"


async def test_http_basic_can_be_written(api, driven):
    driver = driven(
        """headers = { Authorization = "Basic {{ ('lab:' ~ environ.WORD) | b64encode }}" }
[operations.clear_cache]
path = "/"
""",
        WORD=SECRET,
    )

    await driver.clear_cache("CS-1")

    basic = api.asked[0][2]["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(basic).decode() == f"lab:{SECRET}"


LOGIN = """
headers = { Authorization = "Bearer {{ login.token }}" }
[login]
path = "/login"
form = { word = "{{ environ.WORD }}" }
keep = { token = "access" }
[operations.clear_cache]
path = "/go"
"""


def let_in(token):
    return (200, {}, json.dumps({"access": token}))


async def test_a_login_comes_once_before_all_others_and_has_no_headers_of_theirs(api, driven):
    driver = driven(LOGIN, WORD=SECRET)
    api.answers = [let_in("token-1")]

    await asyncio.gather(*(driver.clear_cache(f"CS-{number}") for number in range(3)))

    assert [path for _, path, *_ in api.asked] == ["/api/login", *["/api/go"] * 3]
    assert [headers.get("Authorization") for *_, headers, _ in api.asked] == [
        None,
        *["Bearer token-1"] * 3,
    ]


async def test_a_login_of_several_requests_passes_on_what_they_keep(api, driven):
    driver = driven("""
[[login]]
method = "GET"
path = "/start"
keep = { crumb = "header:X-Crumb" }
[[login]]
path = "/login/{{ crumb }}"
keep = { token = "access" }
[operations.remote_start]
path = "/go/{{ token }}/{{ login.token }}/{{ login.crumb }}"
""")
    api.answers = [(200, {"X-Crumb": "c-1"}, ""), let_in("t-1")]

    await driver.remote_start("CS-1", token="LAB")

    assert [path for _, path, *_ in api.asked] == [
        "/api/start",
        "/api/login/c-1",
        "/api/go/LAB/t-1/c-1",
    ]


async def test_a_login_that_is_over_is_made_anew_once(api, driven):
    driver = driven(LOGIN, WORD=SECRET)
    over = (401, {}, "who is token-2?")
    api.answers = [let_in("token-1"), over, let_in("token-2"), (200, {}, "")]
    await driver.clear_cache("CS-1")
    assert [path for _, path, *_ in api.asked] == ["/api/login", "/api/go"] * 2

    api.answers = [over, let_in("token-2"), over]
    with pytest.raises(Refused, match="the API answered 401: who is •••"):
        await driver.clear_cache("CS-1")
    assert len(api.asked) == 7


async def test_a_login_that_fails_is_a_refusal_and_the_next_order_tries_again(api, driven):
    driver = driven(LOGIN, WORD=SECRET)
    api.answers = [(403, {}, f"no {SECRET}"), let_in("token-1")]

    with pytest.raises(Refused, match="at the login: the API answered 403: no •••"):
        await driver.clear_cache("CS-1")
    await driver.clear_cache("CS-1")

    assert len(api.asked) == 3


async def test_a_url_that_cannot_be_is_not_mapped(api, driven):
    driver = driven('[operations.unlock]\npath = "/{{ environ.WORD }}"', WORD="a\x00b")

    with pytest.raises(NotMapped, match=r"\[operations\.unlock\] cannot be filled"):
        await driver.unlock("CS-1", connector=1)
    assert api.asked == []


@pytest.fixture
async def endless():
    """An API whose answers never end; each byte of them comes after so many seconds."""
    writing = set()
    pauses = []

    async def answer(reader, writer):
        writing.add(asyncio.current_task())
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n")
        block = b"1\r\nx\r\n" if pauses else b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        try:
            while True:
                writer.write(block)
                await writer.drain()
                await asyncio.sleep(pauses[0] if pauses else 0)
        except ConnectionError:
            pass  # it was enough
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", pauses
    server.close()
    for task in writing:
        task.cancel()
    await asyncio.wait(writing)


async def refusal(tmp_path, url, timeout_s):
    path = tmp_path / "driver.toml"
    path.write_text(
        f'base_url = "{url}"\ntimeout_s = {timeout_s}\n[operations.clear_cache]\npath = "/"'
    )
    driver = load_driver(path, {})
    with pytest.raises(Refused) as refused:
        await asyncio.wait_for(driver.clear_cache("CS-1"), 30)
    await driver.close()
    return str(refused.value)


async def test_an_answer_without_end_is_read_no_further_than_needed(endless, tmp_path):
    told = await refusal(tmp_path, endless[0], 60)

    assert told.startswith("the API answered 500: xxx")
    assert len(told) < 500


async def test_an_answer_that_trickles_has_the_time_of_an_operation(endless, tmp_path):
    endless[1].append(0.02)

    assert await refusal(tmp_path, endless[0], 0.2) == "no answer of the API in 0.2 s"


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

    assert load_driver(path, {}).file.operations["reset"].body == "<a/>"


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
