"""import: what `--from` may name."""

import gzip

import pytest

from skill_scripts.errors import KitError
from skill_scripts.importing.source import recognise


def code_of(given) -> str:
    with pytest.raises(KitError) as raised:
        recognise(str(given))
    return raised.value.code


def test_a_file_is_known_by_its_content_and_its_ending(tmp_path):
    database = tmp_path / "data.json"  # whatever it is called
    database.write_bytes(b"SQLite format 3\0 and so on")
    assert recognise(str(database)).kind == "sqlite"
    for name, format_ in (("a.json", "json"), ("b.JSONL", "jsonl"), ("c.yml", "yaml")):
        (tmp_path / name).write_text("[]", encoding="utf-8")
        assert recognise(str(tmp_path / name)).format == format_
    with gzip.open(tmp_path / "d.xml.gz", "wb") as stream:
        stream.write(b"<django-objects/>")
    found = recognise(str(tmp_path / "d.xml.gz"))
    assert (found.format, found.is_compressed) == ("xml", True)


def test_what_is_none_of_these_is_refused(tmp_path):
    (tmp_path / "dump.sql").write_text("CREATE TABLE", encoding="utf-8")
    (tmp_path / "half.json.gz").write_bytes(b"\x1f\x8b\x08")
    assert code_of(tmp_path / "absent.json") == "DDK-IMP-01"
    assert code_of(tmp_path) == "DDK-IMP-02"  # a folder, and no export
    assert code_of("env:NOT_SET_ANYWHERE") == "DDK-IMP-01"
    assert code_of(tmp_path / "dump.sql") == "DDK-IMP-02"
    assert code_of("oracle://host/name") == "DDK-IMP-02"
    assert code_of("postgresql://host:port/name") == "DDK-IMP-02"
    assert code_of(tmp_path / "half.json.gz") == "DDK-IMP-03"


def test_an_address_becomes_an_entry_of_databases(monkeypatch):
    monkeypatch.setenv("SHOP", "postgresql://me:p%40ss@db.example:6432/shop?sslmode=require")
    found = recognise("env:SHOP")
    assert found.name == "postgresql://me@db.example:6432/shop"
    assert found.database == {
        "ENGINE": "django.db.backends.postgresql", "NAME": "shop", "USER": "me",
        "PASSWORD": "p@ss", "HOST": "db.example", "PORT": "6432",
        "OPTIONS": {"sslmode": "require"},
    }  # fmt: skip


def test_a_socket_is_a_host():
    found = recognise("postgresql:///shop?host=/run/pg")
    assert found.database["HOST"] == "/run/pg" and found.database["OPTIONS"] == {}


@pytest.mark.parametrize(
    ("content", "format_"),
    [
        (b"PGDMP\1\17", "custom"),
        (b"--\n-- PostgreSQL database dump\n--\n\n\\restrict x\n", "plain"),
        (b"--\r\n-- PostgreSQL database dump\r\n--\r\n", "plain"),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_file_of_pg_dump_is_known_by_what_it_says(tmp_path, content, format_, pack):
    file = tmp_path / "shop"
    file.write_bytes(pack(content))
    found = recognise(str(file))
    assert (found.kind, found.format) == ("pg_dump", format_)
    assert found.is_compressed is (pack is gzip.compress)


@pytest.mark.parametrize(
    ("says", "why"),
    [
        ("PostgreSQL database cluster dump", "pg_dumpall"),
        ("MariaDB dump 10.19  Distrib 10.11.19", "address of the server"),
        ("MySQL dump 10.13  Distrib 8.0.40", "address of the server"),
    ],
)
def test_other_dumps_are_told_what_to_do(tmp_path, says, why):
    file = tmp_path / "all.sql"
    file.write_text(f"-- {says}\n--\n", encoding="utf-8")
    with pytest.raises(KitError) as caught:
        recognise(str(file))
    assert caught.value.code == "DDK-IMP-02" and why in caught.value.message


def test_options_of_a_driver_are_as_it_takes_them():
    found = recognise(
        "mysql://me@db.example/shop?ssl-ca=/ca.pem&ssl-cert=/me.pem&connect_timeout=5"
    )
    assert found.database["ENGINE"] == "django.db.backends.mysql"
    assert found.database["OPTIONS"] == {
        "ssl": {"ca": "/ca.pem", "cert": "/me.pem"}, "connect_timeout": 5,
    }  # fmt: skip
