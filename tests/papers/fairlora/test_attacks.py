"""Attacks on exchanges of tiny squares: what there is, what they find, what the ledger keeps."""

import numpy as np
import pandas as pd
import pytest
from fairlora_task import called_fake, run_of
from fake_task import balanced, squares

from fairnb import tasks
from fairnb.evidence import runs
from fairnb.papers.fairlora import attacks
from fairnb.papers.fairlora.protocol import secret
from fairnb.papers.fairlora.session import halves

pytestmark = pytest.mark.slow

FIT, TEST = squares(balanced(20), 5, 16), squares(balanced(20), 6, 16)
EASY = {"lr": 0.03, "steps": 60}  # the auditor learns the tint


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The tiny task under the name ``fake``, and a folder of its own for the module's runs."""
    folder = tmp_path_factory.mktemp("attacks")
    with called_fake(folder, TEST):
        yield


def of_runs(*grid):
    _, members = halves(tasks.problem("fake").task.train)
    return attacks.of_runs(grid, (FIT, TEST), members)


def test_a_single_message_tells_the_group_and_the_first_head_its_sign(world):
    found = of_runs(run_of("lora_orth", **EASY)).set_index("attack")["auc"]
    assert set(found.index) == {"message", "known head", "guessed head", "members"}
    assert found["message"] > 0.8 and found["known head"] > 0.8, "b starts at 0, so it moves along the first head"
    assert found.between(0, 1).all()


def test_turn_by_turn_both_parties_may_subtract_what_they_sent(world):
    found = of_runs(run_of("lora_erm"), run_of("lora_adv", rounds=2))
    assert set(found["label"]) == {"Adv"}, "alone the developer sends nothing"
    assert set(found["attack"]) == set(attacks.ATTACKS)
    [one] = [of_runs(run_of("lora_adv", rounds=1))]
    assert "reply" not in set(one["attack"]), "the first adapter answers nothing"


def test_the_table_says_who_knows_what(world):
    found = attacks.table(of_runs(run_of("lora_adv", rounds=2)))
    assert list(found["attack"]) == list(attacks.ATTACKS) and set(found["adversary"]) == {"developer", "auditor"}
    assert found["auc"].between(0, 100).all() and (found["seeds"] == 1).all()
    assert attacks.table(pd.DataFrame(columns=["task", "label", "seed", "attack", "auc"])).empty


def test_a_guessed_head_is_no_first_head():
    own, guess = (attacks.first_head(key, 64) for key in (secret.derived(0, "auditor"), attacks.GUESS))
    assert own.shape == (64,) and np.abs(own).max() <= 1 / 8
    assert abs(np.dot(own, guess) / np.linalg.norm(own) / np.linalg.norm(guess)) < 0.5


def test_what_is_measured_is_kept_for_the_ledger(world, monkeypatch):
    run = run_of("lora_orth")
    runs.ensure(run)
    found = attacks.measure([run])
    [line] = found.to_dict("records")
    assert 0.5 <= line["leak_alone"] <= 1 and 0.5 <= line["leak_message"] <= 1
    monkeypatch.setattr(attacks, "_leaks", lambda *_: pytest.fail("it was kept"))
    assert attacks.measure([run]).equals(found)
