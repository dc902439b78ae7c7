"""What crosses: an adapter's tensors in a typed message, and nothing that looks nearly like it."""

import dataclasses
import json
import pickle
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from safetensors.torch import save

from fairnb.errors import BadData, FairnbError, UnknownName
from fairnb.papers.fairlora.protocol.messages import AdapterMessage, BadMessage, check, seal, unseal
from fairnb.papers.fairlora.protocol.wire import AUDITOR, DEVELOPER, Wire

A, B = "vit.layers.0.attention.q_proj.lora_A.weight", "vit.layers.0.attention.q_proj.lora_B.weight"
SHAPES = {A: (2, 6), B: (6, 2)}


def tensors(seed=0, rank=2, **more):
    generator = torch.Generator().manual_seed(seed)
    found = {A: torch.randn(rank, 6, generator=generator), B: torch.randn(6, rank, generator=generator)}
    return found | {name.replace("__", "."): value for name, value in more.items()}


def message(sender=AUDITOR, step=1, **changes):
    return AdapterMessage(sender, step, save(tensors(**changes)))


def one_sentence(error):
    text = str(error.value)
    assert text and "\n" not in text and len(text) < 400, text
    return text


@dataclass(frozen=True)
class Richer(AdapterMessage):
    labels: tuple = ()


def test_a_message_gives_back_the_bits_of_its_tensors():
    found = unseal(pickle.loads(pickle.dumps(seal(tensors(3), DEVELOPER, 4))))
    assert set(found) == {A, B} and all(torch.equal(found[name], value) for name, value in tensors(3).items())


def test_the_same_adapter_gives_the_same_bytes():
    plain = tensors()
    turned = {B: plain[B], A: plain[A].T.contiguous().T}
    first, again = seal(plain, AUDITOR, 1), seal(turned, AUDITOR, 2)
    assert first.tensors == again.tensors and first.sha256 == again.sha256 and len(first.sha256) == 64
    assert seal(tensors(1), AUDITOR, 1).sha256 != first.sha256


def test_a_message_has_three_fields_and_nothing_can_be_hung_on_it():
    assert [field.name for field in dataclasses.fields(AdapterMessage)] == ["sender", "step", "tensors"]
    with pytest.raises((AttributeError, TypeError)):
        object.__setattr__(message(), "labels", [0, 1])


@pytest.mark.parametrize("fields", [("driver", 1, b""), (AUDITOR, "1", b""), (AUDITOR, 1, "text"), (AUDITOR, 1, [1])])
def test_a_message_of_other_fields(fields):
    with pytest.raises(BadMessage, match="a message has a sender") as caught:
        AdapterMessage(*fields)
    one_sentence(caught)


def with_metadata():
    return AdapterMessage(AUDITOR, 1, save(tensors(), {"labels": "0110"}))


def with_a_gap():
    """A header that leaves room between its end and the tensors, or says more than it must."""
    plain = save(tensors())
    size = int.from_bytes(plain[:8], "little")
    return AdapterMessage(
        AUDITOR, 1, (size + 8).to_bytes(8, "little") + plain[8 : 8 + size] + b" " * 8 + plain[8 + size :]
    )


def plain(found):
    """A file by hand: name -> (type, shape, bytes)."""
    header, end = {}, 0
    for name, (kind, shape, size) in found.items():
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    return AdapterMessage(AUDITOR, 1, len(text).to_bytes(8, "little") + text + bytes(end))


# What the auditor may be made to answer -> words of the refusal.
TAMPERED = {
    "a dict": (lambda: tensors(), "only an AdapterMessage crosses.*got dict"),
    "an array": (lambda: np.zeros(4), "only an AdapterMessage crosses.*got ndarray"),
    "a tensor": (lambda: torch.zeros(4), "only an AdapterMessage crosses.*got Tensor"),
    "labels": (lambda: [0, 1, 1], "only an AdapterMessage crosses.*got list"),
    "bytes": (lambda: save(tensors()), "only an AdapterMessage crosses.*got bytes"),
    "a subclass": (lambda: Richer(AUDITOR, 1, save(tensors()), (0, 1)), "only an AdapterMessage crosses.*got Richer"),
    "a head": (lambda: message(head__weight=torch.zeros(1, 6)), "head.weight.*no part of an adapter"),
    "logits": (lambda: message(logits=torch.zeros(80, 1)), "logits.*no part of an adapter"),
    "logits as A": (lambda: message(logits__lora_A__weight=torch.zeros(2, 80)), "logits.lora_A.*no part of an adapter"),
    "images": (
        lambda: message(x__lora_A__weight=torch.zeros(2, 3, 4, 4), x__lora_B__weight=torch.zeros(6, 2)),
        "x.lora_A.*no part of an adapter",
    ),
    "another rank in a pair": (
        lambda: message(x__lora_A__weight=torch.zeros(80, 1), x__lora_B__weight=torch.zeros(1, 80)),
        r"ranks \[2, 80\]",
    ),
    "whole numbers": (
        lambda: AdapterMessage(AUDITOR, 1, save({A: torch.zeros(2, 6).long(), B: torch.zeros(6, 2).long()})),
        "int64: send float32",
    ),
    "a type that torch has not": (lambda: plain({A: ("F4", [2, 6], 6)}), "no safetensors file"),
    "another type that torch has not": (lambda: plain({A: ("F8_E8M0", [2, 6], 12)}), "no safetensors file"),
    "a shape that torch has not": (lambda: plain({A: ("F32", [0, 2**63], 0)}), "no safetensors file"),
    "a type of many words": (lambda: plain({A: ("labels 0110\n" * 99, [2, 6], 6)}), "no safetensors file"),
    "lines in a name": (lambda: message(**{"a\nb.lora_A.weight": torch.zeros(2, 6)}), "which is no layer"),
    "a name of many words": (lambda: message(**{"s" * 999: torch.zeros(2, 6)}), "which is no layer"),
    "no tensor": (lambda: AdapterMessage(AUDITOR, 1, save({})), "holds no tensor"),
    "no safetensors": (lambda: AdapterMessage(AUDITOR, 1, b"0110"), "no safetensors file"),
    "bytes behind": (lambda: AdapterMessage(AUDITOR, 1, save(tensors()) + b"0110"), "no safetensors file"),
    "bytes in front": (lambda: AdapterMessage(AUDITOR, 1, b"0110" + save(tensors())), "no safetensors file"),
    "metadata": (with_metadata, "more than tensors"),
    "a longer header": (with_a_gap, "more than tensors"),
    "another sender": (lambda: message(DEVELOPER), "auditor answered step 1 with the developer's"),
    "another step": (lambda: message(step=110), "auditor answered step 1 with the auditor's of step 110"),
}


@pytest.mark.parametrize("kind", TAMPERED)
def test_the_wire_refuses_every_other_answer_and_keeps_nothing_of_it(kind, tmp_path):
    answer, says = TAMPERED[kind]
    wire = Wire(tmp_path, {AUDITOR: lambda *_: answer()})
    with pytest.raises(BadMessage, match=says) as caught:
        wire.ask(AUDITOR, "learn", steps=3)
    one_sentence(caught)
    assert not list(tmp_path.glob("*.safetensors")) and not wire.log
    wire.close()


def test_an_adapter_crosses_and_is_logged(tmp_path):
    got = []
    answers = {AUDITOR: lambda *_: message(), DEVELOPER: lambda *asked: got.append(asked)}
    wire = Wire(tmp_path, answers)
    sent = wire.ask(AUDITOR, "learn", steps=3)
    assert wire.ask(DEVELOPER, "negate", sent, strength=0.5) is None
    assert got == [(2, "negate", message(), {"strength": 0.5})]
    [line] = wire.summary()
    assert line == {
        "step": 2, "sender": AUDITOR, "receiver": DEVELOPER, "size": len(sent.tensors), "sha256": sent.sha256,
        "tensors": {name: list(shape) for name, shape in SHAPES.items()},
    }  # fmt: skip
    wire.close()


def test_the_first_adapter_fixes_the_form_of_the_exchange(tmp_path):
    answers = iter([message(), message(step=2, rank=3)])
    wire = Wire(tmp_path, {AUDITOR: lambda *_: next(answers)})
    wire.ask(AUDITOR, "learn")
    with pytest.raises(BadMessage, match="differs from the first adapter in .*q_proj") as caught:
        wire.ask(AUDITOR, "hide")
    one_sentence(caught)


def never(*_):
    raise AssertionError("nobody is asked")


@pytest.mark.parametrize("value", [[0, 1], (0, 1), {"s": 0}, np.zeros(3), torch.zeros(3), b"01", None, np.int64])
def test_settings_are_numbers_and_words(tmp_path, value):
    wire = Wire(tmp_path, {DEVELOPER: never})
    with pytest.raises(BadMessage, match="labels is no number or word") as caught:
        wire.ask(DEVELOPER, "train", steps=3, labels=value)
    one_sentence(caught)


@pytest.mark.parametrize("sent", [tensors(), np.zeros(3), [0, 1], message(head__weight=torch.zeros(1, 6))])
def test_the_wire_hands_on_nothing_else_either(tmp_path, sent):
    with pytest.raises(BadMessage):
        Wire(tmp_path, {DEVELOPER: never}).ask(DEVELOPER, "negate", sent)


def test_nobody_gets_back_the_own_message(tmp_path):
    with pytest.raises(BadMessage, match="the auditor gets back its own message"):
        Wire(tmp_path, {AUDITOR: never}).ask(AUDITOR, "hide", message())


def test_unknown_parties_and_wrong_sharing(tmp_path):
    wire = Wire(tmp_path, {DEVELOPER: never}, tmp_path / "shared")
    with pytest.raises(UnknownName, match="unknown party 'regulator'"):
        wire.ask("regulator", "learn")
    with pytest.raises(BadData, match="only the auditor's first answer"):
        wire.ask(DEVELOPER, "train", share=True)


def test_an_interrupted_exchange_repeats_nothing(tmp_path):
    asked = []

    def party(step, action, received, settings):
        asked.append((step, action, None if received is None else received.sha256))
        if len(asked) == 3:
            raise FairnbError("the auditor stopped")
        return message(DEVELOPER if action == "train" else AUDITOR, step, seed=step)

    def exchange():
        wire = Wire(tmp_path, dict.fromkeys((DEVELOPER, AUDITOR), party))
        for _ in range(2):
            wire.ask(AUDITOR, "hide", wire.ask(DEVELOPER, "train", steps=1))
        return wire.summary()

    with pytest.raises(FairnbError, match="the auditor stopped"):
        exchange()
    log = exchange()
    assert [step for step, *_ in asked] == [1, 2, 3, 3, 4]
    assert [(line["step"], line["sender"]) for line in log] == [(2, DEVELOPER), (4, DEVELOPER)]
    assert log == exchange() and len(asked) == 5


def test_kept_answers_that_were_altered_are_refused(tmp_path):
    Wire(tmp_path, {AUDITOR: lambda *_: message()}).ask(AUDITOR, "learn")
    [file] = tmp_path.glob("*.safetensors")
    file.write_bytes(save(tensors(head__weight=torch.zeros(1, 6))))
    with pytest.raises(BadMessage, match="no part of an adapter"):
        Wire(tmp_path, {AUDITOR: never}).ask(AUDITOR, "learn")


def test_without_a_shared_folder_what_could_be_shared_stays_in_the_exchange(tmp_path):
    Wire(tmp_path, {AUDITOR: lambda *_: message()}).ask(AUDITOR, "learn", share=True)
    assert [file.name for file in tmp_path.glob("*.safetensors")] == ["0001-auditor-learn.safetensors"]


def test_exchanges_share_what_depends_on_nothing_else(tmp_path):
    asked = []

    def auditor(step, action, received, settings):
        asked.append(settings)
        return message(seed=settings["steps"])

    def learned(exchange, steps):
        wire = Wire(tmp_path / exchange, {AUDITOR: auditor}, tmp_path / "shared")
        return wire.ask(AUDITOR, "learn", share=True, steps=steps)

    assert learned("one", 3) == learned("two", 3) != learned("three", 4)
    assert asked == [{"steps": 3}, {"steps": 4}]


K = "vit.layers.0.attention.k_proj"
UNFIT = {
    "another rank": (tensors(rank=4), r"of shape \(4, 6\), not \(2, 6\) \(rank 4, not 2\)"),
    "another width": ({A: torch.zeros(2, 8), B: torch.zeros(8, 2)}, r"shape \(2, 8\), not \(2, 6\):"),
    "one more layer": (
        tensors() | {f"{K}.lora_A.weight": torch.zeros(2, 6), f"{K}.lora_B.weight": torch.zeros(6, 2)},
        "k_proj.lora_A.*use one layer set",
    ),
    "another layer": (
        {f"{K}.lora_A.weight": torch.zeros(2, 6), f"{K}.lora_B.weight": torch.zeros(6, 2)},
        "k_proj.lora_A.*use one layer set",
    ),
    "half precision": ({name: value.half() for name, value in tensors().items()}, "float16: send float32"),
    "double precision": ({name: value.double() for name, value in tensors().items()}, "float64: send float32"),
    "NaN": (tensors() | {B: torch.full((6, 2), float("nan"))}, "NaN or infinite values in .*lora_B.*learning rate"),
    "infinity": (tensors() | {A: torch.full((2, 6), float("inf"))}, "NaN or infinite values in .*lora_A"),
}


@pytest.mark.parametrize("kind", UNFIT)
def test_a_party_refuses_an_adapter_that_does_not_fit(kind):
    unfit, says = UNFIT[kind]
    with pytest.raises(BadMessage, match=says) as caught:
        check(AdapterMessage(AUDITOR, 3, save(unfit)), SHAPES)
    assert "auditor's message of step 3" in one_sentence(caught)


def test_a_party_refuses_an_adapter_that_lacks_a_layer():
    more = SHAPES | {f"{K}.lora_A.weight": (2, 6), f"{K}.lora_B.weight": (6, 2)}
    with pytest.raises(BadMessage, match=r"lacks .*k_proj.lora_A.weight \(2 of 4\)"):
        check(message(), more)


@pytest.mark.parametrize("wrong", [None, tensors(), np.zeros(3), "adapter", with_metadata()])
def test_a_party_refuses_what_is_no_message(wrong):
    with pytest.raises(BadMessage) as caught:
        check(wrong, SHAPES)
    one_sentence(caught)


def test_a_party_takes_what_fits():
    assert set(check(message(), SHAPES)) == set(SHAPES)
