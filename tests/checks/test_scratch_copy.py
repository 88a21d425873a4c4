"""The copy of a target that the suite puts its probe into must run as the target does."""

import pytest

from checks.scratch_copy import insert_statement

NEWER = 'print f"{\n  later syntax than ours\n}"\n'
HEADS = {
    "nothing": "",
    "comments": "#!/usr/bin/env python\n# -*- coding: latin-1 -*-\n",
    "docstring": '"""What it is.\n\nAnd why."""\n',
    "future": '"""Doc"""\n# why\nfrom __future__ import (\n    annotations,\n)\n',
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_the_probe_comes_after_what_must_be_first(head):
    assert insert_statement(head + NEWER, "import probe") == f"{head}import probe\n{NEWER}"
