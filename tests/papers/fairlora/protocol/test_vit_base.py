"""Tier paper's path on foot: ViT-Base/16 with random weights, an exchange of two steps, by both transports."""

import shutil
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch
from fairlora_services import driver, running, service, write_files
from fairlora_task import SETTINGS
from fake_task import squares

from fairnb.contract import Task
from fairnb.nets.vit import vit_classifier
from fairnb.papers.fairlora import inside
from fairnb.papers.fairlora.protocol import processes, remote, strategies
from fairnb.papers.fairlora.protocol.wire import AUDITOR, DEVELOPER, Wire
from fairnb.papers.fairlora.session import session_of

pytestmark = pytest.mark.slow

PARTIES = (DEVELOPER, AUDITOR)
CELLS = {(0, 0): 2, (0, 1): 2, (1, 0): 2, (1, 1): 2}
TWO_STEPS = {"steps": 1, "auditor_steps": 1, "strength": 10.0, "form": "factors"}


def vit_base_task():
    def backbone(seed: int, pretrained: bool = True):
        return vit_classifier(2, None, 7, shape=inside.VIT_BASE)

    def nothing(*_, **__):
        raise AssertionError("FairLoRA asks for no biased model and no synthetic images")

    train, val = squares(CELLS, 1, 224), squares(CELLS, 2, 224)
    own = SETTINGS | {"lora_rank": 8, "batch_size": 2}
    return Task("tests/squares_vit_base", train, val, backbone, nothing, nothing, own)


@pytest.fixture(scope="module")
def session(tmp_path_factory, new_cache):
    folder = tmp_path_factory.mktemp("vit_base")
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("FAIRNB_CACHE", str(new_cache(folder)))
        patched.setenv("FAIRNB_HEADLESS", "1")
        yield session_of(vit_base_task(), 0, "test", {}, {})
    shutil.rmtree(folder)  # a third of a gigabyte


@contextmanager
def two_services(folder, session):
    write_files(folder, session)
    with running(service(folder, DEVELOPER)) as one, running(service(folder, AUDITOR)) as other:
        with remote.calls(driver(folder, {DEVELOPER: one, AUDITOR: other}), folder / "wire") as call:
            yield call


@contextmanager
def two_processes(folder, session):
    sites = {role: replace(session.sites[role], folder=str(folder / role)) for role in PARTIES}
    try:
        with processes.calls(session.agreement, sites) as call:
            yield call
    finally:
        processes.stop()


@pytest.mark.parametrize("transport", [two_processes, two_services])
def test_an_exchange_of_two_steps(session, tmp_path, monkeypatch, warm, transport):
    monkeypatch.setattr(processes, "subprocess", warm.instead_of_subprocess())
    monkeypatch.delenv(processes.ADDRESS, raising=False)
    with transport(tmp_path, session) as call:
        wire = Wire(tmp_path / "wire", call)
        strategies.orthogonal(wire, **TWO_STEPS)
    [crossed] = wire.log
    size, whole = inside.vit_base()
    assert crossed.size == size and size < whole / 250, "rank 8 on query and value of twelve blocks"
    assert len(crossed.tensors) == 2 * 2 * 12
