"""The report of a scan: tables and pictures on one self-contained HTML page."""

from .page import write_report as write_report
