"""Which page is the first."""

import pytest

from tests.scripts import projects
from tests.scripts.documents import findings

pytestmark = pytest.mark.slow


def test_a_first_page_that_fails_is_told(make_project, kit_json):
    urls = projects.URLS.replace('HttpResponse("hello")', "1 / 0")
    root = make_project({"site1/urls.py": urls})

    document = kit_json("survey", root)

    (finding,) = findings(document, "landing")
    assert finding["severity"] == "decide" and "ZeroDivisionError" in finding["what"]


def test_without_a_page_at_the_root_another_is_opened(make_project, kit_json):
    urls = """
    from django.http import HttpResponse
    from django.urls import include, path

    pages = [path("list/", lambda request: HttpResponse("list")), path("<int:pk>/", None)]
    urlpatterns = [path("items/", include(pages))]
    """.replace("None", "lambda request, pk: HttpResponse(pk)")
    document = kit_json("survey", make_project({"site1/urls.py": urls}))

    assert document["manifest"]["app"]["home"] == "/items/list/"
    assert findings(document, "first-page")[0]["severity"] == "decide"


def test_a_page_that_answers_goes_before_one_that_does_not(make_project, kit_json):
    urls = """
    from django.http import Http404, HttpResponse
    from django.urls import path

    def gone(request):
        raise Http404

    def broken(request):
        1 / 0

    urlpatterns = [
        path("", gone), path("a/", gone), path("b/", broken),
        path("c/", lambda request: HttpResponse("c")),
    ]
    """
    document = kit_json("survey", make_project({"site1/urls.py": urls}))

    assert document["manifest"]["app"]["home"] == "/c/"
