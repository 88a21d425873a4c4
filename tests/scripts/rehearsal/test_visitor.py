"""What a visit reads from a page."""

from skill_scripts.rehearsal.visitor import Document


def test_parts_are_what_a_browser_fetches_with_the_page():
    markup = (
        "<link rel='shortcut icon' href=img/icon.png><link rel=stylesheet href=/a.css>"
        "<link rel=canonical href=/other/><script src=b.js></script><img src=c.png>"
        "<video><source src=d.mp4></video>"
        "<a href=/d/>d</a>"
    )
    document = Document("http://127.0.0.1:1/list/", markup)

    origin = "http://127.0.0.1:1"
    assert document.parts == [
        f"{origin}/list/img/icon.png", f"{origin}/a.css", f"{origin}/list/b.js",
        f"{origin}/list/c.png", f"{origin}/list/d.mp4",
    ]  # fmt: skip
    assert document.links == [f"{origin}/d/"]
