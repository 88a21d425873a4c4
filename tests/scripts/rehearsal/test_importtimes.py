"""What a start spends on imports is counted for whoever could import it later."""

import json
import subprocess
import sys
from pathlib import Path

from skill_scripts.rehearsal import importtimes
from skill_scripts.rehearsal.judge import judge
from skill_scripts.rehearsal.result import Rehearsal
from skill_scripts.rehearsal.start import Import

BUSY = "import time\nend = time.thread_time() + {}\nwhile time.thread_time() < end: pass\n"
FILES = {
    "project/shop/__init__.py": "",
    "project/shop/urls.py": "import shop.views\nimport numbers_of_all_kinds\n",
    "project/shop/views.py": "import frames\n",
    "project/shop/models.py": BUSY.format(0.06),
    "packages/frames/__init__.py": "import numbers_of_all_kinds\n" + BUSY.format(0.1),
    "packages/numbers_of_all_kinds.py": BUSY.format(0.08),
    "packages/django/__init__.py": BUSY.format(0.2),
}
PROGRAM = """
import json, runpy, sys
from pathlib import Path
module, project, packages = sys.argv[1:]
sys.path[:0] = [project, packages]
own = lambda file: file.is_relative_to(project)
times = runpy.run_path(module)["ImportTimes"](own)
times.watch()
import django, shop.urls, shop.models
print(json.dumps(times.slowest()))
"""


def test_a_package_is_counted_with_what_it_brings_along(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    places = [str(tmp_path / "project"), str(tmp_path / "packages")]
    command = [sys.executable, "-c", PROGRAM, str(Path(importtimes.__file__)), *places]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    found = {each["name"]: each for each in json.loads(done.stdout)}
    assert found["frames"]["milliseconds"] in range(180, 220)
    assert found["frames"]["by"] == "shop.views"
    assert found["shop.models"]["milliseconds"] in range(60, 80)
    assert not {"django", "numbers_of_all_kinds"} & found.keys()


def test_what_is_slow_is_named_and_what_is_not_is_no_finding():
    done = Rehearsal(imports=(Import("pandas", 812, "shop.views"), Import("shop.tables", 9)))
    (finding,) = judge(done)
    assert finding.id == "slow-imports"
    assert finding.what.endswith(": pandas 812 ms (shop.views)")
    assert not [*judge(Rehearsal(imports=(Import("shop.tables", 9),)))]
