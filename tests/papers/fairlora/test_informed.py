"""The control that knows both labels: its penalty by hand, and that it closes a gap which plain training has."""

import numpy as np
import pytest
import torch
from fairlora_task import fairlora_task
from fake_task import squares

from fairnb.errors import BadData
from fairnb.papers.fairlora.informed import gaps
from fairnb.training import methods

CELLS = {(0, 0): 90, (0, 1): 30, (1, 0): 30, (1, 1): 90}  # the tint tells the target
STRONG = {"lr": 0.03, "steps": 80}


def test_gaps_are_those_of_all_and_of_the_negatives():
    says = torch.tensor([0.9, 0.5, 0.2, 0.4], requires_grad=True)
    target, groups = torch.tensor([1, 0, 0, 0]), torch.tensor([0, 0, 1, 1])
    found = gaps(says, target, groups)
    assert found.item() == pytest.approx((0.3 - 0.7) ** 2 + (0.3 - 0.5) ** 2)
    found.backward()
    assert says.grad[0] > 0 > says.grad[2], "it lowers the higher group and raises the lower one"


def test_gaps_of_one_group_are_none():
    says = torch.tensor([0.9, 0.5])
    assert gaps(says, torch.tensor([1, 0]), torch.tensor([1, 1])).item() == 0


@pytest.fixture
def own(tmp_path, monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setenv("FAIRNB_CACHE", str(tmp_path / "cache"))
    return fairlora_task(CELLS)


def gap_of(predictor):
    test = squares(dict.fromkeys(CELLS, 50), 9, 16)
    yes = predictor(test.x)[:, 1]
    return abs(yes[test.protected == 1].mean() - yes[test.protected == 0].mean())


@pytest.mark.slow
def test_it_has_a_smaller_gap_than_without_the_penalty(own):
    plain, fair = (methods.get("lora_both")(own, seed=0, strength=s, **STRONG) for s in (0.0, 20.0))
    assert gap_of(fair) < gap_of(plain) - 0.02
    assert fair.notes["messages"] == [] and fair.notes["developer"], "nothing crosses"


@pytest.mark.slow
def test_it_is_done_once_and_then_answers_from_its_folder(own):
    first, again = (methods.get("lora_both")(own, seed=0, **STRONG) for _ in range(2))
    x = own.val.x
    assert np.array_equal(first(x), again(x)) and first.notes == again.notes


@pytest.mark.parametrize(
    ("cells", "options", "words"),
    [
        (CELLS, {"strength": -1.0}, "strength of the gaps in the loss is 0 or more, got -1"),
        (CELLS | {(0, 2): 30, (1, 2): 30}, {}, "of two groups, got 3"),
    ],
)
def test_bad_input_is_a_sentence(own, cells, options, words):
    with pytest.raises(BadData, match=words):
        methods.get("lora_both")(fairlora_task(cells), seed=0, **options)
