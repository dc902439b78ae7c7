"""`make clean`: removes what fairnb wrote, by name. What else lies there stays and is named; no link is followed."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from fairnb import paths, registry
from fairnb.data.files import is_there, plain_errors
from fairnb.errors import FairnbError
from fairnb.publish import alone
from fairnb.tasks import tiers

# Every name that fairnb writes, from the root down: a regular expression for each folder and for the file. Whoever
# writes a new file adds its name here (tests/publish/test_clean.py lets the writers write, and looks).
KEY, PARTY, LOCK = "[0-9a-f]{16}", "(developer|auditor)", r"lock(\.soft)?"
ALL = ".*"  # as the last part: whatever lies in that folder, at any depth
NOTEBOOK = r"[0-9]{2}_\w+"
OUTPUTS = (  # of a tier, where OWN are the names of tables and figures
    r"tables/OWN\.(csv|md|tex)",
    r"figures/OWN\.(png|pdf)",
    r"figures/people/OWN\.(png|pdf)",
    rf"executed/{NOTEBOOK}(\.failed)?\.(ipynb|json)",
    rf"executed/\.{NOTEBOOK}\.(ipynb|outputs)",
    rf"executed/\.({NOTEBOOK}|reproduce)\.(txt|{LOCK})",
    rf"verdicts/{NOTEBOOK}\.json",
    r"(scorecard|timings)\.csv",
    r"your_data/report\.html",
    r"your_data/model/(model\.safetensors|fairnb\.json|README\.md)",
    r"your_data/model/network/config\.json",
)
FOUNDATIONS = ("audit", "bias_dial", "label_noise", "metrics", "notebooks", "scorecard", "toy_faces", "your")
DECIDING = rf"plans/\.decide\.(txt|{LOCK})"
DASK = (rf"dask-scratch-space/\w+\.{LOCK}", r"dask-scratch-space/[\w-]+\.dirlock", f"dask-scratch-space/[\\w-]+/{ALL}")
CACHE = (
    rf"arrays/[\w.-]+-{KEY}/\w+\.npy",
    rf"arrays/[\w.-]+-{KEY}\.{LOCK}",
    rf"images/[0-9a-f]{{32}}\.(npy|json|npy\.{LOCK})",
    rf"locks/run-{KEY}\.{LOCK}",
    r"own/[0-9a-f]{12}\.(npz|json)",
    rf"your_data/\w+/{ALL}",
    rf"models/(run|own-.+)-{KEY}\.(safetensors|{LOCK})",
    rf"models/.+-{KEY}-seed[0-9]+\.(safetensors|{LOCK})",
    rf"parties/base-{KEY}/(config\.json|model\.safetensors)",
    rf"parties/data-{KEY}/{PARTY}/((x|labels|ids)\.npy|name\.txt)",
    rf"parties/data-{KEY}/{PARTY}\.{LOCK}",
    rf"parties/session-{KEY}/{PARTY}/(state\.safetensors|diary\.jsonl)",
    rf"parties/session-{KEY}/[0-9]{{4}}-{PARTY}-\w+\.(safetensors|{LOCK})",
    rf"parties/shared-{KEY}/{PARTY}-\w+-{KEY}\.(safetensors|{LOCK})",
    rf"parties/(base|session|shared)-{KEY}\.{LOCK}",
    rf"parties/dask/{PARTY}\.log",
    *(f"parties/dask/{name}" for name in DASK),
    *(f"dask/{name}" for name in DASK),
    r"ipython/profile_default/history\.sqlite(-\w+)?",
    r"ipython/profile_default/startup/README",
    f"ipython/profile_default/(log|pid|security|db)/{ALL}",
    r"tiny_t2i/checkpoint\.(pt|new)",
)
TEMPORARY = r"[0-9a-f]{12}\.tmp"  # how ``files`` calls what is not yet whole
SHOWN = 3  # names in the sentence about what is left


@dataclass
class Found:
    """What lies in a folder: ``files`` and ``folders`` of fairnb's making, and what else is ``left``."""

    root: Path
    files: list[Path] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    left: list[Path] = field(default_factory=list)

    def remove(self) -> None:
        """Remove the files, then those of the folders that are empty now, from within."""
        with plain_errors(self.root):
            for file in self.files:
                file.unlink(missing_ok=True)
            for folder in reversed(self.folders):
                if not any(folder.iterdir()):
                    folder.rmdir()

    def __str__(self) -> str:
        names = [f"{item.relative_to(self.root)}{' (a link)' if item.is_symlink() else ''}" for item in self.left]
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        return f"left in {self.root}: {', '.join(names[:SHOWN])}{more}, which fairnb did not write"


def clean(cache: bool = False) -> list[str]:
    """Remove results and run records, with ``cache`` also what can be made again; returns sentences on what is left.

    Raises:
        FairnbError: real data, the checkout or the home folder lie in there, or `make reproduce` or `make decide` is at
            work there; nothing is removed then.
    """
    roots = {"FAIRNB_RESULTS": (paths.results_root(), results())} | (
        {"FAIRNB_CACHE": (paths.cache(), CACHE)} if cache else {}
    )
    for variable, (root, _) in roots.items():
        _refuse(variable, root)
    with ExitStack() as held:
        at_work = {paths.executed(tier) / ".reproduce": "`make reproduce`" for tier in tiers.TIERS}
        for place, what in (at_work | {paths.results_root() / "plans" / ".decide": "`make decide`"}).items():
            if is_there(place.with_name(f"{place.name}.lock")):
                held.enter_context(alone.alone(place, what))
        found = [look(root, names) for root, names in roots.values()]
        for one in found:
            one.remove()
    return [str(one) for one in found if one.left]


def results() -> tuple[str, ...]:
    """The names in a results folder: run records, the outputs of each tier, and what receipts add to them."""
    own = f"({'|'.join((*FOUNDATIONS, *registry.rooms()))})" + r"(_\w+)?"
    outputs = [name.replace("OWN", own) for name in OUTPUTS]
    others = "|".join(tier for tier in tiers.TIERS if tier != paths.DEFAULT_TIER)
    ran = "|".join((*tiers.TIERS, tiers.OWN.name))
    looks = rf"runs/{tiers.OWN.name}/(looks-{KEY}\.json|begun\.txt)"
    runs = rf"runs/({ran})/.+-seed[0-9]+-{KEY}\.(json|npz)(\.broken)?"
    plans = rf"plans/({'|'.join(tiers.TIERS)})-\d{{4}}-\d\d-\d\d-[0-9a-f]{{8}}\.json"
    measured = rf"runs/({'|'.join(tiers.TIERS)})/measured-[\w.]+-[\w.]+-{KEY}\.json"
    return (
        runs,
        looks,
        measured,
        plans,
        DECIDING,
        *outputs,
        *(f"({others})/{name}" for name in outputs),
        *_receipted(),
    )


def _receipted() -> Iterator[str]:
    """What a notebook of the user's own has written through ``evidence.report``."""
    for file in (receipt for tier in tiers.TIERS for receipt in paths.executed(tier).glob("[0-9][0-9]_*.json")):
        try:
            written = [Path(output["file"]) for output in json.loads(file.read_bytes())["outputs"]]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        yield from ("/".join(map(re.escape, one.parts)) for one in written if ".." not in one.parts)


def _refuse(variable: str, root: Path) -> None:
    precious = {
        "the checkout itself": paths.project(),
        "fairnb itself": paths.CHECKOUT,
        "the home folder": Path(os.path.expanduser("~")),
        "real data": paths.data(),
        "ImageNet weights": paths.imagenet(),
    }
    for what, place in precious.items():
        if place.resolve().is_relative_to(root.resolve()):
            raise FairnbError(
                f"{variable}={root} holds {what} ({place}), so nothing was removed: name a folder for this alone"
            )


def look(root: Path, names: Iterable[str]) -> Found:
    """Sort what lies in ``root`` by ``names`` (as in ``CACHE``). A link is left, and nothing behind it looked at."""
    found = Found(root)
    wanted = [[_part(part) for part in name.split("/")] for name in names]
    with plain_errors(root):
        for item in sorted(root.iterdir()) if root.exists() else ():
            if not paths.is_committed(item) and not _holds_another(item):
                _sort(item, wanted, found)
    return found


def _part(name: str) -> re.Pattern[str]:
    return re.compile(name if name == ALL else rf"({name})|\.({name})\.{TEMPORARY}")


def _sort(item: Path, wanted: Sequence[Sequence[re.Pattern[str]]], found: Found) -> None:
    fitting = [parts for parts in wanted if parts[0].fullmatch(item.name)]
    kind = item.lstat().st_mode
    deeper = [parts if parts[0].pattern == ALL else parts[1:] for parts in fitting]
    deeper = [parts for parts in deeper if parts]
    if stat.S_ISDIR(kind) and deeper:
        found.folders.append(item)
        for below in sorted(item.iterdir()):
            _sort(below, deeper, found)
    elif stat.S_ISREG(kind) and any(len(parts) == 1 for parts in fitting):
        found.files.append(item)
    else:
        found.left.append(item)


def _holds_another(item: Path) -> bool:
    """Whether another folder of fairnb's lies in ``item``: it is nobody's leftover."""
    return any(place.is_relative_to(item) for place in (paths.results_root(), paths.cache()))
