"""Shared fixtures: the real data beside the checkout (skips with a reason where it is absent), private folders."""

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from fairnb import paths

os.environ.setdefault("OMP_NUM_THREADS", "1")
SHARED = Path(os.environ.get("FAIRNB_SHARED") or paths.project().parent / "shared")
gc.disable()  # while modules and tests are collected: they stay


def pytest_collection_finish():
    """What has been imported is not looked through again and again."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The project's shared folder (papers, real data); only tests use it."""
    if not (SHARED / "papers").is_dir():
        pytest.skip("needs the project's shared folder beside the checkout (real data and papers), which is not here")
    return SHARED


@pytest.fixture(scope="session")
def real_data(shared):
    """``real_data("utkface")`` unpacks a real data set once for all test processes and returns the data root."""
    root = paths.project() / ".cache" / "test_data"

    def unpack(*names: str) -> Path:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / ".lock", timeout=300):
            subprocess.run(
                [sys.executable, shared / "data" / "unpack.py", root, *names],
                check=True,
                timeout=300,
                stdout=subprocess.DEVNULL,
            )
        return root

    return unpack


@pytest.fixture(scope="session")
def new_cache(tmp_path_factory):
    """``new_cache(folder)`` is a cache of one's own in which only arrays kept by their content are everybody's.

    These are drawn faces, decoded packs and the judge of the tiny pipeline: nothing that a test trains or looks for.
    """
    root = tmp_path_factory.getbasetemp()
    arrays = (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / "arrays"
    arrays.mkdir(exist_ok=True)

    def make(folder: Path) -> Path:
        (folder / "cache").mkdir()
        (folder / "cache" / "arrays").symlink_to(arrays)
        return folder / "cache"

    return make


@pytest.fixture
def sandbox(tmp_path, monkeypatch, new_cache) -> Path:
    """Private results and cache folders for one test."""
    monkeypatch.setenv("FAIRNB_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("FAIRNB_CACHE", str(new_cache(tmp_path)))
    return tmp_path


@pytest.fixture
def small(request, sandbox, monkeypatch):
    """Tier smoke with the module's ``SETTINGS`` for its paper ``SLUG``; ``small(settings)`` changes them."""
    from fairnb import tasks
    from fairnb.evidence import engine
    from fairnb.tasks import tiers

    def use(settings):
        monkeypatch.setitem(tiers.TIERS["smoke"].papers, request.module.SLUG, {"settings": settings})
        forget()

    def forget():
        for cache in (tasks.fingerprint, tasks._problem):
            cache.cache_clear()

    monkeypatch.delenv("FAIRNB_SEEDS", raising=False)
    engine.use_one_thread()
    use(request.module.SETTINGS)
    yield use
    forget()


@pytest.fixture
def owned(request, small, tmp_path, monkeypatch):
    """An empty data root, to be filled in the owners' layouts, and the module's ``REAL`` settings."""
    monkeypatch.setenv("FAIRNB_DATA", str(tmp_path))
    small(request.module.REAL)
    return tmp_path


@pytest.fixture(scope="session")
def warm():
    """``warm.Process(command)`` and Dask's workers need no imports: they are forked from one that has done them."""
    import dask
    import distributed  # noqa: F401  (else leaving the block takes away all of its settings)
    import warm

    warm.start()
    assert not (noise := warm.noise()), f"imports are silent, or a notebook would show it: {noise}"
    with dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"}):
        yield warm
    warm.stop()


@pytest.fixture(scope="module")
def warm_kernels(warm):
    """Notebooks get kernels that need no imports; each is a new process nevertheless."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jupyter_client.provisioning.local_provisioner.launch_kernel", warm.Process)
        yield


@pytest.fixture
def closed_figures():
    """The project's style, and every figure of a test closed again."""
    import matplotlib.pyplot as plt

    from fairnb.evidence import report

    report.style()
    yield
    plt.close("all")
