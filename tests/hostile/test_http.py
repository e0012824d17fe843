"""Servers that break off, lie, lead astray or never end."""

import hashlib
import time

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from hydrarec.config.datasets import DatasetConfig, PairsReaderConfig, SourceConfig
from hydrarec.data import download as download_module
from hydrarec.data import transfer

CONTENT = b"".join(b"%d %d\n" % (user, item) for user in range(1, 900) for item in range(1, 9))
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NAME, PART = "raw/pairs.txt", "raw/pairs.txt.part"


@pytest.fixture
def refuses(command, monkeypatch):
    """Return how to download from addresses that must be refused, without pauses between tries."""
    monkeypatch.setattr(transfer, "READ_TIMEOUT_S", 0.3)
    monkeypatch.setattr(download_module, "HttpTransfer", lambda part, _: transfer.HttpTransfer(part, 0))

    def run(*words, urls=(), mirror="", leaves=()):
        source = SourceConfig(file="pairs.txt", urls=list(urls), sha256=SHA256)
        dataset = DatasetConfig(id="tiny", title="Tiny", source=source, reader=PairsReaderConfig())
        words = ("tiny: pairs.txt could not be had", SHA256, "fetch it by hand", *words)
        arguments = ("--dataset", dataset.model_dump_json(), "--output", "raw", "--mirror", mirror)
        return command.refuses("download", *arguments, words=words, leaves=leaves)

    return run


@pytest.fixture
def answers(httpserver: HTTPServer, refuses):
    """Return how to refuse what a server answers."""

    def run(response, *words, **more):
        handler = (lambda _: response) if isinstance(response, Response) else response
        httpserver.expect_request("/source").respond_with_handler(handler)
        url = httpserver.url_for("/source")
        return refuses(url, *words, urls=[url], **more)

    return run


@pytest.mark.parametrize("status", [204, 301, 304, 400, 401, 403, 404, 410, 418, 451])
def test_answer_that_will_not_change(status, answers, httpserver):
    answers(Response(status=status), f"the server answered {status}")
    assert len(httpserver.log) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_answer_that_stays_busy(status, answers, httpserver):
    answers(Response(status=status), f"the server answered {status}", "tried 5 times")
    assert len(httpserver.log) == 5


def test_another_file(answers):
    answers(Response(b"<html>log in</html>"), "wrong checksum", hashlib.sha256(b"<html>log in</html>").hexdigest())


def test_nothing(answers):
    answers(Response(b""), "wrong checksum", hashlib.sha256(b"").hexdigest())


def test_broken_off_in_the_middle_every_time(answers):
    def cut(_: Request) -> Response:
        return Response(iter([CONTENT[:500]]), headers={"Content-Length": str(len(CONTENT))})

    answers(cut, "broke off after 500 of", "tried 5 times", leaves=(PART,))


@pytest.mark.parametrize("said", ["3", str(10**15), "-5", "many", "", "12, 13"])
def test_length_that_is_a_lie(said, answers):
    answers(lambda _: Response(iter([CONTENT[:-1]]), headers={"Content-Length": said}), leaves=(PART,))


@pytest.mark.parametrize("said", ["bytes 5-9/*", "bytes 0-1/2", "bytes a-b/c", "items 1-2/3", ""])
def test_range_that_nobody_asked_for(said, answers):
    answers(lambda _: Response(CONTENT[1:], 206, {"Content-Range": said}), leaves=(PART,))


def test_a_part_that_the_server_does_not_continue(answers, tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / PART).write_bytes(b"x" * 100)
    answers(lambda _: Response(status=416, headers={"Content-Range": "bytes */7"}), "416", leaves=(PART,))


def test_ranges_ignored_when_a_download_goes_on(answers, tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / PART).write_bytes(CONTENT[:100])
    answers(Response(CONTENT + b"more"), "wrong checksum", leaves=(PART,))


def test_redirects_in_a_circle(answers, httpserver):
    answers(Response(status=302, headers={"Location": httpserver.url_for("/source")}), "30 redirects")
    assert len(httpserver.log) <= 31, "a circle is not tried again"


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://localhost/x", "gopher://localhost", "data:,1%201"])
def test_redirect_to_what_is_no_web_address(place, answers, httpserver):
    answers(Response(status=302, headers={"Location": place}), "No connection adapters", place)
    assert len(httpserver.log) == 1


@pytest.mark.parametrize("place", ["http://", "http://a b/", "//[::", "\x00", "http://" + "x" * 70_000])
def test_redirect_to_nowhere(place, answers):
    answers(Response(status=302, headers={"Location": place}))


def test_unpacked_length_and_a_bomb_of_zeros(answers):
    import gzip  # noqa: PLC0415

    packed = gzip.compress(bytes(3_000_000))
    answers(Response(packed, headers={"Content-Encoding": "gzip"}), "wrong checksum")


def test_packing_that_is_none(answers):
    answers(Response(b"not gzip", headers={"Content-Encoding": "gzip"}), leaves=(PART,))


def test_silence(answers, monkeypatch):
    monkeypatch.setattr(transfer, "ATTEMPTS", 2)

    def silent(_: Request) -> Response:
        def body():
            yield CONTENT[:9000]
            time.sleep(0.5)

        return Response(body(), headers={"Content-Length": str(len(CONTENT))})

    answers(silent, "timed out", leaves=(PART,))


def test_crawling(answers, monkeypatch):
    monkeypatch.setattr(transfer, "ATTEMPTS", 1)
    monkeypatch.setattr(transfer, "SLOWEST_BYTES_PER_S", 10**6)

    def crawling(_: Request) -> Response:
        def body():
            for start in range(0, len(CONTENT), 8192):
                yield CONTENT[start : start + 8192]
                time.sleep(0.2)

        return Response(body())

    answers(crawling, "slower than 1000000 bytes a second", leaves=(PART,))


def test_nobody_there(refuses):
    refuses("127.0.0.1:9", "refused", urls=["http://127.0.0.1:9/x"])


@pytest.mark.parametrize("url", ["https://127.0.0.1:9/x", "http://no.such.host.invalid/x", "http://127.0.0.1:99999/x"])
def test_address_that_leads_nowhere(url, refuses):
    refuses(url, urls=[url])


@pytest.mark.parametrize("mirror", ["nowhere", "file:///etc", "~nobody-like-this/x", "http://[", "http://127.0.0.1:9"])
def test_mirror_that_is_none(mirror, refuses):
    refuses(mirror=mirror)


def test_folder_in_place_of_the_mirrors_file(tmp_path, refuses):
    (tmp_path / "mirror" / "pairs.txt").mkdir(parents=True)
    refuses("Is a directory", mirror="mirror")


def test_every_failure_is_named_in_the_same_message(refuses):
    refuses("mirror/pairs.txt: no such file", "127.0.0.1:9", urls=["http://127.0.0.1:9/x"], mirror="mirror")


def test_folder_in_place_of_the_file(tmp_path, command):
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "pairs.txt").write_bytes(CONTENT)
    (tmp_path / NAME).mkdir(parents=True)
    source = SourceConfig(file="pairs.txt", sha256=SHA256)
    dataset = DatasetConfig(id="tiny", title="Tiny", source=source, reader=PairsReaderConfig()).model_dump_json()
    arguments = ("--dataset", dataset, "--output", "raw", "--mirror", "mirror")
    command.refuses("download", *arguments, words=(NAME, "a file is expected there"))


@pytest.mark.parametrize("name", [NAME, PART])
def test_a_link_in_the_way_is_not_written_through(name, tmp_path, command, httpserver):
    """Whoever may write into the results must not choose what is overwritten."""
    httpserver.expect_request("/source").respond_with_handler(lambda _: Response(CONTENT))
    (tmp_path / "precious").write_text("keep")
    (tmp_path / "raw").mkdir()
    (tmp_path / name).symlink_to(tmp_path / "precious")
    source = SourceConfig(file="pairs.txt", urls=[httpserver.url_for("/source")], sha256=SHA256)
    dataset = DatasetConfig(id="tiny", title="Tiny", source=source, reader=PairsReaderConfig()).model_dump_json()
    command.works("download", "--dataset", dataset, "--output", "raw")
    assert (tmp_path / "precious").read_text() == "keep"
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert not (tmp_path / NAME).is_symlink()


def test_a_password_in_an_address_is_not_repeated(refuses):
    error = refuses("127.0.0.1:9", mirror="http://me:secret@127.0.0.1:9/")
    assert "secret" not in error
