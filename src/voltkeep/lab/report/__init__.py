"""The report of a run, as a buyer reads it: a page, JSON, JUnit, and a summary for a terminal."""

from voltkeep.lab.report.files import remove, write
from voltkeep.lab.report.making import report_on
from voltkeep.lab.report.model import Report
from voltkeep.lab.report.summary import in_part, lines

__all__ = ["Report", "in_part", "lines", "remove", "report_on", "write"]
