"""What the Toga shell keeps between two launches, and who may launch it."""

import os
import threading

import instance
import pytest
from desktop_runtime import system
from kept import Bounds, State, choose_port, last_lines, open_log, place_window, remember_port

SCREEN = Bounds(0, 0, 1280, 1024)


def test_state_survives_and_damage_is_no_reason_to_stop(tmp_path):
    file = tmp_path / "shell.json"
    State(file).set("port", 23456)
    assert State(file).get("port") == 23456
    file.write_text("{")
    assert State(file).get("port") is None


def test_the_first_port_stays_the_apps_own(tmp_path):
    state = State(tmp_path / "shell.json")
    first = choose_port(state, [])
    remember_port(state, first)
    with system.listen("127.0.0.1", first):
        other = choose_port(state, [])
    assert other != first
    remember_port(state, other)
    assert choose_port(state, []) == first
    assert choose_port(state, [first]) == other


@pytest.mark.parametrize(
    ("kept", "expected"),
    {
        "nothing": (None, Bounds(40, 112, 1200, 800)),
        "something else": ({"x": "left"}, Bounds(40, 112, 1200, 800)),
        "as it was": (
            {"x": 10, "y": 20, "width": 800, "height": 600},
            Bounds(10, 20, 800, 600),
        ),
        "a screen that has gone": (
            {"x": 1900, "y": 20, "width": 800, "height": 600},
            Bounds(240, 212, 800, 600),
        ),
        "hardly a window": (
            {"x": 10, "y": 20, "width": 1, "height": 1},
            Bounds(10, 20, 480, 360),
        ),
    }.values(),
)
def test_a_window_comes_back_where_it_can_be_seen(kept, expected):
    assert place_window(kept, [SCREEN]) == expected


def test_logs_are_kept_five_times(tmp_path):
    file = tmp_path / "logs" / "a.log"
    for number in range(8):
        with os.fdopen(open_log(file), "w", encoding="utf-8") as log:
            log.write(f"{number}\n")
    names = {path.name: path.read_text().strip() for path in file.parent.iterdir()}
    assert names == {"a.log": "7"} | {f"a.log.{n}": str(7 - n) for n in range(1, 6)}


def test_the_last_lines_of_a_log(tmp_path):
    file = tmp_path / "a.log"
    assert last_lines(file, 2) == ""
    file.write_text("".join(f"line {number}\n" for number in range(9000)))
    assert last_lines(file, 2) == "line 8998\nline 8999"


@pytest.mark.skipif(system.WINDOWS, reason="there the second launch looks for the window itself")
def test_a_second_launch_knocks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / ("a long name " * 9) / "shell"
    asked = threading.Event()
    assert instance.enter(folder)
    instance.answer(asked.set)
    assert not instance.enter(folder)
    instance.knock("a title")
    assert asked.wait(10)
