"""What a notebook's kernel runs: ``python -m fairnb.publish.kernel -f FILE``, as ``kernels`` starts it."""

from __future__ import annotations

import os
import sys

from fairnb.errors import FairnbError
from fairnb.evidence import clone


def main() -> None:
    """Be an IPython kernel with the very code of the runner; else end, the last line of stderr saying why."""
    try:
        clone.require_runner()
    except FairnbError as error:
        raise SystemExit(str(error)) from None
    # What lies beside a notebook can be imported, but takes no other module's place: IPython would put it before.
    sys.path.append(os.getcwd())
    from ipykernel.kernelapp import launch_new_instance

    launch_new_instance(argv=[*sys.argv[1:], "--IPKernelApp.ignore_cwd=True"])


if __name__ == "__main__":
    main()
