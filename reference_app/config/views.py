from base64 import b64encode
from hashlib import sha256
from re import DOTALL, search

from django.conf import settings
from django.http import HttpRequest, HttpResponse

SPLASH = settings.BASE_DIR / "assets" / "brand" / "splash.html"


def splash(request: HttpRequest) -> HttpResponse:
    """The page the desktop shell shows while the backend starts, as that very file."""
    page = SPLASH.read_text(encoding="utf-8")
    style = search(r"<style>(.*?)</style>", page, DOTALL)[1]
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = f"{settings.CONTENT_SECURITY_POLICY}; img-src data:; style-src 'sha256-{digest}'"
    return HttpResponse(page, headers={"Content-Security-Policy": policy})
