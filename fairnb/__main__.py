"""``python -m fairnb`` is the command ``fairnb``."""

from fairnb.publish.cli import main

main()
