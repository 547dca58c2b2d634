"""Settings: where they come from, what they may be, and what a mistake is told."""

import os
import stat
from pathlib import Path

import msgspec
import pytest

from voltkeep.config import (
    Address,
    ConfigError,
    Settings,
    address_or_off,
    default_data,
    fields,
    load,
    parse_address,
    public_value,
    read_secret,
)

HOME = {"HOME": "/home/operator"}


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


# Which source counts.


def test_without_any_source_the_defaults_count(tmp_path):
    loaded = load({}, {"HOME": str(tmp_path)}, None)

    assert loaded.settings == Settings(data=tmp_path / ".local/share/voltkeep")
    assert set(loaded.origin.values()) == {"default"}


def test_a_flag_beats_a_variable_beats_the_file_beats_the_default(tmp_path):
    file = write(tmp_path / "v.toml", "queue_in = 1\nqueue_out = 1\nping_misses = 1\n")
    variables = HOME | {"VOLTKEEP_QUEUE_IN": "2", "VOLTKEEP_QUEUE_OUT": "2"}

    settings, origin = load({"queue_in": "3"}, variables, file)

    assert (settings.queue_in, settings.queue_out, settings.ping_misses) == (3, 2, 1)
    assert origin["queue_in"] == "flag --queue-in"
    assert origin["queue_out"] == "variable VOLTKEEP_QUEUE_OUT"
    assert origin["ping_misses"] == f"{file}:3"
    assert origin["drain_s"] == "default"


def test_the_file_of_the_data_directory_is_read_wherever_that_was_named(tmp_path):
    write(tmp_path / "voltkeep.toml", "queue_in = 7\n")

    by_flag = load({"data": str(tmp_path)}, HOME, None)
    by_variable = load({}, HOME | {"VOLTKEEP_DATA": str(tmp_path)}, None)

    assert by_flag.settings.queue_in == by_variable.settings.queue_in == 7


def test_a_named_file_stands_for_the_one_in_the_data_directory(tmp_path):
    write(tmp_path / "voltkeep.toml", "queue_in = 7\n")
    named = write(tmp_path / "other.toml", "queue_out = 8\n")
    variables = HOME | {"VOLTKEEP_DATA": str(tmp_path), "VOLTKEEP_CONFIG": str(named)}

    settings = load({}, variables, None).settings

    assert (settings.queue_in, settings.queue_out) == (16, 8)


def test_a_file_may_name_the_data_directory_from_where_it_stands(tmp_path):
    file = write(tmp_path / "v.toml", 'data = "here"\nsecret_file = "keys/secret"\n')

    settings = load({}, HOME, file).settings

    assert settings.data == tmp_path / "here"
    assert settings.secret_path == tmp_path / "keys/secret"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"HOME": "/h"}, "/h/.local/share/demo"),
        ({"HOME": "/h", "XDG_DATA_HOME": "/x"}, "/x/demo"),
        ({"HOME": "/h", "XDG_DATA_HOME": "relative"}, "/h/.local/share/demo"),
    ],
)
def test_data_is_kept_where_the_xdg_specification_says(variables, expected):
    assert default_data(variables, "demo") == Path(expected)


def test_an_empty_variable_counts_as_unset():
    assert load({}, HOME | {"VOLTKEEP_OCPP": ""}, None).settings.ocpp == "127.0.0.1:9000"


def test_the_database_is_a_file_in_the_data_directory_unless_named(tmp_path):
    assert Settings(data=tmp_path).database_url == f"sqlite:///{tmp_path}/voltkeep.db"
    url = "postgresql://u@h/d"
    assert Settings(data=tmp_path, database=url).database_url == url


def test_variables_that_kubernetes_sets_for_a_service_of_our_name_are_none_of_ours():
    links = {
        "VOLTKEEP_SERVICE_HOST": "10.0.0.1",
        "VOLTKEEP_SERVICE_PORT": "9000",
        "VOLTKEEP_SERVICE_PORT_OCPP": "9000",
        "VOLTKEEP_PORT": "tcp://10.0.0.1:9000",
        "VOLTKEEP_PORT_9000_TCP_ADDR": "10.0.0.1",
    }

    assert load({}, HOME | links, None).settings.ocpp == "127.0.0.1:9000"


def test_variables_that_say_which_server_a_command_asks_are_no_settings():
    asking = {"VOLTKEEP_SERVER": "https://csms.example", "VOLTKEEP_API_KEY": "vk_1_2"}

    assert load({}, HOME | asking, None).settings.ocpp == "127.0.0.1:9000"


# What a mistake is told: where it was made, what is allowed, what was perhaps meant.


@pytest.mark.parametrize(
    ("flags", "variables", "file", "told"),
    [
        ({}, {"VOLTKEEP_DATABSE": "x"}, "", ["VOLTKEEP_DATABSE", "Did you mean VOLTKEEP_DATABASE"]),
        ({}, {"VOLTKEEP_data": "x"}, "", ["VOLTKEEP_data", "Did you mean VOLTKEEP_DATA"]),
        ({}, {"VOLTKEEP_PING_MISSES": "1.5"}, "", ["variable VOLTKEEP_PING_MISSES", "from 1 to"]),
        ({}, {"VOLTKEEP_PING_INTERVAL_S": "nan"}, "", ["VOLTKEEP_PING_INTERVAL_S", "from 0 to"]),
        ({}, {"VOLTKEEP_AUTO_UPGRADE": "maybe"}, "", ["true or false"]),
        ({"log_level": "loud"}, {}, "", ["--log-level", "'loud'", "warning or error"]),
        ({"ocpp": "9000"}, {}, "", ["--ocpp", "needs a port", "HOST:PORT"]),
        ({"ocpp": "::1:9000"}, {}, "", ["--ocpp", "brackets: [::1]:9000"]),
        ({"database": "mysql://h/d"}, {}, "", ["--database", "SQLite or PostgreSQL"]),
        ({}, {}, "\nping_mises = 2", ["v.toml:2", "'ping_mises'", "Did you mean ping_misses"]),
        ({}, {}, "queue_in = 1\nqueue_out = 'x'", ["v.toml:2", "queue_out", "whole number"]),
        ({}, {}, "queue_in = true", ["v.toml:1", "queue_in"]),
        ({}, {}, "[server]\nqueue_in = 1", ["v.toml:1", "'server'", "without [sections]"]),
        ({}, {}, "queue_in = \nx = 1", ["v.toml", "not valid TOML", "line 1"]),
        ({}, {}, 'data = ""', ["v.toml:1", "data", "a path"]),
    ],
)
def test_a_mistake_is_told_where_it_is_and_what_is_allowed(tmp_path, flags, variables, file, told):
    path = write(tmp_path / "v.toml", file) if file else None

    with pytest.raises(ConfigError) as error:
        load(flags, HOME | variables, path)

    for part in told:
        assert part in str(error.value)


def test_a_file_that_is_not_there_is_a_mistake(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load({}, HOME, tmp_path / "missing.toml")


@pytest.mark.parametrize(
    "variables",
    [{"VOLTKEEP_SECRET": "hunter2hunter2"}, {"VOLTKEEP_DATABASE": "oracle://u:hunter2@h/d"}],
)
def test_an_error_never_repeats_a_secret(variables):
    with pytest.raises(ConfigError) as error:
        load({}, HOME | variables, None)

    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("secret", "00ff", "***"),
        ("secret", "", ""),
        ("database", "postgresql://u:p@ss@h/d", "postgresql://u:***@h/d"),
        ("database", "postgresql:///d?password=p&x=1", "postgresql:///d?password=***&x=1"),
        ("database", "sqlite:////a/b.db", "sqlite:////a/b.db"),
        ("ocpp", "off", "off"),
    ],
)
def test_what_anybody_may_see_of_a_setting_holds_no_password(name, value, shown):
    assert public_value(name, value) == shown


@pytest.mark.parametrize("name", fields())
def test_each_setting_says_what_it_is_and_what_it_may_be(name):
    field = fields()[name]

    assert field.description.endswith(".")
    assert field.allowed
    assert field.variable == f"VOLTKEEP_{name.upper()}"


@pytest.mark.parametrize("name", [name for name in fields() if name != "data"])
def test_each_default_is_allowed(name):
    field = fields()[name]

    value = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
    loaded = load({}, HOME | {field.variable: value}, None)
    assert getattr(loaded.settings, name) == field.default


def test_a_number_says_its_unit_in_its_name():
    """Or it is a plain count, which these are."""
    counts = {"max_connections", "fragments_per_message", "ping_misses", "queue_in", "queue_out"}
    counts |= {"frames_burst", "database_pool", "accepts_burst"}
    units = ("_s", "_hours", "_days", "_bytes")
    numbers = [
        name
        for name, field in fields().items()
        if isinstance(field.default, int | float) and not isinstance(field.default, bool)
    ]

    assert [name for name in numbers if not name.endswith(units) and name not in counts] == []


# Addresses.


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9000", Address("127.0.0.1", 9000)),
        ("localhost:0", Address("localhost", 0)),
        ("[::1]:9000", Address("::1", 9000)),
        ("csms.example.org:65535", Address("csms.example.org", 65535)),
    ],
)
def test_an_address_is_read_and_written_back(text, address):
    assert parse_address(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text", ["", "9000", ":9000", "host:", "host:x", "host:65536", "host:-1", "[x]:1", "a b:1"]
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011  # whatever it says, load() says the rest
        parse_address(text)


def test_off_is_no_address():
    assert address_or_off("off") is None


# The secret.


def test_the_secret_is_made_once_and_only_its_owner_reads_it(tmp_path):
    settings = Settings(data=tmp_path / "data")

    first = read_secret(settings)

    assert len(first) == 32
    assert read_secret(settings) == first
    assert stat.S_IMODE(settings.secret_path.stat().st_mode) == 0o600
    assert os.listdir(settings.data) == ["secret"]  # noqa: PTH208  # names are what is asked


def test_a_secret_that_is_given_is_used_and_nothing_is_written(tmp_path):
    settings = Settings(data=tmp_path / "data", secret="ab" * 32)

    assert read_secret(settings) == b"\xab" * 32
    assert not settings.data.exists()


def test_a_secret_cut_short_is_refused(tmp_path):
    settings = Settings(data=tmp_path)
    settings.secret_path.write_bytes(b"short")

    with pytest.raises(ConfigError, match="Restore it from a backup"):
        read_secret(settings)


def test_a_secret_that_cannot_be_reached_is_told(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match="cannot be used"):
        read_secret(Settings(data=tmp_path, secret_file=str(tmp_path / "file" / "secret")))


def test_settings_are_frozen(tmp_path):
    with pytest.raises(AttributeError):
        Settings(data=tmp_path).data = tmp_path  # type: ignore[misc]  # that is the test
    assert msgspec.structs.fields(Settings)


@pytest.mark.parametrize(
    "tiles",
    [
        "https://tiles.example/{z}/{x}.png",
        "https://tiles.example; script-src */{z}/{x}/{y}",
        "https://{s}.tiles.example/{z}/{x}/{y}.png",
        "http://tiles.example/{z}/{x}/{y}.png",
        "//tiles.example/{z}/{x}/{y}.png",
    ],
)
def test_tiles_of_a_map_come_from_one_host_over_tls(tiles):
    with pytest.raises(ConfigError, match="MAP_TILES"):
        load({}, HOME | {"VOLTKEEP_MAP_TILES": tiles}, None)


def test_a_tile_server_may_want_a_key():
    tiles = "https://tiles.example:8443/{z}/{x}/{y}.png?key=1"
    assert load({}, HOME | {"VOLTKEEP_MAP_TILES": tiles}, None).settings.map_tiles == tiles
