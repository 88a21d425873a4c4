"""A module that newer Pythons lack."""

import pytest

from tests.scripts import projects
from tests.scripts.documents import findings

pytestmark = pytest.mark.slow


@pytest.mark.network
@pytest.mark.long
@pytest.mark.parametrize(
    ("further", "line"),
    [("", "import asyncore"), ("urllib3==1.24.1", "import urllib3")],
    ids=["of the standard library", "of a copy of six"],
)
def test_a_module_that_python_no_longer_has_leads_to_an_older_one(
    tmp_path, kit_json, further, line
):
    files = {"requirements.txt": f"django<6\n{further}\n"}
    root = projects.project(tmp_path / "bare", files, line)

    document = kit_json("survey", root)

    if findings(document, "load"):
        pytest.skip("this machine has no Python before 3.12")
    assert document["python"]["version"].startswith("3.11.")
    assert document["manifest"]["python"]["version"] == "3.11"
    assert findings(document, "bundled-python")
    again = kit_json("survey", root)
    told = [{each["what"] for each in seen["findings"]} for seen in (document, again)]
    assert told[0] == told[1]
