"""What pages in the Toga shell may do."""

import asyncio

import pytest
from policies import (
    Leaving,
    is_download_allowed,
    navigation_verdict,
    safe_file_name,
    window_verdict,
    without_query,
)

ORIGIN = "http://127.0.0.1:23456"
VERDICTS = {
    f"{ORIGIN}/": "allow",
    f"{ORIGIN}/items/?page=2#end": "allow",
    f"blob:{ORIGIN}/0-1-2": "allow",
    "https://example.org/": "external",
    "http://example.org:8080/": "external",
    "mailto:someone@example.org": "external",
    "http://127.0.0.1:23457/": "deny",
    "http://127.0.0.1/": "deny",
    "http://localhost:23456/": "deny",
    "http://[::1]:23456/": "deny",
    "http://127.0.0.1:23456@example.org/": "deny",
    "http://someone@127.0.0.1:23456/": "deny",
    "https://127.0.0.1:23456/": "deny",
    "blob:http://example.org/1": "deny",
    "data:text/html,x": "deny",
    "file:///etc/passwd": "deny",
    "javascript:alert(1)": "deny",
    "webkit-pdfjs-viewer://pdfjs/web/viewer.html": "deny",
    "ftp://example.org/": "deny",
    "http://[broken": "deny",
    "about:blank": "deny",
}


@pytest.mark.parametrize(("address", "expected"), VERDICTS.items(), ids=VERDICTS)
def test_a_page_may_go(address, expected):
    assert navigation_verdict(address, ORIGIN) == expected


def test_without_a_backend_no_address_is_its_own():
    assert navigation_verdict(f"{ORIGIN}/", None) == "deny"
    assert not is_download_allowed("data:text/csv,a", None)


def test_a_new_window_may_be_empty():
    assert window_verdict("", ORIGIN) == window_verdict("about:blank", ORIGIN) == "allow"
    assert window_verdict("https://example.org/", ORIGIN) == "external"


def test_downloads_come_from_the_app():
    allowed = [f"{ORIGIN}/a.csv", f"blob:{ORIGIN}/1", "data:text/plain,a", "https://example.org/a"]
    assert [is_download_allowed(each, ORIGIN) for each in allowed] == [True, True, True, False]


@pytest.mark.parametrize(
    ("suggested", "expected"),
    [
        ("list.txt", "list.txt"),
        ("../../.bashrc", ".bashrc"),
        ("C:\\Windows\\a.txt", "a.txt"),
        ("a:b|c\n.txt", "a_b_c_.txt"),
        ("..", "download"),
        ("", "download"),
    ],
)
def test_a_file_has_a_bare_name(suggested, expected):
    assert safe_file_name(suggested) == expected


def test_what_may_be_secret_is_not_in_the_log():
    assert without_query("https://example.org/a?token=1#2") == "https://example.org/a"


@pytest.fixture
def leaving():
    """One page, a clock, what was opened, and what a person was asked."""
    opened, asked, said = [], [], []
    clock = [100.0]

    async def ask(address):
        asked.append(address)
        await asyncio.sleep(0)
        return address.endswith("yes")

    found = Leaving(opened.append, ask, said.append, lambda: clock[0])
    found.opened, found.asked, found.said, found.clock = opened, asked, said, clock
    return found


def test_each_input_opens_one_address(leaving):
    leaving.note_input("page")
    for number in range(2):
        asyncio.run(leaving.leave("page", f"https://example.org/{number}"))
    assert leaving.opened == ["https://example.org/0"]
    assert leaving.asked == ["https://example.org/1"]


def test_input_is_soon_forgotten_and_of_one_page(leaving):
    leaving.note_input("page")
    asyncio.run(leaving.leave("another", "https://example.org/"))
    leaving.clock[0] += 6
    asyncio.run(leaving.leave("page", "https://example.org/"))
    assert leaving.opened == []
    assert len(leaving.asked) == 2


def test_one_question_is_open_at_a_time(leaving):
    async def three():
        wanted = ("a", "b", "yes")
        await asyncio.gather(*(leaving.leave("page", f"https://example.org/{w}") for w in wanted))

    asyncio.run(three())
    asyncio.run(leaving.leave("page", "https://example.org/yes"))
    assert leaving.asked == ["https://example.org/a", "https://example.org/yes"]
    assert leaving.opened == ["https://example.org/yes"]
