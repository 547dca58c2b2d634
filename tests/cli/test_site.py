"""`voltkeep site`, `export` and `import` at a shell."""

import csv
import io
import json


def test_a_site_is_kept_and_stations_stand_there(voltkeep):
    said = ("--name", "Car park", "--address", "Street 1", "--address", "20457 Hamburg")
    place = ("--country", "DE", "--latitude", "53.5", "--longitude", "9.9")
    voltkeep.ok("site", "add", "north", *said, *place, "--time-zone", "Europe/Berlin")
    shown = voltkeep.ok("site", "show", "north", "--json").json
    assert (shown["name"], shown["address"]) == ("Car park", ["Street 1", "20457 Hamburg"])
    assert "53.5, 9.9" in voltkeep.ok("site", "show", "north").out
    voltkeep.ok("station", "add", "CP1")
    voltkeep.ok("station", "set", "CP1", "--site", "north")
    refused = voltkeep("site", "remove", "north")
    assert (refused.code, "CP1 stands at north" in refused.err) == (1, True)
    voltkeep.ok("station", "set", "CP1", "--site", "")
    voltkeep.ok("site", "set", "north", "--note", "new")
    assert voltkeep.ok("site", "list", "--json").json[0]["note"] == "new"
    voltkeep.ok("site", "remove", "north")
    assert voltkeep("site", "show", "north").code != 0


def test_what_cannot_be_a_site_is_said(voltkeep):
    for wrong in (("--latitude", "91"), ("--time-zone", "Moon/Base"), ("--country", "Germany")):
        result = voltkeep("site", "add", "north", *wrong)
        assert result.code == 2, result.err
    assert (
        "no site nowhere"
        in voltkeep("station", "add", "CP1").err
        + voltkeep("station", "set", "CP1", "--site", "nowhere").err
    )


def test_stations_are_taken_out_and_in(voltkeep, tmp_path):
    for name in ("CP1", "CP2"):
        voltkeep.ok("station", "add", name, "--note", "=1+1")
    content = voltkeep.ok("export", "stations").out
    assert [row["note"] for row in csv.DictReader(io.StringIO(content))] == ["'=1+1"] * 2
    file = tmp_path / "stations.csv"
    file.write_text(content.replace("CP2", "CP3"))
    tried = voltkeep.ok("import", "stations", str(file), "--dry-run")
    assert "1 would be added" in tried.out
    assert len(voltkeep.ok("station", "list", "--json").json) == 2
    taken = voltkeep.ok("import", "stations", str(file), "--json").json
    assert (taken["added"], taken["unchanged"], taken["failed"]) == (1, 1, 0)
    lines = voltkeep.ok("export", "stations", "--format", "jsonl").lines
    assert [json.loads(line)["note"] for line in lines] == ["=1+1"] * 3


def test_rows_that_fail_are_named_by_line(voltkeep, tmp_path):
    file = tmp_path / "tokens.csv"
    file.write_text("value,max_active\n04AA,2\n04BB,-1\n")
    result = voltkeep("import", "tokens", str(file))
    assert result.code == 1
    assert "Line 3: max_active" in result.err
    assert "1 row failed" in result.err
    file.write_bytes("value\n04AA\n".encode("utf-16"))
    assert "UTF-16" in voltkeep("import", "tokens", str(file)).err
    assert "cannot be read" in voltkeep("import", "tokens", str(tmp_path / "none.csv")).err
