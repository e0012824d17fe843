"""Files arrive complete, checked and once, or not at all."""

import hashlib
import os
import re
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from hydrarec.config import load
from hydrarec.config.built_in import BUILT_IN
from hydrarec.config.datasets import DatasetConfig, PairsReaderConfig, SourceConfig
from hydrarec.data.download import DownloadError, download, local_troubles

CONTENT = b"".join(b"%d %d\n" % (user, item) for user in range(1, 400) for item in range(1, 9))
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NAME = "pairs.txt"


def _dataset(*urls: str) -> DatasetConfig:
    source = SourceConfig(file=NAME, urls=list(urls), sha256=SHA256)
    return DatasetConfig(id="tiny", title="Tiny", source=source, reader=PairsReaderConfig())


def _fetch(dataset: DatasetConfig, folder: Path, mirror: str | None = None) -> Path | None:
    return download(dataset, folder, mirror, first_pause_s=0)


def _ranged(request: Request) -> Response:
    """Answer as a server that knows ranges."""
    asked = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
    if not asked:
        return Response(CONTENT)
    start = int(asked[1])
    if start >= len(CONTENT):
        return Response(status=416, headers={"Content-Range": f"bytes */{len(CONTENT)}"})
    return Response(CONTENT[start:], 206, {"Content-Range": f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"})


def _truncated(n_bytes: int) -> Response:
    """Promise the whole file and hang up in the middle of it."""
    return Response(iter([CONTENT[:n_bytes]]), headers={"Content-Length": str(len(CONTENT))})


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(autouse=True)
def _no_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HYDRAREC_MIRROR", raising=False)


@pytest.fixture
def mirror_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "mirror"
    folder.mkdir()
    (folder / NAME).write_bytes(CONTENT)
    return folder


def test_no_file_for_generated_data(tmp_path):
    assert _fetch(BUILT_IN["synthetic"], tmp_path / "raw") is None
    assert not (tmp_path / "raw").exists()


def test_mirror_folder(tmp_path, mirror_folder):
    path = _fetch(_dataset(), tmp_path / "raw", str(mirror_folder))
    assert path == tmp_path / "raw" / NAME
    assert path.read_bytes() == CONTENT
    assert _names(path.parent) == [NAME]
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


def test_mirror_url_comes_before_the_source(tmp_path, httpserver: HTTPServer):
    httpserver.expect_request("/mirror/" + NAME).respond_with_handler(_ranged)
    path = _fetch(_dataset(httpserver.url_for("/source")), tmp_path, httpserver.url_for("/mirror/"))
    assert path.read_bytes() == CONTENT
    assert [request.path for request, _ in httpserver.log] == ["/mirror/" + NAME]


def test_environment_wins_over_argument(tmp_path, mirror_folder, monkeypatch, caplog):
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    (wrong / NAME).write_bytes(b"1 1\n")
    monkeypatch.setenv("HYDRAREC_MIRROR", str(mirror_folder))
    assert _fetch(_dataset(), tmp_path / "raw", str(wrong)).read_bytes() == CONTENT
    assert "checksum" not in caplog.text


def test_absent_mirror_file_falls_back_to_the_source(tmp_path, httpserver: HTTPServer, caplog):
    httpserver.expect_request("/source").respond_with_handler(_ranged)
    empty = tmp_path / "empty"
    path = _fetch(_dataset(httpserver.url_for("/source")), tmp_path / "raw", str(empty))
    assert path.read_bytes() == CONTENT
    assert f"{empty / NAME}: no such file" in caplog.text


def test_right_file_is_left_alone(tmp_path, httpserver: HTTPServer):
    target = tmp_path / NAME
    target.write_bytes(CONTENT)
    os.utime(target, (1, 1))
    assert _fetch(_dataset(httpserver.url_for("/source")), tmp_path) == target
    assert target.stat().st_mtime == 1
    assert not httpserver.log


def test_wrong_file_is_replaced(tmp_path, mirror_folder):
    target = tmp_path / "raw" / NAME
    target.parent.mkdir()
    target.write_bytes(CONTENT[:-1])
    assert _fetch(_dataset(), target.parent, str(mirror_folder)).read_bytes() == CONTENT


def test_wrong_checksum_says_where_from_and_leaves_nothing(tmp_path, mirror_folder, httpserver: HTTPServer):
    (mirror_folder / NAME).write_bytes(CONTENT[:-1])
    httpserver.expect_request("/source").respond_with_data("something else")
    url = httpserver.url_for("/source")
    with pytest.raises(DownloadError) as caught:
        _fetch(_dataset(url), tmp_path / "raw", str(mirror_folder))
    found = hashlib.sha256(CONTENT[:-1]).hexdigest()
    assert f"{mirror_folder / NAME}: wrong checksum: expected sha256 {SHA256}, found {found}" in str(caught.value)
    assert f"{url}: wrong checksum" in str(caught.value)
    assert _names(tmp_path / "raw") == []


def test_failure_lists_every_place_and_what_to_do(tmp_path, httpserver: HTTPServer):
    httpserver.expect_request("/gone").respond_with_data("no", status=404)
    url, nobody = httpserver.url_for("/gone"), "http://localhost:9/file"
    with pytest.raises(DownloadError) as caught:
        _fetch(_dataset(url, nobody), tmp_path / "raw", str(tmp_path))
    message = str(caught.value)
    for part in (f"{tmp_path / NAME}: no such file", f"{url}: the server answered 404", nobody, "refused"):
        assert part in message
    for part in (str(tmp_path / "raw" / NAME), "HYDRAREC_MIRROR", SHA256):
        assert part in message
    assert len(httpserver.log) == 1, "an answer that will not change is not asked for again"


def test_no_place_at_all(tmp_path):
    with pytest.raises(DownloadError, match="no mirror is set and there is no url"):
        _fetch(_dataset(), tmp_path)


def test_resumes_an_interrupted_download(tmp_path, httpserver: HTTPServer):
    (tmp_path / f"{NAME}.part").write_bytes(CONTENT[:1000])
    httpserver.expect_request("/source").respond_with_handler(_ranged)
    assert _fetch(_dataset(httpserver.url_for("/source")), tmp_path).read_bytes() == CONTENT
    assert [request.headers["Range"] for request, _ in httpserver.log] == ["bytes=1000-"]
    assert _names(tmp_path) == [NAME]


def test_starts_anew_where_ranges_are_ignored(tmp_path, httpserver: HTTPServer):
    (tmp_path / f"{NAME}.part").write_bytes(b"x" * (len(CONTENT) + 5))
    httpserver.expect_request("/source").respond_with_data(CONTENT)
    assert _fetch(_dataset(httpserver.url_for("/source")), tmp_path).read_bytes() == CONTENT
    assert len(httpserver.log) == 1


def test_accepts_a_part_that_is_already_whole(tmp_path, httpserver: HTTPServer):
    (tmp_path / f"{NAME}.part").write_bytes(CONTENT)
    httpserver.expect_request("/source").respond_with_handler(_ranged)
    assert _fetch(_dataset(httpserver.url_for("/source")), tmp_path).read_bytes() == CONTENT
    assert len(httpserver.log) == 1


@pytest.mark.parametrize("left", [b"y" * 1000, b"y" * (len(CONTENT) + 1)], ids=["other bytes", "too long"])
def test_part_of_another_version_is_thrown_away(left, tmp_path, httpserver: HTTPServer):
    (tmp_path / f"{NAME}.part").write_bytes(left)
    httpserver.expect_request("/source").respond_with_handler(_ranged)
    assert _fetch(_dataset(httpserver.url_for("/source")), tmp_path).read_bytes() == CONTENT
    assert "Range" not in httpserver.log[-1][0].headers


def test_truncated_transfer_goes_on_by_itself(tmp_path, httpserver: HTTPServer):
    def broken_once(request: Request) -> Response:
        if "Range" in request.headers:
            return _ranged(request)
        return _truncated(1234)

    httpserver.expect_request("/source").respond_with_handler(broken_once)
    assert _fetch(_dataset(httpserver.url_for("/source")), tmp_path).read_bytes() == CONTENT
    assert [request.headers.get("Range") for request, _ in httpserver.log] == [None, "bytes=1234-"]


def test_transfer_that_stays_truncated(tmp_path, httpserver: HTTPServer):
    httpserver.expect_request("/source").respond_with_handler(lambda _: _truncated(100))
    with pytest.raises(DownloadError, match="broke off after 100 of"):
        _fetch(_dataset(httpserver.url_for("/source")), tmp_path)
    assert _names(tmp_path) == [f"{NAME}.part"], "what came stays for the next time, under no final name"


def test_busy_server_is_asked_again(tmp_path, httpserver: HTTPServer):
    answers = iter([Response("busy", 503), Response("busy", 429), Response(CONTENT)])
    httpserver.expect_request("/source").respond_with_handler(lambda _: next(answers))
    assert _fetch(_dataset(httpserver.url_for("/source")), tmp_path).read_bytes() == CONTENT


def test_server_that_sends_another_range_is_not_believed(tmp_path, httpserver: HTTPServer):
    def off_by_ten(request: Request) -> Response:
        if "Range" not in request.headers:
            return Response(CONTENT)
        return Response(CONTENT[10:], 206, {"Content-Range": f"bytes 10-{len(CONTENT) - 1}/{len(CONTENT)}"})

    (tmp_path / f"{NAME}.part").write_bytes(CONTENT[:20])
    httpserver.expect_request("/source").respond_with_handler(off_by_ten)
    assert _fetch(_dataset(httpserver.url_for("/source")), tmp_path).read_bytes() == CONTENT


def test_failed_copy_leaves_an_interrupted_download_in_place(tmp_path, mirror_folder):
    (mirror_folder / NAME).write_bytes(b"wrong")
    folder = tmp_path / "raw"
    folder.mkdir()
    (folder / f"{NAME}.part").write_bytes(CONTENT[:10])
    with pytest.raises(DownloadError):
        _fetch(_dataset(), folder, str(mirror_folder))
    assert (folder / f"{NAME}.part").read_bytes() == CONTENT[:10]


def _troubles(*urls: str, mirror: str | None = None) -> list[str]:
    source = {"file": NAME, "urls": list(urls), "sha256": SHA256}
    config = {
        "report": "r",
        "datasets": ["synthetic", {"id": "tiny", "title": "Tiny", "source": source, "reader": {"kind": "pairs"}}],
        "seeds": [0],
        "mirror": mirror,
        "runs": [{"id": "popular", "baseline": "popularity"}],
        "evaluation": {"reference": "popular"},
    }
    return local_troubles(load(config), lambda keys: "/".join(map(str, keys)))


def test_local_data_that_cannot_be_had_or_are_others_are_told(tmp_path, monkeypatch):
    monkeypatch.delenv("HYDRAREC_MIRROR", raising=False)
    address, mirror = "https://example.org/pairs.txt", tmp_path / "mirror"
    assert _troubles(mirror=str(mirror)) == [f"mirror: mirror: there is no folder {mirror}"]
    mirror.mkdir()
    absent = f"datasets/1/source/file: {NAME} is not in {mirror}, and no url is given"
    assert _troubles(mirror=str(mirror)) == [absent]
    # Where else it can be had nobody has asked yet.
    assert _troubles(address, mirror=str(mirror)) == []
    assert _troubles(mirror="https://example.org") == _troubles() == []
    (mirror / NAME).write_bytes(CONTENT)
    assert _troubles(mirror=str(mirror)) == []
    (mirror / NAME).write_bytes(CONTENT + b"1 9\n")
    (told,) = _troubles(address, mirror=str(mirror))
    now = hashlib.sha256(CONTENT + b"1 9\n").hexdigest()
    assert f"datasets/1/source/sha256: {mirror / NAME} has sha256 {now} now; the configuration names {SHA256}" in told
    monkeypatch.setenv("HYDRAREC_MIRROR", str(tmp_path / "away"))
    assert _troubles(address, mirror=str(mirror)) == [f"HYDRAREC_MIRROR: there is no folder {tmp_path / 'away'}", told]
