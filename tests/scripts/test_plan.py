"""stage --dry-run: why packages cannot be installed is said, not only that they cannot."""

import pytest

from . import projects

pytestmark = pytest.mark.network  # uv asks what there is


@pytest.mark.long
def test_the_finding_names_the_reason(make_project, kit, kit_json):
    root = make_project({"requirements.txt": "django==5.2\n"})
    kit("adapt", root)
    projects.write(root, {"requirements.txt": "django==5.2\ndjango==4.2\n"})

    document = kit_json("stage", root, "--dry-run")

    (found,) = document["findings"]
    assert found["id"].startswith("wheels-")
    assert "django==5.2" in found["what"] and "django==4.2" in found["what"]
