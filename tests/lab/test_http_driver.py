"""The driver for any HTTP API: what it asks for, and what it hides."""

import asyncio
import base64
import html
import json
import re
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, quote, quote_plus

import pytest

from voltkeep.lab.driver import NotMapped, Refused
from voltkeep.lab.drivers.load import load_driver

SECRET = "hunter2-of-the-laboratory"


class Api:
    """A CSMS's API on a free port: keeps what it was asked, and answers as it is told."""

    def __init__(self):
        self.asked: list[Any] = []
        self.answers: list[Any] = []  # (status, headers, body); then 200 and nothing
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
    over: tuple[int, dict[str, str], str] = (401, {}, "who is token-2?")
    api.answers = [let_in("token-1"), over, let_in("token-2"), (200, {}, "")]
    await driver.clear_cache("CS-1")
    assert [path for _, path, *_ in api.asked] == ["/api/login", "/api/go"] * 2

    api.answers = [over, let_in("token-2"), over]
    with pytest.raises(Refused, match="the API answered 401: who is •••"):
        await driver.clear_cache("CS-1")
    assert len(api.asked) == 7


async def test_what_a_login_keeps_is_secret_whatever_it_is_called(api, driven):
    driver = driven("""
[login]
path = "/login"
keep = { seat = "access" }
[operations.clear_cache]
path = "/go?seat={{ login.seat }}"
""")
    api.answers = [let_in("seat-of-the-lab"), (403, {}, "no seat-of-the-lab")]

    with pytest.raises(Refused, match=r"no •••$"):
        await driver.clear_cache("CS-1")


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
