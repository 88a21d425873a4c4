import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from items.models import Item

pytestmark = pytest.mark.django_db


def add(title: str = "Comet", **fields: str) -> Item:
    return Item.objects.create(title=title, **fields)


def test_empty_list_says_so(client: Client) -> None:
    response = client.get("/")
    assert "The stable is empty" in response.text
    assert "empty-ponies" in response.text


def test_list_shows_themed_statuses(client: Client) -> None:
    for status in Item.Status.values:
        add(status, status=status)
    page = client.get("/").text
    assert 'class="status status-backlog">Grazing<' in page
    assert 'class="status status-active">Galloping<' in page
    assert 'class="status status-done">Show Ready<' in page


def test_list_can_be_narrowed_to_one_status(client: Client) -> None:
    add("Comet", status="active")
    add("Thistle", status="backlog")
    page = client.get("/?status=active").text
    assert "Comet" in page
    assert "Thistle" not in page


def test_unknown_status_shows_everything(client: Client) -> None:
    add("Comet")
    assert "Comet" in client.get("/?status=flying").text


def test_empty_filter_does_not_claim_an_empty_stable(client: Client) -> None:
    add("Comet", status="active")
    page = client.get("/?status=done").text
    assert "The stable is empty" not in page
    assert "Nobody here right now" in page


def test_long_list_has_pages(client: Client) -> None:
    Item.objects.bulk_create(Item(title=f"Pony {number}") for number in range(51))
    assert "Page 1 of 2" in client.get("/").text
    assert client.get("/?page=2").status_code == 200


def test_create(client: Client) -> None:
    response = client.post(
        "/items/new/", {"title": " Comet ", "status": "active", "notes": "Fast."}
    )
    assert response.headers["Location"] == "/"
    item = Item.objects.get()
    assert (item.title, item.status, item.notes) == ("Comet", "active", "Fast.")
    assert "Comet was added." in client.get("/").text


@pytest.mark.parametrize("title", ["", "   "])
def test_create_without_a_name_explains_at_the_field(client: Client, title: str) -> None:
    response = client.post("/items/new/", {"title": title, "status": "backlog"})
    assert response.status_code == 200
    assert 'aria-invalid="true"' in response.text
    assert "This field is required." in response.text
    assert not Item.objects.exists()


def test_create_with_an_unknown_status_is_refused(client: Client) -> None:
    client.post("/items/new/", {"title": "Comet", "status": "flying"})
    assert not Item.objects.exists()


def test_edit_keeps_the_creation_time(client: Client) -> None:
    item = add("Comet")
    client.post(item.get_absolute_url(), {"title": "Halley", "status": "done", "notes": ""})
    edited = Item.objects.get()
    assert (edited.title, edited.status) == ("Halley", "done")
    assert edited.created_at == item.created_at
    assert edited.updated_at > item.updated_at


def test_delete_needs_a_post(client: Client) -> None:
    url = reverse("items:delete", args=[add().pk])
    assert client.get(url).status_code == 405
    assert Item.objects.exists()
    assert client.post(url).headers["Location"] == "/"
    assert not Item.objects.exists()


def test_list_and_edit_page_carry_the_delete_dialog(client: Client) -> None:
    item = add("Comet")
    for url in ("/", item.get_absolute_url()):
        page = client.get(url).text
        assert '<dialog class="modal" id="delete-dialog"' in page
        assert f'data-delete-url="/items/{item.pk}/delete/"' in page


def test_titles_are_escaped(client: Client) -> None:
    add("<script>alert(1)</script>")
    assert "<script>alert" not in client.get("/").text


def test_post_without_csrf_token_is_refused() -> None:
    response = Client(enforce_csrf_checks=True).post("/items/new/", {"title": "Comet"})
    assert response.status_code == 403


def test_seed_fills_a_new_database_once() -> None:
    call_command("seed_items")
    roster = Item.objects.count()
    assert roster > 0
    call_command("seed_items")
    assert Item.objects.count() == roster


def test_seed_leaves_an_emptied_list_empty() -> None:
    call_command("seed_items")
    Item.objects.all().delete()
    call_command("seed_items")
    assert not Item.objects.exists()


def test_seed_leaves_somebody_elses_items_alone() -> None:
    add("Comet")
    call_command("seed_items")
    assert Item.objects.count() == 1
