"""Resolve pyproject.toml into requirements.lock (both Pythons) and repeat it in environment.yml for conda."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HEAD = """# conda: `conda env create -f environment.yml`, `conda activate fairnb`, `pip install --no-deps -e .`
# Written by scripts/lock.py: the same versions as requirements.lock (a test holds them together).
name: fairnb
channels:
  - conda-forge
dependencies:
  - python>=3.11,<3.13
  - make
  - pip
  - pip:
"""


def main() -> None:
    """Write both files; needs the network."""
    subprocess.run(
        [
            "uv",
            "pip",
            "compile",
            "--universal",
            "--python-version",
            "3.11",
            "--no-header",
            "--no-annotate",
            "--no-emit-index-url",
            "--no-emit-find-links",
            "--extra",
            "dev",
            "--quiet",
            str(ROOT / "pyproject.toml"),
            "-o",
            str(ROOT / "requirements.lock"),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=600,
        env=None,
        cwd=ROOT,
    )
    write_environment()


def write_environment() -> None:
    """Write environment.yml from requirements.lock."""
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    body = "".join(f"      - {quote(line)}\n" for line in lines if line and not line.startswith("#"))
    (ROOT / "environment.yml").write_text(HEAD + body, encoding="utf-8", newline="\n")


def quote(requirement: str) -> str:
    """YAML needs quotes around requirements with markers."""
    return f'"{requirement}"' if ";" in requirement else requirement


if __name__ == "__main__":
    write_environment() if sys.argv[1:] == ["--environment-only"] else main()
