"""FairLoRA's strategies through two real processes: what crosses, who is killed, where they are, what comes out."""

import io
import json
import pickle
import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from fairlora_task import fairlora_task
from fake_task import fake_task
from safetensors.torch import load_file, save

from fairnb.errors import BadData, FairnbError
from fairnb.evidence import cluster, engine, runs
from fairnb.nets.models import to_pixels
from fairnb.papers.fairlora.protocol import processes
from fairnb.papers.fairlora.protocol.messages import AdapterMessage, BadMessage, unseal
from fairnb.papers.fairlora.protocol.party import STATE, read_state
from fairnb.papers.fairlora.protocol.wire import AUDITOR, DEVELOPER, PartyLost, Wire
from fairnb.papers.fairlora.session import session_of, shared_out
from fairnb.training import methods

pytestmark = pytest.mark.slow

STRATEGIES = ("lora_adv", "lora_ent", "lora_unl", "lora_orth")
PARTIES = (DEVELOPER, AUDITOR)
LONG = {"lora_steps": 400, "lora_hide_steps": 200}  # a second or more each, so that a party can be killed in the middle


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory, warm):
    """One cache, and so one pair of processes, for the tests of this file."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("fairlora")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("FAIRNB_CACHE", str(folder / "cache"))
        patched.setenv("FAIRNB_RESULTS", str(folder / "results"))
        patched.setenv("FAIRNB_HEADLESS", "1")
        patched.delenv(processes.ADDRESS, raising=False)
        patched.setattr(processes, "subprocess", warm.instead_of_subprocess())
        yield folder
        processes.stop()


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Another cache, in which nothing is done yet."""
    monkeypatch.setenv("FAIRNB_CACHE", str(tmp_path / "cache"))


@contextmanager
def watched(watch):
    """Each step of the exchanges inside goes through ``watch(sites, party, call, *asked)``."""
    real = processes.calls

    @contextmanager
    def calls(agreement, sites):
        with real(agreement, sites) as found:
            yield {name: partial(watch, sites, name, call) for name, call in found.items()}

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(processes, "calls", calls)
        yield


def trained(name, task=None, seed=0, **options):
    return methods.get(name)(task or fairlora_task(), seed=seed, **options)


def same_model(one, other):
    first, second = one.model.state_dict(), other.model.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def one_sentence(error):
    text = str(error.value)
    assert text and "\n" not in text and len(text) < 400, text
    return text


# 1. What crosses.


class Recording:
    """Everything that the two parties of an exchange were asked and answered, as pickled on its way."""

    def __init__(self, name, folder):
        self.asked, self.answers, self.heads = [], [], []
        with watched(self._watch), pytest.MonkeyPatch.context() as patched:
            patched.setenv("FAIRNB_CACHE", str(folder / name))  # else lora_orth would share lora_unl's first answer
            self.predictor = trained(name)
        self.name, self.blob = name, b"".join(pickle.dumps(item) for item in [*self.asked, *self.answers])

    def _watch(self, sites, party, call, *asked):
        self.sites = sites
        self.asked.append(asked)
        answer = call(*asked)
        self.answers.append(answer)
        if party == AUDITOR:
            self.heads += [read_state(Path(sites[AUDITOR].folder)).tensors["head.weight"].numpy().tobytes()]
        return answer

    def messages(self):
        found = [message for _, _, message, _ in self.asked] + self.answers
        return [message for message in found if message is not None]


@pytest.fixture(scope="module")
def recordings(cache):
    return {name: Recording(name, cache) for name in STRATEGIES}


class OnlyMessages(pickle.Unpickler):
    """Reads plain values and ``AdapterMessage`` and no other class."""

    def find_class(self, module, name):
        assert (module, name) == (AdapterMessage.__module__, "AdapterMessage"), f"{module}.{name} crossed"
        return super().find_class(module, name)


@pytest.mark.parametrize("name", STRATEGIES)
def test_by_type_only_adapter_messages_and_plain_settings_cross(recordings, name):
    recording = recordings[name]
    assert recording.messages(), "something crossed"
    for step, action, message, settings in recording.asked:
        assert type(step) is int and type(action) is str and type(settings) is dict
        assert message is None or type(message) is AdapterMessage
        assert all(type(key) is str and type(value) in (bool, int, float, str) for key, value in settings.items())
    assert all(answer is None or type(answer) is AdapterMessage for answer in recording.answers)
    for item in [*recording.asked, *recording.answers]:
        OnlyMessages(io.BytesIO(pickle.dumps(item))).load()


@pytest.mark.parametrize("name", STRATEGIES)
def test_by_content_a_message_is_the_adapter_in_canonical_bytes(recordings, name):
    recording = recordings[name]
    task = fairlora_task()
    width, rank = 16, task.settings["lora_rank"]
    expected = {}
    for place in (f"vit.layers.{layer}.attention.{which}_proj" for layer in (0, 1) for which in "qv"):
        expected |= {f"{place}.lora_A.weight": (rank, width), f"{place}.lora_B.weight": (width, rank)}
    for message in recording.messages():
        found = unseal(message)
        assert {key: tuple(value.shape) for key, value in found.items()} == expected
        assert all(value.dtype == torch.float32 for value in found.values())
        assert save(found) == message.tensors
        header = json.loads(message.tensors[8 : 8 + int.from_bytes(message.tensors[:8], "little")])
        assert set(header) == set(expected), "no metadata"
        numbers = sum(value.numel() for value in found.values())
        assert len(message.tensors) == 8 + int.from_bytes(message.tensors[:8], "little") + 4 * numbers


@pytest.mark.parametrize("name", STRATEGIES)
def test_by_content_no_label_head_image_or_logit_crosses(recordings, name):
    recording, blob = recordings[name], recordings[name].blob
    assert recording.heads and not [head for head in recording.heads if head in blob], "the auditor's head"
    assert any(head != recording.heads[0] for head in recording.heads) or len(recording.heads) == 1
    developers = read_state(Path(recording.sites[DEVELOPER].folder)).tensors["head.weight"].numpy().tobytes()
    assert developers not in blob, "nor the developer's"
    train = fairlora_task().train
    for half in (*shared_out(train).values(), None):
        rows = slice(None) if half is None else np.isin(train.ids, half.ids)
        for labels in (train.protected[rows], train.target[rows]):
            forms = [labels.astype(kind).tobytes() for kind in ("int64", "int32", "uint8", "float32", "float64")]
            forms += [np.packbits(labels.astype(bool)).tobytes()]
            texts = [json.dumps(labels.tolist()), "".join(map(str, labels)), str(labels.tolist())]
            assert not [form for form in forms + [text.encode() for text in texts] if form in blob]
    for image in train.x:
        for row in image.reshape(-1, image.shape[-1]):
            assert row.tobytes() not in blob
    pixels = (to_pixels(train.x, torch.device("cpu"))).numpy()
    assert not [1 for row in pixels.reshape(-1, 16)[::7] if row.tobytes() in blob]
    logits = recording.predictor.model(torch.as_tensor(pixels)).detach().numpy()
    assert not [1 for some in logits[: len(logits) // 4 * 4].reshape(-1, 4) if some.tobytes() in blob]


@pytest.mark.parametrize("name", STRATEGIES)
def test_no_party_has_the_others_labels_in_a_file(recordings, name):
    sites, train = recordings[name].sites, fairlora_task().train
    own = {DEVELOPER: train.target, AUDITOR: train.protected}
    for party, other in (PARTIES, PARTIES[::-1]):
        ids = np.load(f"{sites[party].data}/ids.npy")
        rows = {sample: row for row, sample in enumerate(train.ids)}
        place = [rows[sample] for sample in ids]
        mine, theirs = own[party][place], own[other][place]
        assert not np.array_equal(mine, theirs) and np.array_equal(np.load(f"{sites[party].data}/labels.npy"), mine)
        found = [np.load(file, mmap_mode="r") for file in Path(sites[party].data).glob("*.npy")]
        found += [value.numpy() for value in load_file(f"{sites[party].folder}/{STATE}").values()]
        for array in found:
            flat = np.asarray(array).reshape(-1)
            if flat.shape == theirs.shape and flat.dtype.kind in "biuf":
                assert not np.array_equal(flat, theirs) and not np.array_equal(flat, 1 - theirs)
        for folder in (sites[party].data, sites[party].folder):
            for file in filter(lambda path: path.is_file(), Path(folder).rglob("*")):
                for kind in ("int64", "int32", "uint8", "float32"):
                    assert theirs.astype(kind).tobytes() not in file.read_bytes(), file.name


def test_what_the_parties_agree_on_is_plain(recordings):
    session = session_of(fairlora_task(), 0, "any", {}, {})
    json.dumps(asdict(session.agreement))  # numbers and words: an array or a tensor would raise
    for site in session.sites.values():
        assert all(type(value) is str for value in asdict(site).values())


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_record_has_the_log_of_the_wire(recordings, name):
    recording = recordings[name]
    handed = [message.sha256 for _, _, message, _ in recording.asked if message is not None]
    notes = json.loads(json.dumps(recording.predictor.notes))
    assert [line["sha256"] for line in notes["messages"]] == handed
    assert len(handed) == {"lora_adv": 4, "lora_ent": 4, "lora_unl": 1, "lora_orth": 1}[name]
    assert {tuple(sorted((line["sender"], line["receiver"]))) for line in notes["messages"]} == {(AUDITOR, DEVELOPER)}


def tampering(answer):
    def watch(sites, party, call, *asked):
        found = call(*asked)
        return answer(sites, found) if party == AUDITOR else found

    return watch


TAMPERED = {
    "labels": lambda sites, found: np.load(f"{sites[AUDITOR].data}/labels.npy"),
    "a dict": lambda sites, found: unseal(found),
    "the head": lambda sites, found: replace(
        found,
        tensors=save(unseal(found) | {"head.weight": read_state(Path(sites[AUDITOR].folder)).tensors["head.weight"]}),
    ),
    "logits": lambda sites, found: replace(found, tensors=save(unseal(found) | {"logits": torch.zeros(80, 1)})),
    "bytes behind": lambda sites, found: replace(found, tensors=found.tensors + b"0110"),
    "metadata": lambda sites, found: replace(found, tensors=save(unseal(found), {"s": "0110"})),
}


@pytest.mark.parametrize("kind", TAMPERED)
def test_a_tampered_answer_ends_the_exchange_before_the_developer_has_it(kind, elsewhere, recordings):
    got = []

    def watch(sites, party, call, *asked):
        got.append((party, asked[1]))
        return tampering(TAMPERED[kind])(sites, party, call, *asked)

    with watched(watch), pytest.raises(BadMessage) as caught:
        trained("lora_orth")
    one_sentence(caught)
    assert got == [(AUDITOR, "learn")]


# 2. Who is asked, and what comes out.


def count(asked):
    def watch(sites, party, call, *step):
        asked.append((party, step[0], step[1]))
        return call(*step)

    return watched(watch)


def test_erm_asks_the_auditor_nothing(cache):
    asked = []
    with count(asked):
        predictor = trained("lora_erm")
    assert asked == [(DEVELOPER, 1, "train"), (DEVELOPER, 2, "finish")]
    assert predictor.notes["messages"] == [] and predictor.notes["auditor"] == []


@pytest.mark.parametrize("name", ["lora_adv", "lora_ent"])
def test_a_strength_of_zero_leaves_the_auditor_unasked(name):
    asked = []
    with count(asked):
        predictor = trained(name, strength=0.0)
    assert {party for party, *_ in asked} == {DEVELOPER} and predictor.notes["messages"] == []


def test_the_strategies_differ_and_a_seed_gives_the_same_again(recordings, elsewhere):
    x = fairlora_task().val.x
    scores = {name: recordings[name].predictor(x) for name in STRATEGIES} | {"lora_erm": trained("lora_erm")(x)}
    for name, found in scores.items():
        assert found.shape == (20, 2) and np.isfinite(found).all()
        assert not [other for other in scores if other != name and np.array_equal(found, scores[other])], name
    assert same_model(trained("lora_adv"), recordings["lora_adv"].predictor), "in another cache, from the beginning"
    assert not same_model(trained("lora_adv", seed=1), recordings["lora_adv"].predictor)


def test_the_developer_learns_its_own_half_of_the_images():
    task = fairlora_task(lora_steps=150)
    own = shared_out(task.train)[DEVELOPER]
    assert (trained("lora_erm", task)(own.x).argmax(1) == own.labels).mean() >= 0.9


def test_finished_steps_are_not_repeated_and_first_answers_are_shared(recordings, elsewhere):
    asked = []
    with count(asked):
        first = trained("lora_unl")
        shared = trained("lora_orth")
        again = trained("lora_unl")
    assert [(party, action) for party, _, action in asked] == [
        (AUDITOR, "learn"), (DEVELOPER, "negate"), (DEVELOPER, "train"), (DEVELOPER, "finish"),
        (DEVELOPER, "train_away"), (DEVELOPER, "finish"),
    ]  # fmt: skip
    assert same_model(first, recordings["lora_unl"].predictor) and same_model(again, first)
    assert same_model(shared, recordings["lora_orth"].predictor), "as with an answer of its own"


# 3. Interruptions.


def test_an_interrupted_driver_goes_on(recordings, elsewhere):
    done = []

    def watch(sites, party, call, *asked):
        if len(done) == 3 and "stopped" not in done:
            done.append("stopped")
            raise KeyboardInterrupt
        done.append(asked[0])
        return call(*asked)

    with watched(watch):
        with pytest.raises(KeyboardInterrupt):
            trained("lora_adv")
        predictor = trained("lora_adv")
    assert done == [1, 2, 3, "stopped", 4, 5, 6, 7, 8]
    assert same_model(predictor, recordings["lora_adv"].predictor)


def killing(done, *plan):
    """The parties in ``plan``, each killed once in the middle of its step: ``(party, step, who)``."""
    left = list(plan)

    def watch(sites, party, call, *asked):
        if left and left[0][:2] == (party, asked[0]):
            victims = [processes.process_of(name) for name in left.pop(0)[2]]
            timer = threading.Timer(0.2, lambda: [victim.kill() for victim in victims])
            timer.start()
        answer = call(*asked)
        done.append(asked[0])
        return answer

    return watched(watch)


def test_a_killed_party_is_reported_by_the_other_and_the_rerun_is_bit_identical(recordings, tmp_path, monkeypatch):
    task, done = fairlora_task(**LONG), []
    whole = trained("lora_adv", task)
    monkeypatch.setenv("FAIRNB_CACHE", str(tmp_path / "cut"))
    with killing(done, (AUDITOR, 2, [AUDITOR]), (DEVELOPER, 4, [DEVELOPER])):
        for lost, other, step in ((AUDITOR, DEVELOPER, 2), (DEVELOPER, AUDITOR, 4)):
            with pytest.raises(PartyLost) as caught:
                trained("lora_adv", task)
            text = one_sentence(caught)
            assert f"the {other} reports that the {lost} was lost in step {step}" in text
            assert f"start the {lost} again and repeat the command" in text
            assert processes.process_of(lost).wait(timeout=120) == -signal.SIGKILL
            assert processes.process_of(other).poll() is None, "the other lives"
        cut = trained("lora_adv", task)
    assert done == [1, 2, 3, 4, 5, 6, 7, 8], "each step was finished once"
    assert same_model(cut, whole)
    assert [line["sha256"] for line in cut.notes["messages"]] == [line["sha256"] for line in whole.notes["messages"]]
    assert next(line for line in cut.notes["developer"] if line["action"] == "lost")["party"] == AUDITOR


def test_a_party_that_died_between_two_exchanges_is_started_once_its_name_is_free(monkeypatch):
    seen, started = iter([{*PARTIES}, {*PARTIES}, {DEVELOPER}, {DEVELOPER}]), []
    own = {DEVELOPER: Ended(None), AUDITOR: Ended(-9)}

    def start(name, address):
        started.append(name)
        own[name] = Ended(None)

    class Client:
        class scheduler:
            address = "tcp://here"

    monkeypatch.setattr(processes, "_here", {"processes": own})
    monkeypatch.setattr(processes, "alive", lambda _: next(seen, {DEVELOPER, *started}))
    monkeypatch.setattr(processes, "_start", start)
    processes._wait_for_both(Client)
    assert started == [AUDITOR] and next(seen, None) is None


class Ended:
    """A process that has ended, or has not (``None``)."""

    def __init__(self, code):
        self.poll = lambda: code


class Slow:
    """A future that is ready after so many looks; it counts them."""

    def __init__(self, looks):
        self.looks, self.seen = looks, 0

    def result(self, timeout):
        self.seen += 1
        if self.seen <= self.looks:
            raise TimeoutError
        return "ready"


def test_a_slow_party_is_waited_for_and_one_whose_process_has_ended_is_lost_at_once(monkeypatch):
    monkeypatch.setattr(processes, "_here", {"processes": {AUDITOR: Ended(None), DEVELOPER: Ended(-9)}})
    assert processes._ready(AUDITOR, Slow(5)) == "ready"
    future = Slow(5)
    with pytest.raises(PartyLost, match="the developer was lost before its first step"):
        processes._ready(DEVELOPER, future)
    assert future.seen == 1


def test_a_party_that_ends_whenever_it_is_started_is_a_sentence_with_its_log(monkeypatch):
    class Client:
        class scheduler:
            address = "tcp://here"

    own = {DEVELOPER: Ended(None)}
    monkeypatch.setattr(processes, "_here", {"processes": own})
    monkeypatch.setattr(processes, "alive", lambda _: {DEVELOPER})
    monkeypatch.setattr(processes, "_start", lambda name, _: own.update({name: Ended(1)}))
    with pytest.raises(FairnbError, match="the auditor ended 3 times while it started: .*auditor.log") as caught:
        processes._wait_for_both(Client)
    one_sentence(caught)


def test_who_is_there_is_not_told_from_the_clients_own_shorter_list(elsewhere):
    """The client asks for a list without workers every two seconds, here all the time."""
    import dask
    from distributed import Client

    with processes.calls(*_agreed()):
        own = processes._here["cluster"]
        with dask.config.set({"distributed.client.scheduler-info-interval": "1ms"}):
            with Client(own, set_as_default=False) as client:
                assert all(processes.alive(client) == {*PARTIES} for _ in range(300))


def _agreed(task=None):
    session = session_of(task or fairlora_task(), 0, "test", {}, {})
    return session.agreement, session.sites


# 4. Bad input.

WRONG = {
    "a rank of 0": ({"rank": 0}, BadData, "whole rank from 1"),
    "an unknown place": ({"places": ("head",)}, BadData, "no head: it has q_proj, k_proj, v_proj, o_proj, fc1, fc2"),
    "an unknown part": ({"part": "middle"}, BadData, "must be 'all', 'first_half' or 'last_half'.*got 'middle'"),
    "no steps": ({"steps": 0}, FairnbError, "1 step or more"),
    "no rounds": ({"rounds": 0}, BadData, "rounds must be 1 or more"),
    "negative strength": ({"strength": -1.0}, BadData, "strength 0 or more"),
    "unknown objective": ({"objective": "adverse"}, BadData, "must be 'adversarial', 'uniform' or 'entropy'"),
    "no hiding": ({"hide_steps": 0}, FairnbError, "the auditor stopped in step 2 .hide.: training takes 1 step"),
    "an lr that explodes": ({"lr": 1e30}, FairnbError, "the developer stopped in step 1 .train.: .*NaN or infinite"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_bad_hyper_parameters_are_one_sentence(kind, elsewhere):
    options, error, says = WRONG[kind]
    with pytest.raises(error, match=says) as caught:
        trained("lora_erm" if kind == "no steps" else "lora_adv", **options)
    one_sentence(caught)


def test_a_task_without_a_vision_transformer():
    with pytest.raises(BadData, match="fake/squares has no vision transformer.*set its backbone to 'vit'") as caught:
        trained("lora_erm", fake_task(16))
    one_sentence(caught)


def test_an_auditor_with_one_group(elsewhere):
    one_group = fairlora_task({(0, 0): 40, (1, 0): 40})
    with pytest.raises(BadData, match="40 samples have one value of Tint only: give it data with two") as caught:
        trained("lora_adv", one_group)
    one_sentence(caught)


def test_a_site_whose_data_changed_to_one_group(elsewhere):
    agreement, sites = _agreed()
    np.save(f"{sites[AUDITOR].data}/labels.npy", np.ones(80, dtype=np.int64))
    with pytest.raises(FairnbError, match="the auditor stopped at its start: .*Tint only") as caught:
        with processes.calls(agreement, sites):
            pass
    one_sentence(caught)


def chain(error):
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def test_of_an_unexpected_error_in_a_process_only_the_type_crosses(elsewhere, tmp_path):
    with processes.calls(*_agreed()) as call:
        with pytest.raises(FairnbError) as caught:
            Wire(tmp_path / "wire", call).ask(DEVELOPER, "train")
        with pytest.raises(FairnbError, match="unknown action of the auditor 'sell'"):
            call[AUDITOR](1, "sell", None, {})
    assert one_sentence(caught).endswith("the developer failed in step 1 (train), TypeError: its own log says why")
    assert "argument" not in "".join(map(repr, chain(caught.value))), "Python's own words stay there"


def test_a_scheduler_to_which_parties_of_two_owners_came_is_no_longer_one(monkeypatch):
    monkeypatch.setenv(processes.ADDRESS, "tcp://127.0.0.1:9")
    with pytest.raises(FairnbError, match="FAIRNB_PARTIES is no longer used.* as docs/two_parties.md says") as caught:
        trained("lora_erm")
    one_sentence(caught)


# 5. Where the parties are.


def party_processes():
    """Their ids, as a process of a cluster has them."""
    return [processes.process_of(name).pid for name in PARTIES]


def lives(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_in_a_dask_worker_as_make_reproduce_does_it(tmp_path, monkeypatch):
    from distributed import Client

    grid = [runs.Run("toy_faces/young_male_vit", "lora_adv", 0, "smoke")]
    monkeypatch.setenv("FAIRNB_HEADLESS", "1")
    frames = []
    for where in ("here", "there"):
        monkeypatch.setenv("FAIRNB_RESULTS", str(tmp_path / where / "results"))
        monkeypatch.setenv("FAIRNB_CACHE", str(tmp_path / where / "cache"))
        if where == "here":
            frames.append(runs.run(grid))
            continue
        with engine.local_cluster(1) as address:
            monkeypatch.setenv(engine.SCHEDULER, address)
            frames.append(runs.run(grid))
            with cluster.known_to(address) as security:
                with Client(address, security=security, set_as_default=False) as client:
                    [pids] = client.run(party_processes).values()
            assert all(lives(pid) for pid in pids) and not set(pids) & set(party_processes())
    numbers = ["acc", "bacc", "fpr_gap", "eo_max"]
    assert frames[0][numbers].equals(frames[1][numbers])
    records = [
        [file.read_text(encoding="utf-8") for file in (tmp_path / where).rglob("*.json") if "runs" in str(file)]
        for where in ("here", "there")
    ]
    hashes = [[line["sha256"] for line in json.loads(text)["notes"]["messages"]] for [text] in records]
    assert hashes[0] == hashes[1] and len(hashes[0]) == 4
    end = time.monotonic() + 120
    while any(map(lives, pids)):
        assert time.monotonic() < end, "the worker's parties end with it"
        time.sleep(0.2)


def test_both_parties_lost(elsewhere):
    with (
        killing([], (DEVELOPER, 1, PARTIES)),
        pytest.raises(PartyLost, match="both parties were lost in step 1") as caught,
    ):
        trained("lora_erm", fairlora_task(**LONG))
    one_sentence(caught)
