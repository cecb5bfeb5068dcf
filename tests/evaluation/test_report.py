"""The report as JSON, CSV, text and one HTML page."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from spellock.errors import DataError, StorageError
from spellock.evaluation.accuracy import Estimate
from spellock.evaluation.figure_texts import FIGURES
from spellock.evaluation.report import Report
from spellock.evaluation.report_html import to_html
from spellock.evaluation.report_parts import FindingResult
from spellock.evaluation.report_plots import picture_uri
from spellock.evaluation.report_text import finding_line, print_report
from spellock.evaluation.write_report import write_report

from . import world


@pytest.fixture(scope="module")
def report() -> Report:
    return world.report(examples=3)


def test_three_files_agree(report: Report, tmp_path: Path) -> None:
    page = write_report(report, tmp_path / "new" / "folder")
    assert page == tmp_path / "new" / "folder" / "report.html"
    values = json.loads((page.parent / "report.json").read_text())
    wanted = (
        "baseline up lp lp_suppressed lp_centred lp_same_path wrong_key_mean wrong_key_max hardened_lp chance seconds"
    )
    assert set(wanted.split()) <= set(values)
    rows = {row["name"]: row for row in csv.DictReader((page.parent / "report.csv").open())}
    for name in report.figures:
        assert float(rows[name]["value"]) == pytest.approx(values[name], abs=1e-4)
        assert values[name] == pytest.approx(100 * report[name], abs=1e-4)
        assert values["intervals"][name] == pytest.approx(
            [100 * report.figures[name].low, 100 * report.figures[name].high], abs=1e-4
        )
    assert len(values["wrong_keys"]) == 20
    assert rows["other secret 2"]["images"] == str(report.wrong_keys[0].accuracy.images)


def test_no_file_holds_the_prompt_its_synonyms_or_the_secret(report: Report, tmp_path: Path) -> None:
    write_report(report, tmp_path)
    for path in tmp_path.iterdir():
        text = path.read_text()
        assert "zanzibar" not in text.casefold(), path
        assert world.SECRET.hex() not in text


class _Reader(HTMLParser):
    """Collects sources and checks that tags close."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.sources += [str(value) for name, value in attrs if name in ("src", "href")]
        if tag not in ("img", "meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_stands_alone(report: Report) -> None:
    page = to_html(report)
    reader = _Reader()
    reader.feed(page)
    assert reader.open == []
    assert len(reader.sources) == 2 + 3 * 5  # two plots; raw, right key and one of each wrong kind for three images
    for source in reader.sources:
        kind, _, data = source.partition(",")
        assert kind == "data:image/png;base64"
        Image.open(io.BytesIO(base64.b64decode(data))).verify()
    assert "<script" not in page
    assert not re.search(r"https?://", page)
    for name in report.figures:
        assert FIGURES[name][0].replace("&", "&amp;") in page


def test_class_names_cannot_break_the_page(report: Report) -> None:
    example = report.examples[0]
    view = example.views[0]
    for value, name in ((view, "prediction"), (example, "truth")):
        object.__setattr__(value, name, "<script>alert(1)</script>")
    assert "<script" not in to_html(report)


def test_plain_lines_when_it_is_no_terminal(report: Report) -> None:
    text = io.StringIO()
    print_report(report, Console(file=text))
    lines = text.getvalue().splitlines()
    assert lines[0].split()[:2] == ["Baseline", "100.0"]
    assert len(lines) == len(report.figures) + 2
    assert not re.search("[─│┃\x1b]", text.getvalue())
    coloured = io.StringIO()
    print_report(report, Console(file=coloured, force_terminal=True, width=140))
    assert "\x1b[" in coloured.getvalue()
    assert "Hardened LP" in coloured.getvalue()


@pytest.mark.parametrize("name", ["Edema [mild]", "Mass [/b]"])
def test_names_are_no_markup(report: Report, name: str) -> None:
    one = FindingResult(name=name, positives=1, negatives=2, figures={"up": report.figures["up"]})
    text = io.StringIO()
    print_report(
        replace(report, findings=(one,)), Console(file=text, force_terminal=True, color_system=None, width=200)
    )
    assert name in re.sub("\x1b\\[[0-9;]*m", "", text.getvalue())


def test_a_finding_without_an_interval_has_no_brackets(report: Report) -> None:
    sure, known = ((1.0, 1.0, 1.0), (0.5, 0.25, 0.75))
    up, lp = (Estimate(value=value, low=low, high=high, images=4) for value, low, high in (sure, known))
    figures = {"up": up, "lp": lp}
    one = FindingResult(name="Mass", positives=1, negatives=3, figures=figures)
    assert finding_line(one) == "up 100.0 %, lp 50.0 % (25.0 to 75.0), 1 positives"
    assert "()" not in to_html(replace(report, findings=(one,)))


def test_refusals(report: Report, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        write_report(report, tmp_path / "file")
    with pytest.raises(DataError, match="lp_guess"):
        Report(
            figures={"lp_guess": report.figures["lp"]},
            hardened_from="",
            wrong_keys=(),
            cost=report.cost,
            seconds=1,
            facts={},
        )


def test_large_pictures_are_made_smaller() -> None:
    uri = picture_uri(np.zeros((900, 1200, 3), dtype=np.uint8))
    assert Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).size == (256, 192)
