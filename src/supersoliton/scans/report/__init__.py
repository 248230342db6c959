"""Records of a scan -> tables, pictures and one self-contained HTML page."""

from .page import write_report as write_report
