"""The report: pages that a person looks through, from `file://`, without network, on a desk or a phone."""

from celstream.report.pages import write_report

__all__ = ["write_report"]
