"""The bench: turns, ratios and what of them is told; the page that it has written."""

import json
import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path

import pytest

from bench import __main__ as bench
from bench import page, plot, timeline
from bench.measuring import USUAL, Middle, Piece, Report, Row, Section, take_turns, watched

ROOT = Path(__file__).resolve().parents[1]
MACHINE = {"cores": "2", "Electron": "9.4.1"}


def report(*rows, group="start", **section):
    return Report(MACHINE, True, [Section(group, "an app", [*rows], 12.0, (0.1, 2.5), **section)])


def test_the_middle_half_leaves_out_the_quarters_at_both_ends():
    assert Middle.of([1, 2, 3, 4, 100]) == Middle(3, 2, 4)
    assert Middle.of([1, 2, 3, 4, 100]).spread == pytest.approx(2 / 3)
    assert Middle.of([5]) == Middle(5, 5, 5)


def test_a_ratio_is_of_one_round_and_none_without_a_spread():
    row = Row("warm", "s", [2, 30, 4], {"floor": [1, 10, 4]})
    assert row.ratio("floor") == Middle(2, 1.5, 2.5)
    assert Row("warm", "s", [2, 30], {"floor": [1, 10]}).ratio("floor") is None
    assert Row("warm", "s", [2, 3, 4], {"floor": [1]}).ratio("floor") is None


def test_what_is_wanted_of_a_ratio_is_asked_of_the_first_and_only_where_it_is_known():
    values, floor = [2, 2, 2], {"floor": [1, 1, 1], "peer": [4, 4, 4]}
    assert Row("warm", "s", values, floor, most=2.0).is_met is True
    assert Row("warm", "s", values, floor, most=1.9).is_met is False
    assert Row("warm", "s", values, floor, least=2.1).is_met is False
    assert Row("warm", "s", values, floor).is_met is None
    assert Row("warm", "s", [2], {"floor": [1]}, most=1.1).is_met is None


def test_contestants_take_turns_and_the_warm_up_does_not_count():
    asked = []

    def measure(name):
        asked.append(name)
        return {"took": float(len(asked))}

    turns = take_turns({"a": lambda: measure("a"), "b": lambda: measure("b")}, 2)
    assert asked == ["a", "b"] * 3
    assert turns.row("b", "took", "s", "a") == Row("b", "s", [4, 6], {"a": [3, 5]})


def test_one_that_fails_is_not_asked_again_and_the_others_go_on():
    asked = []

    def fail():
        asked.append("fail")
        raise OSError("no port")

    turns = take_turns({"bad": fail, "good": lambda: {"took": 1.0}}, 3)
    assert asked == ["fail"]
    assert turns.row("good", "took", "s", "bad").values == [1, 1, 1]
    assert turns.row("bad", "took", "s").failure == "OSError: no port"


def test_a_group_that_fails_says_so_the_others_go_on_and_the_exit_code_is_1(monkeypatch, tmp_path):
    def fail():
        raise RuntimeError("no display")

    work = [("window", "app", fail), ("start", "app", lambda: [Row("warm", "s", [1.0])])]
    monkeypatch.setattr(bench, "plan", lambda *_: work)
    monkeypatch.setattr(bench.subjects, "reference", lambda _: None)
    found = tmp_path / "found.json"
    monkeypatch.setattr(sys, "argv", ["bench", "--json", str(found)])
    assert bench.main() == 1
    window, start = json.loads(found.read_text(encoding="utf-8"))["sections"]
    assert window["failure"] == "RuntimeError: no display"
    assert [row["name"] for row in start["rows"]] == ["warm"]
    monkeypatch.setattr(bench, "plan", lambda *_: work[1:])
    assert bench.main() == 0


def test_a_ratio_is_printed_with_its_spread_or_not_at_all():
    warm = Row("warm", "s", [2, 3, 4], {"floor": [1, 1, 1]}, most=1.1)
    once = Row("first", "s", [8], {"floor": [2]})
    text = page.text(report(warm, once))
    assert "| warm (at most 1.1) | 3 s | **3 (2.5 to 3.5)** |" in text
    assert "| first | 8 s | one run |" in text
    assert "*3 rounds in 12 s; load 0.1 before and 2.5 after; middle half of floor: 0% of" in text


def test_what_failed_stands_in_its_row_and_a_failed_group_above_its_table():
    row = Row("warm", "s", failure="NotReadyError: a | b")
    text = page.text(report(row, failure="RuntimeError: no display"))
    assert "| warm | failed: NotReadyError: a \\| b |" in text
    assert "**Failed**: RuntimeError: no display" in text


def test_a_report_comes_back_from_its_file():
    row = Row("warm", "s", [2, 3], {"floor": [1, 1]}, most=1.1)
    kept = report(row, Row("files", "", [12]), Row("check", "s", failure="ended with 3"))
    assert Report.read(json.loads(page.as_json(kept))) == kept


def test_the_picture_has_a_dot_for_each_ratio_inside_its_frame():
    rows = [
        Row("fast & <small>", "s", [1, 1, 1], {"floor": [900, 900, 900]}),
        Row("slow", "s", [900, 900, 900], {"floor": [1, 1, 1]}, most=1.5),
        Row("once", "s", [1], {"floor": [1]}),
    ]
    picture = xml.etree.ElementTree.fromstring(plot.draw(report(*rows)))
    dots = picture.findall("{http://www.w3.org/2000/svg}circle")
    assert len(dots) == 2
    assert all(plot.LEFT <= float(dot.get("cx")) <= plot.WIDTH - plot.RIGHT for dot in dots)
    assert dots[1].get("fill") == plot.BAD


def test_time_and_load_of_a_section_are_noted_though_it_fails():
    section = Section("start", "an app")
    with watched(section):
        raise ValueError("no\nsuch " + "file " * 100)
    assert section.failure.startswith("ValueError: no such file")
    assert len(section.failure) < 220
    assert section.has_failed


def test_page_picture_and_figures_of_the_docs_are_of_one_run():
    kept = page.read()
    stale = [
        path.name
        for path, wanted in page.texts(kept).items()
        if path.read_text(encoding="utf-8") != wanted
    ]
    assert not stale, "run: python -m bench --short --write, or --render"
    assert {each.group for each in kept.sections} == {*bench.GROUPS}


def test_an_earlier_commit_is_told_beside_this_one_and_nowhere_else():
    now = Row("warm", "s", [2, 2, 2], {"floor": [1, 1, 1]}, most=1.5)
    before = Row("warm", "s", [3, 3, 3], {"floor": [1, 1, 1]}, most=1.5)
    kept = Report(MACHINE, True, [
        Section("start", "reference app", [now, Row("floor", "s", [1, 1, 1])]),
        Section("start", "before", [before, Row("floor", "s", [1, 1, 1])]),
    ])  # fmt: skip
    text = page.text(kept)
    assert "| warm (at most 1.5) | 3 s | 2 s | **3 (3 to 3)** | **2 (2 to 2)** |" in text
    assert "### before" not in text
    assert plot.draw(kept).count("<circle") == 1
    assert "## Before and now" not in page.text(report(now))


def test_a_launch_is_read_from_its_timeline_and_drawn(tmp_path):
    file = tmp_path / "trace.json"
    names = {1: "shell", 2: "backend", 3: "backend worker"}
    pieces = [(2, "settings", 10.2, 0.1), (3, "settings", 10.3, 0.1), (1, "loaded", 10.02, 0.09)]
    events = [{"pid": pid, "ph": "M", "args": {"name": name}} for pid, name in names.items()]
    events += [
        {"pid": pid, "ph": "X", "name": name, "ts": at * 1e6, "dur": took * 1e6, "tdur": took * 5e5}
        for pid, name, at, took in pieces
    ]
    text = "".join(f"{json.dumps(event)},\n" for event in events)
    file.write_text(f"[\n{text}", encoding="utf-8")
    found = timeline.pieces(file, "warm", 10.0)
    assert found == [
        Piece("warm", "shell", "loaded", 0.02, 0.09, 0.045),
        Piece("warm", "backend", "settings", 0.2, 0.1, 0.05),
    ]
    kept = report(Row("warm", "s", [1]), pieces=found)
    assert Report.read(json.loads(page.as_json(kept))) == kept
    assert "settings" not in timeline.draw(kept)  # of another project
    kept.sections[0].subject = USUAL
    picture = xml.etree.ElementTree.fromstring(timeline.draw(kept))
    texts = [each.text for each in picture.findall("{http://www.w3.org/2000/svg}text")]
    assert {"warm", "shell: loaded", "backend: settings", "90"} <= {*texts}


@pytest.mark.long
def test_a_start_is_measured_for_real(tmp_path):
    found = tmp_path / "found.json"
    command = [sys.executable, "-m", "bench", "--short", "--runs", "1", "--only", "start"]
    done = subprocess.run(
        [*command, "--json", str(found)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    kept = Report.read(json.loads(found.read_text(encoding="utf-8")))
    rows = {row.name: row for row in kept.sections[0].rows}
    assert {"floor", "warm", "after an unclean stop", "staged, first, read-only bundle"} <= {*rows}
    assert all(0.01 < row.values[0] < 300 for row in rows.values())
