"""What every process of the fork server has imported; ``NOISE`` is what the imports wrote to stderr."""

import gc
import importlib
import os
import pkgutil
import sys
import tempfile

MODULES = (
    "captum.attr", "dask.__main__", "distributed.cli.dask_worker", "ipykernel.debugger", "ipykernel.ipkernel",
    "ipykernel.kernelapp", "jupyter_client.provisioning.local_provisioner", "matplotlib.pyplot", "papermill",
    "pandas.io.formats.style", "peft", "scipy.optimize", "scipy.stats", "seaborn", "sklearn.linear_model",
    "sklearn.metrics", "sklearn.neighbors", "tabulate", "torch", "torchvision", "transformers.models.vit.modeling_vit",
)  # fmt: skip


def _import_all() -> str:
    kept = os.dup(2)
    with tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), 2)
        for name in MODULES:
            importlib.import_module(name)
        fairnb = importlib.import_module("fairnb")
        for module in pkgutil.walk_packages(fairnb.__path__, "fairnb."):
            if not module.name.endswith("__main__") and ".assets." not in module.name:
                importlib.import_module(module.name)
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        log.seek(0)
        return log.read().decode()


gc.disable()
NOISE = _import_all()
gc.freeze()  # else each process looks through all these modules, and so copies their memory, at the latest as it ends
gc.enable()
