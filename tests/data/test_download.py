"""Downloads from a server on this machine (no network): resume, mirrors, refusals, archives."""

import contextlib
import io
import re
import tarfile
import threading
import zipfile
from dataclasses import replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fairnb.data import download, registry, sources
from fairnb.data.sources import Download
from fairnb.errors import BadData, FairnbError

TEXT = "".join(f"{i}, some row of a table\n" for i in range(40_000)).encode()
HASH = sha256(TEXT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves ``server.content[path]``; understands ranges unless told not to; may stop after ``server.stop_after``."""

    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("Range")))
        body = self.server.content.get(self.path)
        if body is None:
            return self.send_error(404)
        start = 0
        if self.server.ranges and (asked := re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))):
            start = int(asked[1])
            if start >= len(body):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(body)}")
                self.end_headers()
                return None
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        stop = self.server.stops.pop(0) if self.server.stops else len(body)
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body[start : start + stop])
        return None

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.content, server.asked, server.stops, server.ranges = {}, [], [], True
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def text(*urls, **known):
    return Download(urls, "text", "toy/table.csv", **known)


def zipped(**members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "/").replace("_DOT_", "."), data)
    return buffer.getvalue()


def tarred(**members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name.replace("__", "/"))
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@pytest.fixture
def toy(monkeypatch):
    """``toy(*downloads)`` makes them the data set ``toy`` of the registry."""

    def register(*downloads, files=("toy/table.csv",), digest=HASH):
        entry = replace(
            sources.ADULT, name="toy", files=tuple(sources.File(f, digest) for f in files), downloads=downloads
        )
        monkeypatch.setitem(registry.DATA_SETS, "toy", entry)

    return register


def test_text_download_once(server, tmp_path, toy):
    server.content["/t.csv"] = TEXT
    toy(text(f"{server.url}/t.csv", sha256=HASH, size=len(TEXT)))
    assert registry.download("toy", tmp_path) == tmp_path
    assert (tmp_path / "toy/table.csv").read_bytes() == TEXT
    registry.download("toy", tmp_path)
    assert len(server.asked) == 1
    assert not list((tmp_path / ".downloads").glob("*.part"))


def test_file_url(tmp_path, toy):
    (tmp_path / "source.csv").write_bytes(TEXT)
    toy(text((tmp_path / "source.csv").as_uri(), sha256=HASH))
    registry.download("toy", tmp_path / "data")
    assert (tmp_path / "data/toy/table.csv").read_bytes() == TEXT


@pytest.mark.parametrize("ranges", [True, False])
def test_interrupted_transfer_goes_on(server, tmp_path, toy, ranges):
    server.content["/t.csv"], server.stops, server.ranges = TEXT, [100_000, 200_000], ranges
    toy(text(f"{server.url}/t.csv", sha256=HASH))
    registry.download("toy", tmp_path)
    assert (tmp_path / "toy/table.csv").read_bytes() == TEXT
    assert server.asked[1] == ("/t.csv", "bytes=100000-")


def test_goes_on_in_another_run_and_after_a_complete_part(server, tmp_path, toy):
    server.content["/t.csv"], server.stops = TEXT, [1000, 1000, 1000]
    toy(text(f"{server.url}/t.csv", sha256=HASH))
    with pytest.raises(FairnbError, match=rf"stopped after 3000 of {len(TEXT)} bytes: run it again to go on"):
        registry.download("toy", tmp_path)
    part = tmp_path / ".downloads/toy.0.part"
    assert part.read_bytes() == TEXT[:3000]
    part.write_bytes(TEXT)  # killed after the last byte: the server says 416, the hash decides
    registry.download("toy", tmp_path)
    assert (tmp_path / "toy/table.csv").read_bytes() == TEXT


def test_without_a_hash_nothing_is_continued(server, tmp_path, toy):
    server.content["/t.csv"] = TEXT
    toy(text(f"{server.url}/t.csv"))
    (tmp_path / ".downloads").mkdir()
    (tmp_path / ".downloads/toy.0.part").write_bytes(b"old")
    registry.download("toy", tmp_path)
    assert server.asked == [("/t.csv", None)] and (tmp_path / "toy/table.csv").read_bytes() == TEXT


def test_spliced_part_is_refused_and_removed(server, tmp_path, toy):
    server.content["/t.csv"] = TEXT
    toy(text(f"{server.url}/t.csv", sha256=HASH))
    (tmp_path / ".downloads").mkdir()
    (tmp_path / ".downloads/toy.0.part").write_bytes(b"of another file")
    with pytest.raises(BadData, match="delivered a file with SHA-256"):
        registry.download("toy", tmp_path)
    assert not (tmp_path / "toy").exists() and not (tmp_path / ".downloads/toy.0.part").exists()


@pytest.mark.parametrize("kind", ["zip", "gzip", "text"])
@pytest.mark.parametrize("page", [b"<!DOCTYPE html><p>Quota exceeded", b"\n <html><head>404", b"<?xml version='1.0'?>"])
def test_web_page_is_refused(server, tmp_path, toy, kind, page):
    server.content["/x"] = page
    toy(Download((f"{server.url}/x",), kind, "toy/table.csv"))
    with pytest.raises(BadData, match=f"delivered a web page, not the {kind} file"):
        registry.download("toy", tmp_path)
    assert not (tmp_path / "toy").exists() and not list((tmp_path / ".downloads").glob("*.part"))


@pytest.mark.parametrize(
    ("kind", "data"), [("zip", b"Rar!"), ("gzip", b"PK\x03\x04"), ("text", b"PK\0"), ("text", b"")]
)
def test_other_content_is_refused(server, tmp_path, toy, kind, data):
    server.content["/x"] = data
    toy(Download((f"{server.url}/x",), kind, "toy/table.csv"))
    with pytest.raises(BadData, match=f"is no {kind} file"):
        registry.download("toy", tmp_path)


def test_wrong_size_and_hash(server, tmp_path, toy):
    server.content["/t.csv"] = TEXT
    toy(text(f"{server.url}/t.csv", size=5))
    with pytest.raises(BadData, match=rf"delivered {len(TEXT)} bytes, not 5"):
        registry.download("toy", tmp_path)
    toy(text(f"{server.url}/t.csv", sha256="0" * 64))
    with pytest.raises(BadData, match="with SHA-256"):
        registry.download("toy", tmp_path)
    assert not (tmp_path / "toy").exists()


def test_no_network_and_404_are_sentences_and_mirrors_are_tried(server, tmp_path, toy):
    toy(text("http://127.0.0.1:9/t.csv"))
    with pytest.raises(FairnbError, match=r"127\.0\.0\.1:9 cannot be reached .*check the network"):
        registry.download("toy", tmp_path)
    toy(text(f"{server.url}/gone.csv"))
    with pytest.raises(FairnbError, match="answers 404"):
        registry.download("toy", tmp_path)
    server.content |= {"/page": b"<html>", "/t.csv": TEXT}
    toy(text("http://127.0.0.1:9/t.csv", f"{server.url}/gone.csv", f"{server.url}/page", f"{server.url}/t.csv"))
    registry.download("toy", tmp_path)
    assert (tmp_path / "toy/table.csv").read_bytes() == TEXT


def test_full_disk_while_downloading(server, tmp_path, toy, monkeypatch):
    server.content["/t.csv"] = TEXT
    toy(text(f"{server.url}/t.csv"))
    monkeypatch.setattr(download.files, "free_bytes", lambda path: 10)
    with pytest.raises(FairnbError, match="disk is full"):
        registry.download("toy", tmp_path)


def test_zip_and_zip_within_zip(server, tmp_path, toy):
    inner = zipped(folder__table_DOT_csv=TEXT)
    server.content |= {"/flat.zip": zipped(table_DOT_csv=TEXT), "/nested.zip": zipped(b=b"x", inner_DOT_zip=inner)}
    for name in ("flat", "nested"):
        toy(Download((f"{server.url}/{name}.zip",), "zip", members=(("table.csv", "toy/table.csv"),)))
        registry.download("toy", tmp_path / name)
        assert (tmp_path / name / "toy/table.csv").read_bytes() == TEXT


def test_broken_archives(server, tmp_path, toy):
    server.content |= {
        "/a.zip": zipped(other_DOT_csv=b"x"),
        "/b.zip": zipped(table_DOT_csv=TEXT)[:2000],
        "/c.tgz": tarred(lfw__a=TEXT)[:1000],
        "/d.tgz": tarred(**{"..__evil": b"x"}),
        "/e.tgz": tarred(other__a=b"x"),
    }
    for name in server.content:
        kind = "zip" if name.endswith("zip") else "gzip"
        toy(Download((server.url + name,), kind, members=(("table.csv", "toy/table.csv"),), folder="lfw"))
        with pytest.raises(BadData, match="the archive cannot be unpacked"):
            registry.download("toy", tmp_path / "data")
    assert not (tmp_path / "data/toy").exists() and not (tmp_path / "data/lfw").exists()
    assert not (tmp_path / "evil").exists() and not (tmp_path / "data/evil").exists()


def test_tar_joins_a_folder_that_is_there(server, tmp_path, toy):
    server.content |= {"/a.tgz": tarred(toy__A__1=b"1", toy__B__1=b"2"), "/t.csv": TEXT}
    toy(Download((f"{server.url}/a.tgz",), "gzip", folder="toy"), text(f"{server.url}/t.csv"))
    (tmp_path / "toy/A").mkdir(parents=True)
    (tmp_path / "toy/A/mine").write_text("somebody's own")
    registry.download("toy", tmp_path)
    found = sorted(str(p.relative_to(tmp_path / "toy")) for p in (tmp_path / "toy").rglob("*") if p.is_file())
    assert found == ["A/1", "A/mine", "B/1", "table.csv"]
    assert sorted(p.name for p in (tmp_path / ".downloads").iterdir()) in ([], ["toy.lock"])
