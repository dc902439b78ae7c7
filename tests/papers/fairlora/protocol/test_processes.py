"""What a party does with its own data in its own folder, here without a process of its own."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from fairlora_task import fairlora_task
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from fairnb.errors import BadData, FairnbError, MissingData
from fairnb.nets.models import to_pixels
from fairnb.papers.fairlora import lora
from fairnb.papers.fairlora.protocol import auditor as auditors
from fairnb.papers.fairlora.protocol.auditor import Auditor
from fairnb.papers.fairlora.protocol.developer import Developer, load_model
from fairnb.papers.fairlora.protocol.messages import seal, unseal
from fairnb.papers.fairlora.protocol.party import HEAD, STATE
from fairnb.papers.fairlora.protocol.sites import PartyData, Site
from fairnb.papers.fairlora.protocol.wire import AUDITOR, DEVELOPER
from fairnb.papers.fairlora.session import session_of
from fairnb.training.losses import mean_loss

MADE = {DEVELOPER: Developer, AUDITOR: Auditor}


@pytest.fixture
def party(sandbox):
    """``party(role, folder)``: one with the tiny task's data; the same folder is the same party, started again."""
    session = session_of(fairlora_task(), 0, "test", {}, {})

    def made(role, folder="one", **changes):
        site = replace(session.sites[role], folder=str(sandbox / folder / role))
        return MADE[role](replace(session.agreement, **changes), site)

    return made


def state_of(party):
    return load_file(party.folder / STATE)


def same_state(one, other):
    """To the last bit, but for the order of the header's words."""
    files = [safe_open(party.folder / STATE, "pt") for party in (one, other)]
    assert files[0].metadata() == files[1].metadata()
    first, second = state_of(one), state_of(other)
    assert first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def base_of(model):
    """The tensors that are no adapter's and no head's, under their names in the public network."""
    found = {name.replace(".base_layer", ""): value for name, value in model.state_dict().items()}
    return {name: value.clone() for name, value in found.items() if "lora_" not in name and ".fc." not in name}


def bits(tensors):
    return sorted(value.contiguous().numpy().tobytes() for value in tensors.values())


def text_of(error):
    text = str(error)
    assert text and "\n" not in text, text
    return text


def test_training_moves_adapter_and_head_and_no_bit_of_the_network(party):
    developer = party(DEVELOPER)
    developer._restored()
    before, fresh, head = base_of(developer.model), lora.state(developer.model), developer.model.head.weight.clone()
    message = developer.do(1, "train", None, {"steps": 8, "reply": True})
    sent = unseal(message)
    assert set(sent) == set(fresh) and not any(torch.equal(sent[name], fresh[name]) for name in fresh)
    assert not torch.equal(developer.model.head.weight, head)
    after = base_of(developer.model)
    public = load_file(f"{developer.site.base}/model.safetensors")
    assert set(after) == set(before) and all(torch.equal(after[name], before[name]) for name in before)
    assert bits(public) == bits(after), "those of the file that both parties know (transformers has other names there)"


def test_an_auditor_changes_the_adapter_alone(party):
    auditor = party(AUDITOR)
    auditor._restored()
    before = base_of(auditor.model)
    sent = unseal(auditor.do(1, "learn", None, {"steps": 8}))
    assert set(sent) == set(lora.state(auditor.model)), "the head stays"
    assert f"{HEAD}weight" in state_of(auditor)
    assert all(torch.equal(value, before[name]) for name, value in base_of(auditor.model).items())


def test_a_saved_adapter_gives_the_same_logits(party):
    developer = party(DEVELOPER)
    developer.do(1, "train", None, {"steps": 8})
    again = load_model(developer.site.folder, developer.site.base, developer.agreement).eval()
    x = to_pixels(developer.data.x[:], torch.device("cpu"))
    assert torch.equal(again(x), developer.model.eval()(x))
    assert developer.do(2, "finish", None, {}) is None


def test_a_saved_network_holds_the_negated_adapter_too(party):
    developer, auditor = party(DEVELOPER), party(AUDITOR)
    theirs = auditor.do(1, "learn", None, {"steps": 8})
    developer.do(2, "negate", theirs, {"strength": 0.5})
    developer.do(3, "train", None, {"steps": 4})
    again = load_model(developer.site.folder, developer.site.base, developer.agreement).eval()
    x = to_pixels(developer.data.x[:], torch.device("cpu"))
    assert torch.equal(again(x), developer.model.eval()(x))
    plain = party(DEVELOPER, "other")
    plain.do(1, "train", None, {"steps": 4})
    assert not torch.equal(again(x), plain.model.eval()(x))


def test_finishing_notices_a_state_that_was_altered(party):
    developer = party(DEVELOPER)
    developer.do(1, "train", None, {"steps": 8})
    with np.errstate(all="ignore"):
        altered = {name: value + 0.1 for name, value in state_of(developer).items()}
    save_file(altered, developer.folder / STATE, {"step": "1", "replied": "0", "strength": "0.0"})
    with pytest.raises(FairnbError, match="developer stopped in step 2 .finish.: the saved adapter gives other logits"):
        developer.do(2, "finish", None, {})


def test_a_damaged_state_is_one_sentence(party):
    developer = party(DEVELOPER)
    developer.do(1, "train", None, {"steps": 4})
    (developer.folder / STATE).write_bytes((developer.folder / STATE).read_bytes()[:100])
    with pytest.raises(FairnbError, match="state.safetensors is damaged .*remove the exchange's folder") as caught:
        party(DEVELOPER).do(2, "train", None, {"steps": 4})
    text_of(caught.value)


@pytest.mark.parametrize("role", [DEVELOPER, AUDITOR])
def test_a_party_started_again_goes_on_to_the_last_bit(party, role):
    action = {DEVELOPER: "train", AUDITOR: "learn"}[role]
    whole, cut = party(role, "whole"), party(role, "cut")
    for step in (1, 2):
        whole.do(step, action, None, {"steps": 4})
    first = cut.do(1, action, None, {"steps": 4})
    again = party(role, "cut")
    assert again.do(1, action, None, {"steps": 4}) == first, "answered from the folder"
    assert (again.folder / "diary.jsonl").read_text().count("\n") == 1, "and not done again"
    again.do(2, action, None, {"steps": 4})
    same_state(again, whole)


def test_a_step_that_failed_halfway_leaves_no_trace(party, monkeypatch):
    whole, cut = party(DEVELOPER, "whole"), party(DEVELOPER, "cut")
    for developer in (whole, cut):
        developer.do(1, "train", None, {"steps": 4})
    with monkeypatch.context() as patched:
        patched.setattr("fairnb.papers.fairlora.protocol.party.write_atomic", lambda *_: 1 / 0)
        with pytest.raises(FairnbError, match="ZeroDivisionError"):
            cut.do(2, "train", None, {"steps": 4})
    for developer in (whole, cut):
        developer.do(2, "train", None, {"steps": 4})
    same_state(cut, whole)


def test_a_party_sees_that_another_process_went_on_in_its_folder(party):
    old, new = party(DEVELOPER, "one"), party(DEVELOPER, "one")
    whole = party(DEVELOPER, "whole")
    old.do(1, "train", None, {"steps": 4})
    new.do(2, "train", None, {"steps": 4})
    old.do(3, "train", None, {"steps": 4})
    for step in (1, 2, 3):
        whole.do(step, "train", None, {"steps": 4})
    same_state(old, whole)


@pytest.mark.parametrize("objective", ["adversarial", "uniform", "entropy"])
def test_hiding_moves_the_adapter_so_that_the_head_knows_less(party, objective):
    auditor, developer = party(AUDITOR), party(DEVELOPER)
    sent = developer.do(1, "train", None, {"steps": 4, "reply": True})
    answer = auditor.do(2, "hide", sent, {"steps": 12, "objective": objective, "lr": 0.003})
    x, s = to_pixels(auditor.data.x[:], torch.device("cpu")), torch.as_tensor(auditor.data.target)
    model = auditor.model.eval()
    aim, found = auditors.OBJECTIVES[objective], []
    for message in (sent, answer):
        lora.load(model, unseal(message))
        with torch.no_grad():
            found.append((aim(model(x), s, s).item(), mean_loss(model(x), s, 2).item()))
    assert found[1][0] < found[0][0], "the objective went down, with the head as it was"
    assert found[1][1] > found[0][1], "so that the head's cross-entropy went up"
    [line] = (auditor.folder / "diary.jsonl").read_text().splitlines()
    assert json.loads(line)["head_accuracy"] > 0.8, "the head knew the tint before (0.92 to 0.98 for six seeds)"


def test_training_away_makes_the_overlap_smaller(party):
    theirs = party(AUDITOR).do(1, "learn", None, {"steps": 8})
    overlaps = {}
    for strength in (0.0, 10.0):
        developer = party(DEVELOPER, f"strength {strength}")
        settings = {"steps": 40, "strength": strength, "form": "factors"}
        developer.do(2, "train_away", theirs, settings)
        [line] = (developer.folder / "diary.jsonl").read_text().splitlines()
        overlaps[strength] = float(line.split('"overlap": ')[1].rstrip("}"))
    assert overlaps[10.0] < 0.5 * overlaps[0.0]


def test_taking_puts_the_other_partys_version_in_place(party):
    developer, auditor = party(DEVELOPER), party(AUDITOR)
    sent = developer.do(1, "train", None, {"steps": 4, "reply": True})
    back = auditor.do(2, "hide", sent, {"steps": 2, "objective": "entropy", "lr": 0.01})
    assert back.tensors != sent.tensors
    developer.do(3, "take", back, {})
    assert all(torch.equal(value, unseal(back)[name]) for name, value in lora.state(developer.model).items())
    head = developer.model.head.weight.clone()
    developer.do(4, "fit_head", None, {"steps": 4})
    assert not torch.equal(developer.model.head.weight, head)
    assert all(torch.equal(value, unseal(back)[name]) for name, value in lora.state(developer.model).items())


REFUSED = {
    "unknown action": (DEVELOPER, "sell", {}, "unknown action of the developer 'sell'"),
    "the other's action": (AUDITOR, "train", {"steps": 4}, "unknown action of the auditor 'train'"),
    "a private method": (AUDITOR, "_head", {}, "unknown action of the auditor '_head'"),
    "no step": (DEVELOPER, "train", {"steps": 0}, "1 step or more"),
    "no batch": (DEVELOPER, "train", {"steps": 4, "batch_size": 0}, "1 image or more"),
    "unknown option": (DEVELOPER, "train", {"steps": 4, "lrr": 0.1}, "unknown training option 'lrr'"),
    "an lr that explodes": (DEVELOPER, "train", {"steps": 8, "lr": 1e30}, "NaN or infinite.*lower lr"),
    "no steps at all": (DEVELOPER, "train", {}, "TypeError: its own log says why"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_bad_requests_are_one_sentence_from_the_party(party, kind):
    role, action, settings, says = REFUSED[kind]
    with pytest.raises(FairnbError, match=says) as caught:
        party(role).do(1, action, None, settings)
    text = text_of(caught.value)
    assert f"the {role} " in text and "step 1" in text and action in text


WITH_MESSAGE = {
    "negative strength of orthogonality": (
        DEVELOPER, "train_away", {"steps": 4, "strength": -1.0, "form": "factors"}, "strength of 0 or more.*-1.0",
    ),
    "unknown form": (DEVELOPER, "train_away", {"steps": 4, "strength": 1.0, "form": "cosine"}, "got 1.0, cosine"),
    "negative strength of negation": (DEVELOPER, "negate", {"strength": -0.5}, "0 or more, got -0.5"),
    "unknown objective": (AUDITOR, "hide", {"steps": 2, "objective": "adverse", "lr": 0.1}, "did you mean 'advers"),
    "no rate": (AUDITOR, "hide", {"steps": 2, "objective": "entropy", "lr": 0.0}, "lr above 0, got 0"),
}  # fmt: skip


@pytest.mark.parametrize("kind", WITH_MESSAGE)
def test_bad_settings_of_steps_with_a_message(party, kind):
    role, action, settings, says = WITH_MESSAGE[kind]
    other = {DEVELOPER: AUDITOR, AUDITOR: DEVELOPER}[role]
    receiver = party(role)
    receiver._restored()
    with pytest.raises(FairnbError, match=says) as caught:
        receiver.do(2, action, seal(lora.state(receiver.model), other, 1), settings)
    assert f"the {role} stopped in step 2 ({action})" in text_of(caught.value)


def test_parties_of_different_forms_do_not_understand_each_other(party):
    form = lora.Adapter(rank=2, dropout=0.0)
    for other, says in ((form, "rank 2, not 4"), (replace(form, rank=4, places=("fc1",)), "use one layer set")):
        theirs = party(AUDITOR, f"other {other.places}", form=other).do(1, "learn", None, {"steps": 2})
        with pytest.raises(FairnbError, match=says) as caught:
            party(DEVELOPER).do(2, "take", theirs, {})
        text_of(caught.value)


def test_a_step_without_its_message(party):
    with pytest.raises(FairnbError, match="only an AdapterMessage crosses.*got NoneType"):
        party(AUDITOR).do(1, "hide", None, {"steps": 2, "objective": "entropy", "lr": 0.1})


def test_a_step_that_is_long_done(party):
    developer = party(DEVELOPER)
    developer.do(1, "train", None, {"steps": 2})
    developer.do(2, "train", None, {"steps": 2})
    with pytest.raises(FairnbError, match=r"step 1 is long done .2 are.: give each exchange its own folder"):
        developer.do(1, "train", None, {"steps": 2})


def test_of_an_unexpected_error_only_the_type_leaves_a_party(party, capfd):
    auditor = party(AUDITOR)
    auditor.data = replace(auditor.data, target=np.array(["secret-7"] * len(auditor.data), dtype=object))
    with pytest.raises(FairnbError, match="the auditor failed in step 1 .learn., .*Error: its own log says") as caught:
        auditor.do(1, "learn", None, {"steps": 2})
    error = caught.value
    assert "secret" not in text_of(error)
    assert error.__cause__ is None and error.__context__ is None, "Dask sends both along"
    assert "secret-7" in capfd.readouterr().err, "the party's own log has it"


def test_neither_does_the_context_of_a_plain_refusal(party):
    with pytest.raises(FairnbError) as caught:
        party(DEVELOPER).do(1, "sell", None, {})
    assert caught.value.__cause__ is None and caught.value.__context__ is None


def data(labels, count=6):
    x = np.arange(count * 3 * 16 * 16, dtype=np.uint8).reshape(count, 3, 16, 16)
    return PartyData(x, np.array(labels), np.arange(count), "Tint")


def test_data_come_back_as_written_with_one_label_only(tmp_path):
    written = data([0, 1, 0, 1, 1, 0])
    written.write(tmp_path / "data")
    found = PartyData.read(tmp_path / "data")
    assert np.array_equal(found.x, written.x) and np.array_equal(found.labels, written.labels)
    split = found.split()
    assert split.target_name == "Tint" and not split.protected.any(), "there is no other label"
    assert {file.name for file in (tmp_path / "data").iterdir()} == {"x.npy", "labels.npy", "ids.npy", "name.txt"}


def test_data_with_one_group(tmp_path, party):
    with pytest.raises(BadData, match="6 samples have one value of Tint only: give it data with two") as caught:
        data([1] * 6)
    text_of(caught.value)
    data([0, 1, 0, 1, 1, 0]).write(tmp_path / "data")
    np.save(tmp_path / "data" / "labels.npy", np.ones(6, dtype=np.int64))
    agreement, base = party(AUDITOR).agreement, party(AUDITOR).site.base
    with pytest.raises(FairnbError, match="the auditor stopped at its start: .* one value of Tint only"):
        Auditor(agreement, Site(str(tmp_path / "own"), str(tmp_path / "data"), base))


def test_data_that_are_not_there(tmp_path):
    with pytest.raises(MissingData, match="write them with PartyData.write"):
        PartyData.read(tmp_path / "nowhere")
