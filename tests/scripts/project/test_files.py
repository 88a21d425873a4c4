"""Where the project lies, and its entry point."""

import time

import pytest

from skill_scripts.survey import survey

pytestmark = pytest.mark.slow


def test_manage_in_a_subfolder(make_project, kit_json, tmp_path):
    root = make_project(name="outer")
    inner = root / "backend"
    inner.mkdir()
    for name in ("manage.py", "site1"):
        (root / name).rename(inner / name)

    document = kit_json("survey", root)

    assert document["project"]["manage"] == "backend/manage.py"
    assert document["facts"]["step"] == "done"


def test_a_manage_py_inside_the_package_of_the_project(make_project, kit_json):
    manage = "from django.core.management import execute_from_command_line as run; run()"
    root = make_project({"site1/manage.py": manage})
    (root / "manage.py").unlink()

    document = kit_json("survey", root)

    assert document["manifest"]["django"]["settings"] == "site1.settings"
    assert document["facts"]["error"] is None


def test_no_manage_but_a_server_entry_point(make_project, kit_json):
    wsgi = """
    import os
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site1.settings")
    """
    root = make_project({"site1/wsgi.py": wsgi})
    (root / "manage.py").unlink()

    document = kit_json("survey", root)

    assert (
        document["manifest"]["django"] | {"manage": "", "settings": "site1.settings"}
        == (document["manifest"]["django"])
    )
    assert document["facts"]["step"] == "done"


@pytest.mark.long
def test_ten_thousand_files_cost_little_more_than_reading_them(make_project):
    root = make_project()
    for folder in range(100):
        (root / f"data{folder}").mkdir()
        for number in range(100):
            (root / f"data{folder}" / f"module{number}.py").write_text("x = 1\n")
    (root / "data1" / "loop").symlink_to(root, target_is_directory=True)

    # The processor's time, not the clock's: the machine may be busy.
    begin = time.process_time()
    read = [each.read_bytes() for each in root.rglob("*.py")]
    floor = time.process_time() - begin
    found = survey(root)

    assert len(found.project.files) > len(read) > 10_000
    ratio = (time.process_time() - begin - floor) / floor
    assert ratio < 20, "the time grows with more than the number of files"
