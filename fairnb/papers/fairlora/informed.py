"""What both parties could do as one: a control, in which the developer knows the two labels of his images.

Not private, so it belongs to no protocol. It has Erm's images, network and steps, and a loss that asks for what is
measured, the gaps themselves. It shows how much there is to gain in a task, and what that costs.
"""

from __future__ import annotations

from typing import Any, Unpack

import torch

from fairnb.contract import Predictor, Task
from fairnb.data.files import lock
from fairnb.errors import BadData
from fairnb.nets.models import device, probabilities
from fairnb.papers.fairlora.protocol.developer import Developer
from fairnb.papers.fairlora.protocol.party import read_state
from fairnb.papers.fairlora.protocol.wire import DEVELOPER
from fairnb.papers.fairlora.session import VERSION, Options, halves, session_of, steps_of
from fairnb.training.loop import TrainedPredictor
from fairnb.training.losses import mean_loss
from fairnb.training.methods import method


class Informed(Developer):
    """The party with (x, y, s), in this process: its one action is ``train_both``.

    Args:
        groups: protected labels of its images, int64 ``(N,)``.
    """

    actions = ("train_both", "finish")

    def __init__(self, agreement: Any, site: Any, groups: torch.Tensor) -> None:
        super().__init__(agreement, site)
        self.groups = groups.to(device())

    def train_both(self, step: int, received: None, *, steps: int, strength: float, **recipe: Any) -> bool:
        """Cross-entropy on the target, plus ``strength`` times ``gaps``: adapter and head."""
        classes = int(self.data.target.max()) + 1

        def loss(logits: torch.Tensor, target: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
            says_yes = probabilities(logits.float())[:, 1]
            return mean_loss(logits, target, classes) + strength * gaps(says_yes, target, self.groups[rows])

        self._learn(step, 0, steps, loss, **recipe)
        return False


def gaps(says_yes: torch.Tensor, target: torch.Tensor, groups: torch.Tensor) -> torch.Tensor:
    """The squared gap of two groups' mean probability, of a batch and of its negatives, a scalar in 0..2.

    The soft forms of ``ddp`` and ``fpr_gap``; 0 where a group is not there.

    Args:
        says_yes: probability of class 1, ``(N,)``. target, groups: 0 or 1, ``(N,)``.
    """
    found = says_yes.sum() * 0
    for chosen in (torch.ones_like(target, dtype=torch.bool), target == 0):
        parts = [says_yes[chosen & (groups == group)] for group in (0, 1)]
        if all(len(part) for part in parts):
            found = found + (parts[1].mean() - parts[0].mean()).square()
    return found


@method(version=VERSION, reads_groups=True, source="FairLoRA, a control of ours")
def lora_both(task: Task, *, seed: int, strength: float = 1.0, **options: Unpack[Options]) -> Predictor:
    """Both labels, no privacy: Erm, and ``strength`` times the gaps of its own training images (``gaps``).

    Raises:
        BadData: a strength below 0, more than two groups, or what ``session_of`` refuses.
    """
    if not strength >= 0:
        raise BadData(f"the strength of the gaps in the loss is 0 or more, got {strength:g}")
    mine, _ = halves(task.train)
    if mine.protected.max() > 1:
        raise BadData(f"the gap of the loss is of two groups, got {int(mine.protected.max()) + 1}: merge them into two")
    session = session_of(task, seed, "both", {"strength": strength}, options)
    session.begin_anew_if_broken()
    own: dict[str, Any] = {"steps": steps_of(task, options), "strength": strength, "schedule": "cosine"}
    with lock(session.folder / "both.lock"):
        party = Informed(session.agreement, session.sites[DEVELOPER], torch.as_tensor(mine.protected))
        done = read_state(party.folder).step
        for step, (action, settings) in enumerate((("train_both", own), ("finish", {})), 1):
            if done < step:
                party.do(step, action, None, settings)
    notes = {"session": session.folder.name, "messages": [], "tensors": {}}
    return TrainedPredictor(session.model(), notes | {DEVELOPER: session.diary(DEVELOPER), "auditor": []})
