"""`import fairnb`: seconds in a fresh interpreter (aim: at most 0.3), and no torch or pandas on the way."""

import statistics
import subprocess
import sys

PROBE = """
import sys, time
start = time.perf_counter()
import fairnb
seconds = time.perf_counter() - start
print(seconds, *(name for name in ("torch", "pandas", "matplotlib", "distributed") if name in sys.modules))
"""


def main(repeats: int = 7) -> None:
    """Print the median of ``repeats`` fresh imports and the ratio against importing torch."""
    outputs = [
        subprocess.run(
            [sys.executable, "-c", PROBE], capture_output=True, encoding="utf-8", check=True, timeout=60
        ).stdout.split()
        for _ in range(repeats)
    ]
    seconds = statistics.median(float(words[0]) for words in outputs)
    heavy = sorted({name for words in outputs for name in words[1:]})
    torch = PROBE.replace("import fairnb", "import torch")
    slow = float(
        subprocess.run(
            [sys.executable, "-c", torch], capture_output=True, encoding="utf-8", check=True, timeout=120
        ).stdout.split()[0]
    )
    print(
        f"import fairnb: {seconds:.3f} s (median of {repeats}; aim 0.3), "
        f"import torch takes {slow:.1f} s; "
        f"heavy modules imported: {', '.join(heavy) or 'none'}"
    )
    if heavy or seconds > 0.3:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
