"""What an exchange is protected against, how, and what is not: one table, for notebook 42 and docs/two_parties.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("against", "protected", "how", "not protected")
ROWS = (
    (
        "honest-but-curious peer",
        "samples, labels, heads, optimiser states and the draws of the other party",
        "adapters alone cross, in one canonical form; what a party draws follows from its own secret",
        "what an adapter itself tells about labels, which notebook 42 measures",
    ),
    (
        "hostile peer",
        "code, files and labels of the other party; the driver's machine",
        "two machines: nothing is unpickled, an adapter must be signed, of the form agreed on and finite",
        "an adapter that is made to harm or to probe; one machine, where both roles are one owner's",
    ),
    (
        "eavesdropper",
        "all that crosses, and who answers",
        "two machines: TLS 1.3, both ends pin each other's certificate",
        "that there is an exchange, when, and how many bytes it has; stolen private keys",
    ),
    (
        "another local user",
        "steps, samples and keys of the owner",
        "sockets on the loopback ask for a certificate; private files are for their owner alone",
        "the administrator; on one machine a cache that others may read (`umask 077`); a flood of connections",
    ),
    (
        "driver",
        "samples, labels, heads, paths and code of the parties; messages, which it cannot make or use again",
        "two machines: a list of actions and settings; data and folders stand in the party's own file; signatures",
        "it reads all adapters, asks for any action that a party allows, and may stop; one machine: it may do all",
    ),
)


def table() -> pd.DataFrame:
    """Five adversaries, see ``COLUMNS``."""
    import pandas as pd

    return pd.DataFrame(ROWS, columns=list(COLUMNS))


def markdown() -> str:
    """The same as it stands in docs/two_parties.md."""
    lines = [COLUMNS, tuple("---" for _ in COLUMNS), *ROWS]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
