"""A finished folder takes the place of the last one; of another nothing is left."""

import errno
import os
from pathlib import Path

import pytest

from skill_scripts.bundle.swap import replaced
from skill_scripts.errors import KitError


@pytest.fixture
def folder(tmp_path):
    """The last result, beside what an earlier run left behind."""
    (tmp_path / "staged").mkdir()
    (tmp_path / "staged" / "last").touch()
    (tmp_path / "staged.4711").mkdir()
    return tmp_path / "staged"


def there(folder):
    return sorted(each.relative_to(folder.parent).as_posix() for each in folder.parent.rglob("*"))


def full(_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def several(_):
    raise OSError([("a", "b", os.strerror(errno.ENOSPC))])  # as shutil does


def in_use(partial):
    partial.rename(partial.with_name("elsewhere"))


def broken(_):
    raise ValueError("a bug")


@pytest.mark.parametrize(
    ("accident", "raised", "code"),
    [
        (full, KitError, "DDK-STG-09"),
        (several, KitError, "DDK-STG-09"),
        (in_use, KitError, "DDK-STG-18"),
        (broken, ValueError, ""),
    ],
)
def test_the_last_one_stays_after_an_accident(folder, accident, raised, code):
    with pytest.raises(raised) as caught, replaced(folder) as partial:
        (partial / "new").touch()
        accident(partial)
    assert getattr(caught.value, "code", "") == code
    assert [each for each in there(folder) if "elsewhere" not in each] == ["staged", "staged/last"]


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(KitError) as caught, replaced(Path(tmp_path, "file", "staged")):
        pass
    assert caught.value.code == "DDK-STG-18"


def test_the_new_one_takes_its_place(folder):
    with replaced(folder) as partial:
        (partial / "new").touch()
        assert (folder / "last").exists()
    assert there(folder) == ["staged", "staged/new"]


def test_the_first_one_needs_no_other(tmp_path):
    with replaced(tmp_path / "dist") as partial:
        (partial / "new").touch()
    assert there(tmp_path / "dist") == ["dist", "dist/new"]
