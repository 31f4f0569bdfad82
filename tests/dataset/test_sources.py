import hashlib
import tomllib
from importlib import resources

import pytest

from ffhq_wrinkle.dataset.sources import cache_folder, fetch, source
from ffhq_wrinkle.errors import SourceError

WEIGHTS = b"weights" * 1000
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FFHQ_WRINKLE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Write a table of sources with one entry, and use it."""

    def write(url, sha256=SHA256):
        path = tmp_path / "sources.toml"
        path.write_text(f'[net]\ntitle = "T"\nfile = "net.pth"\nurl = "{url}"\nsha256 = "{sha256}"')
        monkeypatch.setenv("FFHQ_WRINKLE_SOURCES", str(path))

    return write


def test_a_file_is_downloaded_once_and_verified(cache, table, site):
    site.pages["/net.pth"] = WEIGHTS
    table(site.url("/net.pth"))
    for _ in range(2):
        assert fetch(source("net")).read_bytes() == WEIGHTS
    assert site.requests == ["/net.pth"]
    assert [path.name for path in cache.iterdir()] == ["net.pth"]


def test_a_file_with_a_different_hash_is_not_kept(cache, table, site):
    site.pages["/net.pth"] = b"<html>Quota exceeded</html>"
    table(site.url("/net.pth"))
    with pytest.raises(SourceError, match=r"sent something other than net.pth"):
        fetch(source("net"))
    assert list(cache.iterdir()) == []


def test_a_missing_page_is_named(cache, table, site):
    table(site.url("/gone.pth"))
    with pytest.raises(SourceError, match=r"gone.pth \(404"):
        fetch(source("net"))


def test_without_a_connection_the_error_is_one_line(cache, table, site):
    address = site.url("/net.pth")
    site.server_close()  # nothing listens at that port any more
    table(address)
    with pytest.raises(SourceError, match=r"cannot be downloaded from .* \(no connection") as error:
        fetch(source("net"))
    assert "\n" not in str(error.value)


def test_a_folder_in_the_place_of_the_file_is_named(cache, table, site):
    site.pages["/net.pth"] = WEIGHTS
    table(site.url("/net.pth"))
    (cache / "net.pth").mkdir(parents=True)
    with pytest.raises(SourceError, match=r"net\.pth cannot be written: .* Is a directory"):
        fetch(source("net"))


def test_a_damaged_file_in_the_cache_is_not_used(cache, table, site):
    site.pages["/net.pth"] = WEIGHTS
    table(site.url("/net.pth"))
    fetch(source("net")).write_bytes(WEIGHTS[:-1])
    with pytest.raises(SourceError, match="Delete it"):
        fetch(source("net"))


def test_a_file_without_a_published_hash_is_not_downloaded(cache, site):
    with pytest.raises(SourceError, match="no hash is published"):
        fetch(source("bisenet-facexlib"))


def test_the_published_parser_has_its_address_and_hash():
    published = source("bisenet")
    assert published.file == "79999_iter.pth"
    assert "154JgKpzCPW82qINcVieuPH3fZ2e0P812" in published.url
    assert published.sha256 is not None
    assert published.sha256.startswith("468e13ca13a9b43c")


def test_the_shipped_table_is_well_formed():
    text = (resources.files("ffhq_wrinkle.manifests") / "sources.toml").read_text()
    for name, entry in tomllib.loads(text).items():
        assert {"url", "drive", "huggingface"} & entry.keys(), name
        assert len(entry.get("sha256", 64 * "0")) == 64
        assert len(entry.get("md5", 32 * "0")) == 32


def test_unknown_names_and_broken_tables_are_errors(tmp_path, monkeypatch):
    with pytest.raises(SourceError, match="nonsense"):
        source("nonsense")
    broken = tmp_path / "broken.toml"
    broken.write_text("[net")
    monkeypatch.setenv("FFHQ_WRINKLE_SOURCES", str(broken))
    with pytest.raises(SourceError, match="cannot be read"):
        source("net")


def test_the_cache_is_the_users_unless_named(monkeypatch):
    monkeypatch.delenv("FFHQ_WRINKLE_CACHE", raising=False)
    assert cache_folder().parts[-2:] == ("ffhq-wrinkle", "weights")
