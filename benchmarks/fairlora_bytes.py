"""What FairLoRA's messages weigh against the network's own weights, and what a step between two processes costs.

    OMP_NUM_THREADS=1 python benchmarks/fairlora_bytes.py [--rounds 10] [--quick]

Bytes: of real messages (``protocol.messages.seal``) that the real strategies send over a real wire between parties that
train nothing, for the toy ViT and ViT-Base/16, adapters on query and value of all blocks; the network is its float32
weights. Time: the developer takes an adapter of rank 8 (toy ViT), asked over a ``Wire`` in its own process and in this
one, by the clock, interleaved; and how long both processes need to be ready, new and for another exchange. Exits with 1
where a whole exchange of rank 8 weighs more than the network of ViT-Base.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from fairnb.nets.vit import Shape, vit_classifier
from fairnb.papers.fairlora import lora
from fairnb.papers.fairlora.protocol import processes, strategies
from fairnb.papers.fairlora.protocol.auditor import Auditor
from fairnb.papers.fairlora.protocol.developer import Developer
from fairnb.papers.fairlora.protocol.messages import PARTIES, AdapterMessage, seal
from fairnb.papers.fairlora.protocol.sites import Agreement, PartyData, Site
from fairnb.papers.fairlora.protocol.wire import Wire

SHAPES = {"toy ViT": Shape(), "ViT-Base/16": Shape(224, 16, 768, 12, 12)}
RANKS = (2, 8, 32)


def exchanges(rounds: int) -> dict[str, Callable[[Wire], None]]:
    """The strategies as the methods call them, with ``rounds`` turns."""
    common: dict[str, Any] = {"steps": rounds, "auditor_steps": 1, "strength": 1.0}
    adv: dict[str, Any] = {"steps": rounds, "hide_steps": 1, "rounds": rounds, "strength": 1.0, "lr": 1e-3}
    return {
        "Erm": lambda wire: strategies.unaware(wire, steps=1),
        "Unl": lambda wire: strategies.unlearning(wire, **common),
        "Orth": lambda wire: strategies.orthogonal(wire, form="factors", **common),
        "Adv": lambda wire: strategies.alternating(wire, objective="adversarial", **adv),
        "Ent": lambda wire: strategies.alternating(wire, objective="entropy", **adv),
    }


def echo(party: str, tensors: lora.Tensors) -> Callable[..., AdapterMessage | None]:
    """A party that answers with the same adapter where the real one would answer with its own."""

    def call(step: int, action: str, _: object, settings: Mapping[str, Any]) -> AdapterMessage | None:
        replies = action in ("learn", "hide") or settings.get("reply")
        return seal(tensors, party, step) if replies else None

    return call


def crossings(tensors: lora.Tensors, rounds: int) -> dict[str, list[int]]:
    """Bytes of each message of each method's exchange."""
    found = {}
    for name, run in exchanges(rounds).items():
        with tempfile.TemporaryDirectory() as folder:
            wire = Wire(Path(folder) / "own", {p: echo(p, tensors) for p in PARTIES}, Path(folder) / "shared", name)
            run(wire)
            wire.close()
        found[name] = [crossing.size for crossing in wire.log]
    return found


def count_bytes(name: str, shape: Shape, rounds: int) -> bool:
    """Print the table of one shape; whether all of rank 8 weighs less than the network."""
    model, less = vit_classifier(2, None, 0, shape=shape), True
    whole = lora.size(model.state_dict().values())
    print(f"{name}: network {whole:,} bytes (float32); {rounds} rounds")
    for rank in RANKS:
        own = f"rank{rank}"
        lora.attach(model, lora.Adapter(rank=rank), own)
        sizes = crossings(lora.state(model, own), rounds)
        one = sizes["Orth"][0]
        totals = {method: sum(found) for method, found in sizes.items()}
        told = ", ".join(f"{m} {total / whole:.2%} ({len(sizes[m])})" for m, total in totals.items())
        print(f"  rank {rank}: a message {one:,} bytes, {one / whole:.2%} of the network; exchanges (messages): {told}")
        less &= rank != 8 or max(totals.values()) < whole
    return less


@contextmanager
def sites(folder: Path) -> Iterator[tuple[Agreement, dict[str, Site], AdapterMessage]]:
    """Both parties' places for a toy ViT, and an adapter that the developer can take."""
    model: Any = vit_classifier(2, "toy_vit")
    model.net.vit.save_pretrained(folder / "base")
    random = np.random.default_rng(0)
    x, labels = random.integers(256, size=(32, 3, 32, 32), dtype=np.uint8), np.arange(32) % 2
    for party in PARTIES:
        PartyData(x, labels, np.arange(32), "noise").write(folder / f"{party}-data")
    places = {p: Site(str(folder / p), str(folder / f"{p}-data"), str(folder / "base")) for p in PARTIES}
    form = lora.Adapter()
    yield Agreement(form, 0, {}), places, seal(lora.state(lora.attach(model, form)), "auditor", 1)


def elsewhere(places: Mapping[str, Site]) -> dict[str, Site]:
    """The same data in private folders of their own."""
    return {name: Site(f"{site.folder}-here", site.data, site.base) for name, site in places.items()}


def started(agreement: Agreement, places: Mapping[str, Site]) -> float:
    """Seconds until both processes are ready."""
    start = time.perf_counter()
    with processes.calls(agreement, places):
        return time.perf_counter() - start


def take(wire: Wire, message: AdapterMessage) -> float:
    """Milliseconds of one step in which the developer takes an adapter."""
    start = time.perf_counter()
    wire.ask("developer", "take", message)
    return 1000 * (time.perf_counter() - start)


def time_wire(repeats: int) -> None:
    """Print how long both processes take to be ready, and a step there against one here."""
    with tempfile.TemporaryDirectory() as name, sites(Path(name)) as (agreement, places, message):
        os.environ["FAIRNB_CACHE"] = name  # the processes' own things
        first, again = started(agreement, places), statistics.median(started(agreement, places) for _ in range(5))
        own = elsewhere(places)
        here = {
            "developer": Developer(agreement, own["developer"]).do,
            "auditor": Auditor(agreement, own["auditor"]).do,
        }
        with processes.calls(agreement, places) as there:
            wires = {"processes": Wire(Path(name) / "there", there), "one": Wire(Path(name) / "here", here)}
            found = [{kind: take(wire, message) for kind, wire in wires.items()} for _ in range(repeats + 1)][1:]
        for wire in wires.values():
            wire.close()
        processes.stop()
    times = {kind: statistics.median(one[kind] for one in found) for kind in wires}
    ratios = statistics.quantiles([one["processes"] / one["one"] for one in found])
    print(f"both parties ready after {first:.1f} s, for another exchange after {again:.2f} s")
    print(
        f"take, {len(message.tensors):,} bytes: {times['processes']:.1f} ms between processes, {times['one']:.1f} in "
        f"one; ratio {ratios[1]:.2f} (quartiles {ratios[0]:.2f} and {ratios[2]:.2f}, {repeats} rounds)"
    )


@click.command(help=__doc__)
@click.option("--rounds", default=10, show_default=True, help="of Adv and Ent")
@click.option("--repeats", default=51, show_default=True, help="steps over the wire")
@click.option("--quick", is_flag=True, help="11 steps over the wire, toy ViT only")
def main(rounds: int, repeats: int, quick: bool) -> None:
    torch.set_num_threads(1)
    less = {name: count_bytes(name, s, rounds) for name, s in SHAPES.items() if not quick or name == "toy ViT"}
    time_wire(11 if quick else repeats)
    sys.exit(0 if less.get("ViT-Base/16", True) else 1)


if __name__ == "__main__":
    main()
