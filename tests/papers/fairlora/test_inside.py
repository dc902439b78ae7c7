"""What the notes of an exchange say: its log, its bytes and its diaries."""

import numpy as np
import pandas as pd
import pytest
from fairlora_runs import TASKS, frame

from fairnb.papers.fairlora import inside

LINE = {"step": 2, "sender": "auditor", "receiver": "developer", "size": 50848, "sha256": "0123456789abcdef"}


def test_the_log_is_a_table():
    found = inside.log({"messages": [LINE], "tensors": {}})
    assert found.to_dict("records") == [LINE | {"size": "50,848", "sha256": "0123456789ab…"}]
    assert inside.log({"messages": []}).empty


def test_a_message_weighs_what_the_log_says():
    assert inside.message({"messages": [LINE, LINE]}) == 50848 and inside.message({"messages": []}) == 0


def test_diaries_say_whether_a_strength_had_an_effect():
    notes = {
        "Erm": {"developer": [{"loss": 1.0}], "auditor": []},
        "Orth": {"developer": [{"loss": 1.0}, {"overlap": 0.0123}], "auditor": [{"loss": 1.0}]},
        "Adv": {"developer": [{}], "auditor": [{"head_accuracy": 0.9}, {"loss": 1.0}, {"head_accuracy": 0.6}]},
    }
    found = inside.diaries(pd.DataFrame({"label": list(notes), "notes": list(notes.values())})).set_index("row")
    assert list(found.index) == ["Orth", "Adv"], "Erm's say nothing"
    assert found.loc["Orth", "overlap at the end"] == "0.0123"
    assert found.loc["Adv", "head right, first turn, %"] == pytest.approx(90)
    assert found.loc["Adv", "last turn, %"] == pytest.approx(60) and inside.heads(notes["Adv"]) == pytest.approx(
        [90, 60]
    )


def test_messages_are_weighed_against_the_network():
    found = inside.messages(frame("methods", TASKS[:1]), network=50 * 1024).set_index("row")
    assert list(found.index[:-2]) == ["Erm", "Unl", "Adv", "Orth", "Ent"]
    assert found.loc["Adv", "messages per run"] == 10 and found.loc["Adv", "KiB per run"] == 10
    assert found.loc["Adv", "message / network, %"] == 2 and found.loc["Adv", "run / network, %"] == 20
    one, rounds = found.iloc[-2], found.iloc[-1]
    assert rounds["messages per run"] == 2 * inside.ROUNDS and rounds["KiB per message"] == one["KiB per message"]
    assert rounds["run / network, %"] == pytest.approx(20 * one["message / network, %"])
    assert np.isnan(found.loc["Erm", "KiB per message"]) and found.loc["Erm", "KiB per run"] == 0


def test_vit_base_weighs_what_its_shape_says():
    message, whole = inside.vit_base()
    width, layers = 768, 12
    blocks = layers * (12 * width**2 + 13 * width)
    assert whole == 4 * (blocks + width * (3 * 16**2 + 1) + width * (14**2 + 1) + width + 2 * width)
    numbers = 4 * 2 * layers * 2 * 8 * width
    assert numbers < message < 1.01 * numbers, "A and B of query and value, and a header"
