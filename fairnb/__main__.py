"""``python -m fairnb`` is the command ``fairnb``."""

from fairnb.cli import main

main()
