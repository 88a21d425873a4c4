"""The pages in a real browser: keyboard alone, narrow and wide, calm for those who ask for it."""

import shutil
from collections.abc import Iterator

import pytest
from django_tasks_db.models import DBTaskResult
from items.models import Item
from tasks_demo.tasks import run_routine

sync_api = pytest.importorskip("playwright.sync_api")

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WIDTHS = [360, 720, 1280]

UNNAMED = """() => {
  const controls = "a, button, input:not([type=hidden]), select, textarea";
  const name = (e) => e.getAttribute("aria-label") || e.labels?.[0]?.textContent || e.textContent;
  const unnamed = [...document.querySelectorAll(controls)].filter((e) => !name(e).trim());
  return unnamed.map((e) => e.outerHTML);
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    with pytest.MonkeyPatch.context() as patch, sync_api.sync_playwright() as playwright:
        # Playwright keeps an event loop in this thread; Django refuses its database there.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: sync_api.Browser, live_server) -> Iterator[sync_api.Page]:
    """A page that must stay free of console errors, failed requests and foreign hosts."""
    page = browser.new_page(base_url=live_server.url)
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "request",
        lambda request: (
            request.url.startswith((live_server.url, "data:")) or problems.append(request.url)
        ),
    )
    page.on("response", lambda answer: answer.status < 400 or problems.append(answer.url))
    yield page
    page.close()
    assert not problems


def press(page: sync_api.Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def tab_to(page: sync_api.Page, name: str) -> None:
    """Press Tab until the element with that accessible name or text has the focus."""
    for _ in range(40):
        press(page, "Tab")
        focused = (
            "document.activeElement.getAttribute('aria-label') || document.activeElement.innerText"
        )
        if page.evaluate(focused).strip() == name:
            return
    pytest.fail(f"{name!r} cannot be reached with the Tab key")


def test_keyboard_alone_adds_edits_and_deletes(page: sync_api.Page) -> None:
    page.goto("/")
    tab_to(page, "Add pony")
    press(page, "Enter")
    page.wait_for_url("**/items/new/")
    page.wait_for_selector("#id_title:focus")  # without a click
    page.keyboard.type("Zephyr")
    press(page, "Enter")
    page.wait_for_selector("text=Zephyr was added.")

    tab_to(page, "Zephyr")
    press(page, "Enter")
    page.wait_for_selector("text=Save")
    tab_to(page, "Save")
    press(page, "Enter")
    page.wait_for_selector("text=Zephyr was saved.")

    tab_to(page, "Let Zephyr go")
    press(page, "Enter")
    page.wait_for_selector("dialog[open] >> text=Let Zephyr go?")
    press(page, "Tab", "Enter")
    page.wait_for_selector("text=Zephyr was removed.")
    assert not Item.objects.exists()


def test_escape_keeps_the_pony_and_gives_the_focus_back(page: sync_api.Page) -> None:
    Item.objects.create(title="Comet")
    page.goto("/")
    page.click("[aria-label='Let Comet go']")
    press(page, "Escape")
    assert not page.is_visible("dialog")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Let Comet go"
    assert Item.objects.exists()


def test_missing_name_is_told_in_a_tip_without_asking_the_server(page: sync_api.Page) -> None:
    page.goto("/items/new/")
    page.fill("#id_title", "   ")
    page.click("button[type=submit]")
    tip = page.locator("#tip-title")
    assert tip.inner_text().strip() == "Every pony needs a name."
    assert tip.locator("svg").is_visible()
    assert page.get_attribute("#id_title", "aria-invalid") == "true"
    assert page.evaluate("document.activeElement.id") == "id_title"
    page.keyboard.type("Zephyr")
    assert not tip.is_visible()


def test_routine_is_followed_without_a_reload(page: sync_api.Page) -> None:
    routine = run_routine.enqueue("Cloud slalom").db_result
    page.goto("/routines/")
    page.evaluate("window.stillHere = true")
    for status, label in {"RUNNING": "Under way", "SUCCESSFUL": "Done"}.items():
        DBTaskResult.objects.filter(pk=routine.pk).update(status=status)
        page.wait_for_selector(f".status >> text={label}")
        assert page.inner_text("[data-announce]") == f"Cloud slalom: {label}"
    assert page.evaluate("window.stillHere")


def test_reduced_motion_stops_every_animation(browser: sync_api.Browser, live_server) -> None:
    DBTaskResult.objects.filter(pk=run_routine.enqueue("Cloud slalom").id).update(status="RUNNING")
    for motion, moving in {"no-preference": True, "reduce": False}.items():
        page = browser.new_page(base_url=live_server.url, reduced_motion=motion)
        for url in ("/routines/", "/splash/"):
            page.goto(url)
            assert bool(page.evaluate("document.getAnimations().length")) is moving
        page.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_window(page: sync_api.Page, width: int) -> None:
    long = Item.objects.create(title="W" * 120, notes="n" * 400)
    page.set_viewport_size({"width": width, "height": 700})
    for url in ("/", "/items/new/", long.get_absolute_url(), "/routines/", "/splash/"):
        page.goto(url)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, url


def test_every_control_has_a_name(page: sync_api.Page) -> None:
    item = Item.objects.create(title="Comet")
    for url in ("/", item.get_absolute_url(), "/routines/"):
        page.goto(url)
        assert page.evaluate(UNNAMED) == []


def test_desktop_action_appears_only_inside_the_shell(page: sync_api.Page) -> None:
    page.goto("/")
    button = page.get_by_role("button", name="Open app data folder")
    assert not button.is_visible()
    page.add_init_script("window.desktop = { openAppDataFolder() { window.opened = true } }")
    page.goto("/")
    button.click()
    assert page.evaluate("window.opened")
