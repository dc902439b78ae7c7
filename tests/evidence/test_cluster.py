"""The cluster of a run: on the loopback, for its own processes alone, whatever a site's Dask settings say."""

import multiprocessing
import os
import socket
import ssl

import psutil
import pytest

from fairnb.errors import FairnbError
from fairnb.evidence import cluster, engine

pytestmark = pytest.mark.slow
NOBODY = 65534
SITE = {
    "distributed.comm.require-encryption": True,
    "distributed.comm.default-scheme": "ucx",
    "distributed.comm.tls.ca-file": "/no/such/file.pem",
    "distributed.scheduler.preload": ["no_such_module"],
    "distributed.worker.preload": ["no_such_module"],
    "distributed.scheduler.dashboard.tls.cert": "/no/such/file.pem",
    "distributed.scheduler.idle-timeout": "1 ms",
    "distributed.scheduler.http.routes": ["distributed.http.scheduler.info"],
}


@pytest.fixture(scope="module")
def started(tmp_path_factory, warm):
    """A cluster of one worker, on a site with other wishes for clusters."""
    import dask

    with pytest.MonkeyPatch.context() as patch, dask.config.set(SITE):
        patch.setenv("FAIRNB_CACHE", str(tmp_path_factory.mktemp("cluster")))
        patch.delenv(cluster.TLS, raising=False)
        with engine.local_cluster(1) as address:
            yield address
        assert cluster.TLS not in os.environ


def listening():
    """Addresses at which this process and those below it listen."""
    own = psutil.Process()
    family = [own, *own.children(recursive=True)]
    return [c.laddr for one in family for c in one.net_connections("inet") if c.status == psutil.CONN_LISTEN]


def as_another_user(program, *arguments):
    """What ``program`` returns in a forked process of another user."""
    if os.getuid():
        pytest.skip("only root can try it as another user")
    here, there = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_become, args=(there, program, arguments), daemon=True)
    process.start()
    try:
        assert here.poll(60), "the other user's attempt ends"
        return here.recv()
    finally:
        process.kill()
        process.join(20)


def _become(there, program, arguments):
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    there.send(program(*arguments))
    there.close()
    os._exit(0)


def first_words(port, context):
    """What who listens there says: Dask greets everybody that it speaks with, before anything is asked."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
            speaking = context.wrap_socket(plain) if context else plain
            speaking.settimeout(5)
            speaking.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            return speaking.recv(1000)
    except OSError:
        return b""


def is_an_answer(words):
    """Neither silence, nor a TLS alert, nor HTTP's *not found*."""
    return bool(words) and not words.startswith((b"\x15\x03", b"HTTP/1.1 404"))


def context_of(security):
    return security.get_connection_args("client")["ssl_context"]


def bare():
    """TLS without a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def stranger():
    """TLS with a certificate of one's own, which believes any other."""
    from distributed import Security

    context = context_of(Security.temporary())
    context.verify_mode = ssl.CERT_NONE
    return context


def test_it_works_and_nothing_listens_but_on_the_loopback(started):
    assert started.startswith("tls://127.0.0.1:")
    with engine._client(started) as client:
        assert client.submit(os.getpid).result(timeout=60) != os.getpid()
    found = listening()
    assert len(found) >= 3 and {laddr.ip for laddr in found} == {"127.0.0.1"}


@pytest.mark.parametrize("context", [lambda: None, bare, stranger])
def test_another_user_gets_nothing_from_any_port(started, context):
    own = context()
    heard = [as_another_user(first_words, laddr.port, own) for laddr in listening()]
    assert len(heard) >= 3 and not [words for words in heard if is_an_answer(words)]


def test_who_has_the_certificate_is_greeted(started):
    """Else the test above would show nothing."""
    from distributed import Security

    with cluster.known_to(started):
        own = context_of(Security())
    heard = [first_words(laddr.port, own) for laddr in listening()]
    assert sum(map(is_an_answer, heard)) >= 3, "scheduler, nanny and worker"


def test_each_worker_sees_one_gpu_and_they_take_turns(tmp_path, monkeypatch, warm):
    monkeypatch.setenv("FAIRNB_CACHE", str(tmp_path))
    monkeypatch.setattr(engine, "devices", lambda: ["GPU-a", "3"])
    assert engine.workers() == 2
    with engine.local_cluster(3) as address, engine._client(address) as client:
        client.wait_for_workers(3, timeout=120)
        names = {worker["name"]: at for at, worker in client.scheduler_info(n_workers=-1)["workers"].items()}
        seen = client.run(os.getenv, "CUDA_VISIBLE_DEVICES")
        assert {name: seen[at] for name, at in names.items()} == {0: "GPU-a", 1: "3", 2: "GPU-a"}


@pytest.mark.parametrize(
    ("count", "named", "found"),
    [(0, None, []), (2, None, ["0", "1"]), (2, "GPU-a, 3", ["GPU-a", "3"]), (1, "3,9", ["3"])],
)
def test_gpus_are_called_as_the_environment_calls_them(monkeypatch, count, named, found):
    import torch

    exists = os.path.exists
    monkeypatch.setattr(os.path, "exists", lambda path: path == "/proc/driver/nvidia" or exists(path))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if named:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert engine.devices() == found


def test_a_client_without_the_certificate_is_refused(started, monkeypatch):
    import dask

    monkeypatch.delenv(cluster.TLS)
    nothing = {"distributed.comm.tls.ca-file": None, "distributed.comm.require-encryption": None}
    with (
        dask.config.set(nothing),
        pytest.raises(FairnbError, match="no Dask scheduler answers at SCHEDULER='tls://"),
        engine._client(started),
    ):
        raise AssertionError("a client without a certificate")


def test_another_user_cannot_read_the_certificate(started):
    def read(pid):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                return file.read()
        except OSError as error:
            return type(error).__name__

    assert cluster.TLS in os.environ
    pids = [os.getpid(), *(child.pid for child in psutil.Process().children(recursive=True))]
    assert {as_another_user(read, pid) for pid in pids} == {"PermissionError"}


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:8786", "tls://elsewhere:8786"])
def test_a_scheduler_of_one_s_own_is_spoken_with_as_dask_s_settings_say(monkeypatch, address):
    import dask

    monkeypatch.setenv(cluster.TLS, "ours")
    with dask.config.set({"distributed.comm.tls.ca-file": "theirs"}), cluster.known_to(address):
        assert dask.config.get("distributed.comm.tls.ca-file") == "theirs"


def test_a_worker_with_other_code_refuses(started, monkeypatch, sandbox):
    from fairnb.evidence import provenance

    monkeypatch.setenv(engine.SCHEDULER, started)
    monkeypatch.setattr(provenance, "code_hash", lambda: "0123456789abcdef")
    monkeypatch.setenv("FAIRNB_HEADLESS", "1")
    [(_, error)] = list(engine.outcomes([[_Item()]], print))
    assert isinstance(error, FairnbError) and "the worker in process" in str(error) and "runs other code" in str(error)


class _Item:
    key = "other"
