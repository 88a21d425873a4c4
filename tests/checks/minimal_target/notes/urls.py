"""A page with notes and a form for another."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import get_token
from django.urls import path
from django.utils.html import format_html, format_html_join

from notes.models import Note


def notes(request: HttpRequest) -> HttpResponse:
    """Show all notes, save one."""
    if request.method == "POST":
        Note.objects.create(text=request.POST["text"])
        return HttpResponseRedirect("/")
    shown = format_html_join("", "<li>{}</li>", ((note.text,) for note in Note.objects.all()))
    page = format_html(
        "<!doctype html><html lang='en'><title>Notes</title><h1>Notes</h1><ul>{}</ul>"
        "<form method='post'><input type='hidden' name='csrfmiddlewaretoken' value='{}'>"
        "<label>Text <input name='text' required></label><button>Save</button></form>",
        shown,
        get_token(request),
    )
    policy = "frame-ancestors 'self'; object-src 'none'; base-uri 'self'"
    return HttpResponse(page, headers={"Content-Security-Policy": policy})


urlpatterns = [path("", notes)]
