"""The time of a file in a bundle is that of its content."""

import time

from skill_scripts.bundle import dates, runtime_manifest


def times(folder, **files):
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    dates.set_by_content(folder, runtime_manifest.file_hashes(folder))
    return {name: (folder / name).stat().st_mtime for name in files}


def test_equal_files_have_equal_times_and_others_not(tmp_path):
    old = times(tmp_path / "old", a="red", b="same")
    new = times(tmp_path / "new", a="sky", b="same")
    assert old["b"] == new["b"]
    assert old["a"] != new["a"]
    assert (tmp_path / "old").stat().st_mtime == (tmp_path / "new").stat().st_mtime


def test_no_time_is_in_the_future_or_lost_in_a_zip_file(tmp_path):
    found = times(tmp_path / "a", **{f"f{number}": str(number) for number in range(50)}).values()
    assert max(found) < time.time()
    assert min(found) > time.mktime((1980, 1, 2, 0, 0, 0, 0, 0, 0))
    assert not [each for each in found if each % 2]
