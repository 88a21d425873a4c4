"""Which package is behind an address."""

import pytest

from skill_scripts.offline import hosts


@pytest.mark.parametrize("address", ["https://cdn.example/a.js", "https://esm.sh/react@18"])
def test_no_package_is_guessed(address):
    assert hosts.packaged(address) is None


@pytest.mark.parametrize(
    ("address", "package", "version", "path"),
    [
        ("cdn.jsdelivr.net/npm/bootstrap@5.3.3/dist/a.css", "bootstrap", "5.3.3", "dist/a.css"),
        ("cdn.jsdelivr.net/npm/@popperjs/core@2/dist/a.js", "@popperjs/core", "2", "dist/a.js"),
        ("cdn.jsdelivr.net/npm/chart.js", "chart.js", "", None),
        ("unpkg.com/htmx.org@1.9.12", "htmx.org", "1.9.12", None),
        ("unpkg.com/@scope/name@^1/x.js", "@scope/name", "^1", "x.js"),
        ("cdnjs.cloudflare.com/ajax/libs/twitter-bootstrap/4.6.0/css/a.css", "bootstrap", "4.6.0",
         "dist/css/a.css"),
        ("cdnjs.cloudflare.com/ajax/libs/font-awesome/6.5.1/css/all.min.css",
         "@fortawesome/fontawesome-free", "6.5.1", "css/all.min.css"),
        ("ajax.googleapis.com/ajax/libs/jquery/3.6.0/jquery.min.js", "jquery", "3.6.0",
         "dist/jquery.min.js"),
        ("code.jquery.com/jquery-3.5.1.slim.min.js", "jquery", "3.5.1", "dist/jquery.slim.min.js"),
        ("code.jquery.com/ui/1.13.2/jquery-ui.min.js", "jquery-ui", "1.13.2",
         "dist/jquery-ui.min.js"),
        ("ajax.googleapis.com/ajax/libs/jqueryui/1.12.1/themes/base/jquery-ui.css",
         "jquery-ui-dist", "1.12.1", "jquery-ui.css"),
        ("cdn.datatables.net/1.10.21/css/dataTables.bootstrap4.min.css", "datatables.net-bs4",
         "1.10.21", "css/dataTables.bootstrap4.min.css"),
        ("cdn.datatables.net/1.10.6/js/jquery.dataTables.min.js", "datatables", "1.10.6",
         "media/js/jquery.dataTables.min.js"),
        ("cdn.datatables.net/buttons/2.2.3/js/dataTables.buttons.min.js",
         "datatables.net-buttons", "2.2.3", "js/dataTables.buttons.min.js"),
        ("cdn.datatables.net/buttons/2.2.3/js/buttons.html5.min.js",
         "datatables.net-buttons", "2.2.3", "js/buttons.html5.min.js"),
        ("cdn.datatables.net/responsive/2.5.0/css/responsive.bootstrap5.min.css",
         "datatables.net-responsive-bs5", "2.5.0", "css/responsive.bootstrap5.min.css"),
        ("cdn.datatables.net/fixedheader/3.4.0/css/fixedHeader.dataTables.min.css",
         "datatables.net-fixedheader-dt", "3.4.0", "css/fixedHeader.dataTables.min.css"),
        ("stackpath.bootstrapcdn.com/bootstrap/4.5.2/js/a.js", "bootstrap", "4.5.2",
         "dist/js/a.js"),
        ("maxcdn.bootstrapcdn.com/font-awesome/4.7.0/css/a.css", "font-awesome", "4.7.0",
         "css/a.css"),
        ("use.fontawesome.com/releases/v5.15.4/css/all.css", "@fortawesome/fontawesome-free",
         "5.15.4", "css/all.css"),
    ],
)  # fmt: skip
def test_package_behind_an_address(address, package, version, path):
    found = hosts.packaged(f"https://{address}")
    assert (found.package, found.version) == (package, version)
    assert path is None or path in found.paths
