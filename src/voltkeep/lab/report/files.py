"""The files of a report. Each is whole or not there."""

import os
from pathlib import Path

from msgspec import json

from voltkeep.lab.report.junit import junit
from voltkeep.lab.report.model import Report
from voltkeep.lab.report.page import page

_PAGE, _JSON, _JUNIT = "report.html", "report.json", "junit.xml"


def remove(folder: Path) -> None:
    """Remove the files of an earlier report, if there are any. Raises OSError."""
    for name in (_PAGE, _JSON, _JUNIT):
        (folder / name).unlink(missing_ok=True)


def write(report: Report, folder: Path) -> Path:
    """Write report.html, report.json and junit.xml; the path of the page. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    _put(folder / _JSON, json.format(json.encode(report), indent=1) + b"\n")
    _put(folder / _JUNIT, junit(report))
    _put(folder / _PAGE, page(report).encode())
    return folder / _PAGE


def _put(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
