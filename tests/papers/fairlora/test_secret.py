"""What a party draws is its own: nobody else can know the head that an auditor starts from, and so read its message."""

import ast
import errno
import os
import shutil
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import stranger
import torch
from fairlora_task import SHAPE, fairlora_task
from fake_task import balanced, squares
from nbformat import read
from sklearn.metrics import roc_auc_score

from fairnb import paths
from fairnb.errors import BadData, FairnbError, UnknownName
from fairnb.nets.vit import vit_classifier
from fairnb.papers.fairlora import kept, leakage, lora
from fairnb.papers.fairlora.protocol import secret
from fairnb.papers.fairlora.protocol.auditor import Auditor
from fairnb.papers.fairlora.protocol.developer import Developer
from fairnb.papers.fairlora.protocol.messages import unseal
from fairnb.papers.fairlora.protocol.party import STATE, read_state
from fairnb.papers.fairlora.protocol.sites import PartyData, Site
from fairnb.papers.fairlora.protocol.wire import AUDITOR, DEVELOPER
from fairnb.papers.fairlora.session import session_of, shared_out
from fairnb.training import loop

MADE = {DEVELOPER: Developer, AUDITOR: Auditor}
SEEDS = range(8)


@pytest.fixture
def party(sandbox):
    """``party(role, folder)``: with a private secret; the same folder is the same party, started again."""

    def made(role, folder="one", kind="private", seed=0, **settings):
        session = session_of(fairlora_task(**settings), seed, "test", {}, {})
        site = replace(session.sites[role], folder=str(sandbox / folder / role), secret=kind)
        return MADE[role](session.agreement, site)

    return made


def first_head(party):
    """The head that a party starts from, as only somebody in its own process can see it."""
    return party._fresh().head.weight.detach().flatten()


def first_adapter(party):
    return torch.cat([a.flatten() for _, a, _ in lora.pairs(lora.state(party._fresh()))])


def cosine(one, other):
    return torch.nn.functional.cosine_similarity(one, other, dim=0).item()


def refusal(call):
    with pytest.raises(FairnbError) as caught:
        call()
    text = str(caught.value)
    assert "\n" not in text and len(text) < 400
    return text


# 1. Where a secret is.


def test_a_private_secret_is_there_before_the_first_step_and_for_its_owner_alone(party):
    auditor = party(AUDITOR)
    file = auditor.folder / secret.FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(auditor.folder.stat().st_mode) == 0o700
    assert len(file.read_bytes()) == secret.SIZE and not (auditor.folder / STATE).exists()
    content = file.read_bytes()
    party(AUDITOR)
    assert file.read_bytes() == content, "a party that is started again has its own"
    assert content not in [(party(*who).folder / secret.FILE).read_bytes() for who in ((AUDITOR, "two"), (DEVELOPER,))]


def test_a_secret_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    tmp_path.chmod(0o700)
    with monkeypatch.context() as patched, pytest.raises(ZeroDivisionError):
        patched.setattr(os, "replace", lambda *_: 1 / 0)
        secret.private(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [f".{secret.FILE}.lock"]
    assert len(secret.private(tmp_path)) == secret.SIZE


def test_parties_that_start_at_once_in_one_folder_have_one_secret(tmp_path):
    tmp_path.chmod(0o700)
    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(secret.private, [tmp_path] * 32))) == 1


@pytest.mark.parametrize("mode", [0o755, 0o710, 0o770, 0o701])
def test_a_private_folder_that_others_may_enter_is_refused(party, mode):
    folder = party(AUDITOR).folder
    folder.chmod(mode)
    text = refusal(lambda: party(AUDITOR))
    assert f"the auditor stopped at its start: the private folder {folder} is open to others (mode {mode:o})" in text
    assert f"chmod 700 {folder}" in text
    folder.chmod(0o700)
    party(AUDITOR)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_damaged_secret_is_a_sentence(party, size):
    file = party(AUDITOR).folder / secret.FILE
    file.write_bytes(b"x" * size)
    assert f"{file} has {size} bytes, not 32: remove the exchange's folders" in refusal(lambda: party(AUDITOR))


def readable(files):
    return [file.name for file in files if os.access(file, os.R_OK)]


def test_another_user_reads_neither_secret_nor_head_nor_labels(party):
    with stranger.open_folder() as folder:
        mine = party(AUDITOR)
        auditor = Auditor(mine.agreement, replace(mine.site, folder=str(folder / "own")))
        auditor.do(1, "learn", None, {"steps": 2})
        shared_out(fairlora_task().train)[AUDITOR].write(folder / "mine")
        (folder / "public.txt").touch()
        (folder / "public.txt").chmod(0o644)
        files = [*auditor.folder.iterdir(), *(folder / "mine").iterdir(), folder / "public.txt"]
        assert {STATE, secret.FILE, "diary.jsonl", "labels.npy", "x.npy"} <= {file.name for file in files}
        assert stranger.asks(readable, files) == ["public.txt"]


def test_a_site_made_by_hand_is_private_and_a_notebooks_is_derived(sandbox):
    assert Site("folder", "data", "base").secret == "private"
    sites = session_of(fairlora_task(), 0, "test", {}, {}).sites
    assert {site.secret for site in sites.values()} == {"derived"}
    with pytest.raises(UnknownName, match="unknown secret of a site 'public': .*known are derived, private"):
        Site("folder", "data", "base", "public")  # type: ignore[arg-type]


def failing(error):
    def fails(*_):
        raise error

    return fails


@pytest.mark.parametrize("kind", secret.KINDS)
def test_where_the_roles_have_two_owners_no_path_leaves_with_what_the_disk_refuses(party, kind, monkeypatch, capfd):
    auditor = party(AUDITOR, kind=kind)
    file = auditor.folder / STATE
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))
    monkeypatch.setattr("fairnb.papers.fairlora.protocol.party.write_atomic", failing(full))
    text = refusal(lambda: auditor.do(1, "learn", None, {"steps": 2}))
    assert text.startswith("the auditor stopped in step 1 (learn): ") and "Traceback" not in text
    assert (str(file) in text) == (kind == "derived") and (str(file) in capfd.readouterr().err) == (kind == "private")


def test_a_state_that_cannot_be_read_now_is_neither_damaged_nor_lost(party):
    with stranger.open_folder() as folder:
        mine = party(AUDITOR)
        site = replace(mine.site, folder=str(folder / "own"), secret="derived")
        Auditor(mine.agreement, site).do(1, "learn", None, {"steps": 2})
        kept_message = folder / "0001-auditor-learn.safetensors"
        kept_message.touch()
        (folder / "own" / STATE).chmod(0o600)
        (folder / "own").chmod(0o755)
        said = stranger.asks(read_state, folder / "own")
        assert said.startswith("DiskTrouble") and f"{STATE} cannot be used (Permission denied)" in said
        (folder / "own").chmod(0o700)
        session = replace(session_of(fairlora_task(), 0, "", {}, {}), folder=folder, sites={AUDITOR: site})
        assert stranger.asks(session.begin_anew_if_broken).startswith("DiskTrouble") and kept_message.is_file()


BAD = {
    "CelebA's own -1 and 1": ({"labels": np.array([-1, 1, 1, -1])}, r"whole numbers 0, 1, ..., got \[-1, 1\] of Tint"),
    "a missing one": ({"labels": np.array([0, 1, np.nan, 1])}, "whole numbers 0, 1, ..., got .*nan"),
    "words": ({"labels": np.array(["f", "m", "f", "m"])}, "got .'f', 'm'. of Tint: number its values"),
    "one too few": ({"labels": np.array([0, 1, 0])}, "arrays of one length"),
    "images between 0 and 1": ({"x": np.zeros((4, 3, 8, 8))}, "must be uint8"),
}


@pytest.mark.parametrize("kind", BAD)
def test_samples_that_no_party_could_use_are_not_written(tmp_path, kind):
    changes, says = BAD[kind]
    good = {"x": np.zeros((4, 3, 8, 8), np.uint8), "labels": np.array([0, 1, 0, 1]), "ids": np.arange(4)}
    with pytest.raises(BadData, match=says):
        PartyData(**good | changes, name="Tint").write(tmp_path / "data")
    assert not list(tmp_path.iterdir())


# 2. What follows from it.


def test_a_derived_secret_is_the_same_again_and_each_role_and_seed_has_its_own(party):
    parties = {(role, seed): party(role, f"{seed}", "derived", seed) for role in MADE for seed in range(3)}
    assert not list(parties[AUDITOR, 0].folder.glob("*secret*")), "nothing to keep"
    heads = {key: first_head(one) for key, one in parties.items()}
    for (role, seed), head in heads.items():
        assert torch.equal(head, first_head(party(role, "elsewhere", "derived", seed)))
        assert all(key == (role, seed) or not torch.equal(head, other) for key, other in heads.items())


def test_first_weights_are_as_large_as_torchs_and_pefts_own():
    wide, drawn = (torch.nn.Linear(4000, 8) for _ in range(2))
    secret.redraw([drawn], b"a secret", "adapter")
    for name in ("weight", "bias"):
        one, other = getattr(wide, name), getattr(drawn, name)
        assert other.abs().max() <= 4000**-0.5 and not torch.equal(one, other)
    assert drawn.weight.std().item() == pytest.approx(wide.weight.std().item(), rel=0.05)
    assert abs(drawn.weight.mean().item()) < 5e-4, "of 32,000 weights in ±0.016"


def test_first_weights_do_not_come_from_the_32_bits_of_torchs_seeds(party, monkeypatch):
    """A peer could try out 32 bits: of all heads that torch draws, the auditor's is the one that its message shows."""
    real = torch.manual_seed
    real(5)
    few = torch.rand(3)
    real(5 + 2**32)
    assert torch.equal(few, torch.rand(3)), "torch takes no more, whatever a seed's length"
    monkeypatch.setattr(torch, "manual_seed", lambda _: real(0))
    one, other = party(AUDITOR, "one"), party(AUDITOR, "two")
    assert not torch.equal(first_head(one), first_head(other))
    assert not torch.equal(first_adapter(one), first_adapter(other))


def test_the_head_is_not_drawn_from_what_draws_the_adapter(party):
    """A crosses nearly as it was drawn: a head from the same numbers could be read off it."""
    for seed in SEEDS:
        auditor = party(AUDITOR, f"{seed}", "derived", seed)
        head, a = first_head(auditor), first_adapter(auditor)
        scaled = (value * len(head) ** 0.5 for value in (head, a))
        found, crossed = (np.round(value.numpy(), 5) for value in scaled)
        assert not np.isin(np.abs(found), np.abs(crossed)).sum() > 2, "none but by chance"


def test_the_public_network_of_attacks_has_nothing_of_a_partys_first_draws(party, sandbox):
    for seed in SEEDS:
        session = session_of(fairlora_task(), seed, "test", {}, {})
        public = kept.base_model(session)
        a = torch.cat([a.flatten() for _, a, _ in lora.pairs(lora.state(public))])
        for role in MADE:
            own = party(role, f"{seed}", "derived", seed)
            assert abs(cosine(first_adapter(own), a)) < 0.25, "256 numbers: four standard deviations"
            assert not torch.equal(first_head(own), public.head.weight.detach().flatten())


def attack_code():
    """Everything of the paper but the protocol between the parties: its modules, figures and notebooks."""
    room = Path(kept.__file__).parent
    yield from ((file.name, file.read_text()) for file in sorted(room.rglob("*.py")) if file.parent.name != "protocol")
    for file in sorted((paths.project() / "notebooks").glob("4*_fairlora*.ipynb")):
        cells = [cell.source for cell in read(file, 4).cells if cell.cell_type == "code"]
        yield file.name, "\n".join(line for cell in cells for line in cell.splitlines() if line[:1] not in "%!")


def test_no_attack_uses_the_derivation_of_secrets():
    code, forbidden = dict(attack_code()), {"secret", "derived", "redraw", "_secret", "_fresh", "_settled", "Auditor"}
    assert {"leakage.py", "kept.py", "42_fairlora_privacy.ipynb"} <= set(code)
    assert "known head" in code.pop("attacks.py"), "this adversary is said to know it: what a shared seed would give"
    for name, text in code.items():
        nodes = list(ast.walk(ast.parse(text)))
        said = {word for node in nodes if isinstance(node, ast.Attribute | ast.alias) for word in names_of(node)}
        said |= {part for node in nodes if isinstance(node, ast.ImportFrom) for part in (node.module or "").split(".")}
        assert not said & forbidden, f"{name} uses {said & forbidden}"


def names_of(node):
    return {node.attr} if isinstance(node, ast.Attribute) else set(node.name.split("."))


# 3. Steps.


def test_a_step_that_was_cut_off_is_done_again_with_the_same_draws(party, monkeypatch):
    whole = party(AUDITOR, "whole").do(1, "learn", None, {"steps": 4})
    cut = party(AUDITOR, "cut")
    shutil.copy(party(AUDITOR, "whole").folder / secret.FILE, cut.folder / secret.FILE)
    with monkeypatch.context() as patched, pytest.raises(FairnbError, match="ZeroDivisionError"):
        patched.setattr("fairnb.papers.fairlora.protocol.party.write_atomic", lambda *_: 1 / 0)
        party(AUDITOR, "cut").do(1, "learn", None, {"steps": 4})
    assert party(AUDITOR, "cut").do(1, "learn", None, {"steps": 4}) == whole
    assert party(AUDITOR, "another").do(1, "learn", None, {"steps": 4}) != whole


def test_the_draws_of_a_turn_are_the_partys_own_and_alike_in_all_strategies(party, monkeypatch):
    seeds, fit = [], loop.fit

    def noted(*given, seed, **options):
        seeds.append(seed)
        return fit(*given, seed=seed, **options)

    monkeypatch.setattr(loop, "fit", noted)
    theirs = party(AUDITOR, "a", "derived").do(1, "learn", None, {"steps": 2})
    party(DEVELOPER, "erm", "derived").do(1, "train", None, {"steps": 2})
    party(DEVELOPER, "orth", "derived").do(2, "train_away", theirs, {"steps": 2, "strength": 1.0, "form": "factors"})
    adv = party(DEVELOPER, "adv", "derived")
    for turn in (0, 1):
        adv.do(1 + turn, "train", None, {"steps": 2, "turn": turn})
    party(DEVELOPER, "private").do(1, "train", None, {"steps": 2})
    auditors, erm, orth, first, second, private = seeds
    assert erm == orth == first and len({auditors, erm, second, private}) == 4


def test_who_guesses_images_and_labels_cannot_see_that_the_guess_is_right(party):
    """``hide`` begins at the developer's own adapter, with a head that the data determine: the draws are all it has."""
    sent = party(DEVELOPER).do(1, "train", None, {"steps": 4, "reply": True})
    settings = {"steps": 4, "objective": "adversarial", "lr": 0.01}
    answers = [party(AUDITOR, folder).do(2, "hide", sent, settings) for folder in ("one", "guessed")]
    assert answers[0].tensors != answers[1].tensors


# 4. The attack.


def public_head(base, seed):
    """Today's guess of a peer, and the very head of version 2: from the run's seed, which the parties agree on."""
    return vit_classifier(2, base, 2 * seed + 1).head


class AuditorOfVersion2(Auditor):
    def _fresh(self):
        model = super()._fresh()
        model.head.load_state_dict(public_head(self.site.base, self.agreement.seed).state_dict())
        return model


def towards(head, message, session):
    """AUC of the protected attribute, 0..1, by how far a message moves test images along ``head``: no label is used."""
    model, test = kept.base_model(session), squares(balanced(25), 5, SHAPE.size)
    before = leakage.features(model, test)
    lora.load(model, unseal(message))
    return roc_auc_score(test.protected, (leakage.features(model, test) - before) @ head.numpy())


@pytest.mark.slow
@pytest.mark.numerics
def test_with_the_first_head_a_message_tells_which_group_is_which_and_a_guess_is_a_coin_toss(party, monkeypatch):
    found = {"its own head": [], "a guess": [], "a guess, version 2": []}
    for seed in SEEDS:
        session = session_of(fairlora_task(), seed, "test", {}, {})
        guess = public_head(session.sites[AUDITOR].base, seed).weight.detach().flatten()
        auditor = party(AUDITOR, f"{seed}", "derived", seed)
        message = auditor.do(1, "learn", None, {"steps": 12})
        found["its own head"].append(towards(first_head(auditor), message, session))
        found["a guess"].append(towards(guess, message, session))
        with monkeypatch.context() as patched:
            patched.setitem(MADE, AUDITOR, AuditorOfVersion2)
            message = party(AUDITOR, f"{seed}, version 2", "derived", seed).do(1, "learn", None, {"steps": 12})
        found["a guess, version 2"].append(towards(guess, message, session))
    assert min(found["its own head"]) > 0.9 and min(found["a guess, version 2"]) > 0.9, found
    assert 2 <= sum(auc > 0.5 for auc in found["a guess"]) <= len(SEEDS) - 2, found
