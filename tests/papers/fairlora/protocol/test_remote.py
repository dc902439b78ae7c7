"""Two parties as services: their files, who is believed, what the driver takes, what is signed, how it goes on."""

import gzip
import inspect
import json
import os
import pickle
import re
import ssl
import stat
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from fairlora_services import OTHER, driver, party_entries, running, service, toml, write_files
from fairlora_task import fairlora_task
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from fairnb.errors import BadData, FairnbError, MissingData, UnknownName
from fairnb.papers.fairlora import commands
from fairnb.papers.fairlora.protocol import (
    certificates,
    envelopes,
    processes,
    remote,
    serving,
    signatures,
    strategies,
    terms,
    whitelist,
)
from fairnb.papers.fairlora.protocol.certificates import Identity
from fairnb.papers.fairlora.protocol.messages import AdapterMessage, BadMessage
from fairnb.papers.fairlora.protocol.wire import AUDITOR, DEVELOPER, PartyLost, Wire
from fairnb.papers.fairlora.session import session_of

PARTIES = (DEVELOPER, AUDITOR)
ADV = {"steps": 8, "hide_steps": 2, "rounds": 2, "strength": 1.0, "objective": "adversarial", "lr": 0.01}
ORTH = {"steps": 4, "auditor_steps": 4, "strength": 10.0, "form": "factors"}


def one_sentence(error):
    text = str(error.value)
    assert text and "\n" not in text and len(text) < 500, text
    return text


@pytest.fixture(scope="module")
def session(tmp_path_factory, new_cache):
    folder = tmp_path_factory.mktemp("remote")
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("FAIRNB_CACHE", str(new_cache(folder)))
        patched.setenv("FAIRNB_HEADLESS", "1")
        yield session_of(fairlora_task(), 0, "test", {}, {})


@pytest.fixture
def folder(tmp_path, session):
    write_files(tmp_path, session)
    return tmp_path


@contextmanager
def both(folder, **private):
    """Both services; yields the driver's own file."""
    with running(service(folder, DEVELOPER, **private)) as one, running(service(folder, AUDITOR, **private)) as other:
        yield driver(folder, {DEVELOPER: one, AUDITOR: other})


def exchanged(folder, call, strategy=strategies.alternating, **settings):
    wire = Wire(folder, call)
    strategy(wire, **(settings or ADV))
    wire.ask(DEVELOPER, "finish")
    return [(line.step, line.sha256) for line in wire.log]


# 1. An exchange.


@pytest.mark.slow
def test_the_same_bytes_as_between_the_processes_of_one_machine(folder, session, warm, monkeypatch):
    monkeypatch.setattr(processes, "subprocess", warm.instead_of_subprocess())
    monkeypatch.delenv(processes.ADDRESS, raising=False)
    try:
        for name, strategy, settings in (("a", strategies.alternating, ADV), ("o", strategies.orthogonal, ORTH)):
            with both(folder, private=name) as own, remote.calls(own, folder / name) as call:
                found = exchanged(folder / name, call, strategy, **settings)
            sites = {role: replace(session.sites[role], folder=str(folder / "here" / name / role)) for role in PARTIES}
            with processes.calls(session.agreement, sites) as call:
                assert found == exchanged(folder / f"here {name}", call, strategy, **settings) and found
    finally:
        processes.stop()


def test_each_message_is_in_the_signed_log_of_all_three(folder):
    with both(folder) as own, remote.calls(own, folder / "wire") as call:
        crossed = exchanged(folder / "wire", call)
    for place in (folder / "wire", *(folder / role / "private" for role in PARTIES)):
        lines = signatures.verified(place, own.terms.exchange, own.certificates) if place.name == "wire" else None
        lines = lines or signatures.read(place)
        assert [(line.step + 1, line.sha256) for line in lines] == crossed
        assert [(line.sender, line.receiver) for line in lines] == [(DEVELOPER, AUDITOR), (AUDITOR, DEVELOPER)] * 2
    asked = CliRunner().invoke(commands.party, ["verify", str(folder / "driver" / "driver.toml"), str(folder / "wire")])
    assert asked.exit_code == 0 and asked.output.count("bytes") == 4 and crossed[0][1] in asked.output


ALTERED = {
    "another hash": {"sha256": "0" * 64},
    "another step": {"step": 3},
    "another sender": {"sender": AUDITOR, "receiver": DEVELOPER},
    "another exchange": {"exchange": "0" * 64},
    "no party": {"sender": "driver"},
    "no signature": {"signature": ""},
}


@pytest.fixture
def logged(folder):
    """A log with a line, its message, and the certificates that it is verified with."""
    message, own = AdapterMessage(DEVELOPER, 1, b"adapter"), Identity.read(folder / DEVELOPER / "own")
    signatures.note(folder / "log", "e" * 64, message, signatures.sign(own, "e" * 64, message))
    (folder / "log" / "0001-developer-train.safetensors").write_bytes(b"adapter")
    found = {role: certificates.read(folder / "driver" / f"{role}.pem") for role in PARTIES}
    assert len(signatures.verified(folder / "log", "e" * 64, found)) == 1
    return folder / "log", found


@pytest.mark.parametrize("kind", ALTERED)
def test_an_altered_log_is_refused(logged, kind):
    place, found = logged
    line = json.loads((place / signatures.LOG).read_text(encoding="utf-8"))
    (place / signatures.LOG).write_text(json.dumps(line | ALTERED[kind]) + "\n", encoding="utf-8")
    with pytest.raises(BadMessage, match="line 1 of .* is not signed for this exchange") as caught:
        signatures.verified(place, "e" * 64, found)
    one_sentence(caught)


def test_a_message_that_nobody_signed_and_a_log_that_is_none(logged):
    place, found = logged
    (place / "0002-auditor-hide.safetensors").write_bytes(b"another")
    with pytest.raises(BadMessage, match="0002-auditor-hide.safetensors is in no line") as caught:
        signatures.verified(place, "e" * 64, found)
    one_sentence(caught)
    for text in (
        "hello",
        "[1]",
        '{"step": 1}',
        "[" * 100_000,
        json.dumps(dict.fromkeys(signatures.Line.__annotations__, 1)),
    ):
        (place / signatures.LOG).write_text(text, encoding="utf-8")
        with pytest.raises(BadData, match="is no log of an exchange") as caught:
            signatures.read(place)
        one_sentence(caught)


def test_an_exchange_whose_driver_and_whose_party_were_lost_goes_on(folder):
    asked = []

    def cut(call, after):
        def one(step, *more):
            if step > after:
                raise KeyboardInterrupt
            asked.append(step)
            return call(step, *more)

        return one

    for after in (2, 4, 99):  # each time both parties and the driver are new
        with both(folder) as own, remote.calls(own, folder / "wire") as call:
            try:
                crossed = exchanged(folder / "wire", {name: cut(one, after) for name, one in call.items()})
            except KeyboardInterrupt:
                assert after < 99
    assert asked == [1, 2, 3, 4, 5, 6, 7, 8]
    with both(folder, private="whole") as own, remote.calls(own, folder / "whole") as call:
        assert crossed == exchanged(folder / "whole", call)


def test_a_driver_that_was_killed_finds_the_party_at_the_step_that_it_left(folder, monkeypatch):
    made, begun, go_on = service(folder, AUDITOR), threading.Event(), threading.Event()
    real = made._party.do

    def slow(*asked):
        begun.set()
        assert go_on.wait(60)
        return real(*asked)

    monkeypatch.setattr(made._party, "do", slow)
    monkeypatch.setattr(remote, "AGAIN", 0.02)
    with running(service(folder, DEVELOPER)) as one, running(made) as other:
        own = driver(folder, {DEVELOPER: one, AUDITOR: other})
        with remote.calls(own, folder / "killed", patience=0.5) as call, pytest.raises(PartyLost):
            call[AUDITOR](1, "learn", None, {"steps": 2})
        assert begun.is_set()
        threading.Timer(0.2, go_on.set).start()
        with remote.calls(own, folder / "wire") as call:
            assert Wire(folder / "wire", call).ask(AUDITOR, "learn", steps=2) is not None


def test_a_lost_party_is_a_sentence(folder):
    with running(service(folder, AUDITOR)) as other:
        with running(service(folder, DEVELOPER)) as one:
            own = driver(folder, {DEVELOPER: one, AUDITOR: other})
            with remote.calls(own, folder / "wire") as call:
                Wire(folder / "wire", call).ask(DEVELOPER, "train", steps=2, reply=True)
        # its client is closed, as is the party: asked again, neither is there
        with pytest.raises(
            FairnbError, match=f"no developer answers at 127.0.0.1:{one} .*fairnb party serve"
        ) as caught:
            with remote.calls(own, folder / "wire"):
                pass
    one_sentence(caught)


def test_a_party_that_dies_in_a_step_is_lost(folder):
    with both(folder) as own, remote.calls(own, folder / "wire") as call:
        gone = replace(
            call[DEVELOPER], client=remote._client(driver(folder, {DEVELOPER: 9, AUDITOR: 9}), DEVELOPER, 5.0)
        )
        with pytest.raises(PartyLost, match="the developer was lost in step 3: start it again and repeat") as caught:
            gone(3, "train", None, {"steps": 2})
    one_sentence(caught)


def test_what_a_party_refuses_is_its_sentence(folder):
    with both(folder) as own, remote.calls(own, folder / "wire") as call:
        wire = Wire(folder / "wire", call)
        with pytest.raises(FairnbError, match="the developer refused a request: train has no setting 'data'") as caught:
            wire.ask(DEVELOPER, "train", steps=2, data="x")
        one_sentence(caught)
        with pytest.raises(FairnbError, match="the developer stopped in step 2 .train.: .*NaN or infinite") as caught:
            wire.ask(DEVELOPER, "train", steps=8, lr=1000.0)
        one_sentence(caught)


def test_an_adapter_without_a_signature_does_not_go_on(folder):
    with both(folder) as own, remote.calls(own, folder / "wire") as call:
        sent = Wire(folder / "wire", call).ask(DEVELOPER, "train", steps=2, reply=True)
        (folder / "wire" / signatures.LOG).unlink()
        with pytest.raises(BadMessage, match="has no signature of the developer's message of step 1") as caught:
            call[AUDITOR](2, "hide", sent, {"steps": 2, "objective": "entropy", "lr": 0.01})
    one_sentence(caught)


def test_actions_that_a_party_did_not_agree_to(folder, session):
    entries = party_entries(session, AUDITOR) | {"actions": ["hide"]}
    (folder / AUDITOR / "party.toml").write_text(toml(entries), encoding="utf-8")
    with both(folder) as own, remote.calls(own, folder / "wire") as call:
        with pytest.raises(FairnbError, match="learn is not among the actions that this party agreed to") as caught:
            Wire(folder / "wire", call).ask(AUDITOR, "learn", steps=2)
    one_sentence(caught)


# 2. A hostile party, as the driver sees it.


class Answer(RequestHandler):
    """Health as it should be, and anything for a step."""

    def initialize(self, health, answer):
        self.health, self.answer = health, answer

    def get(self):
        self.finish(self.health)

    def post(self):
        self.answer(self)


@contextmanager
def hostile(folder, party, answer, **health):
    """A party with its own true certificate that answers as it likes."""
    own = terms.party(folder / party / "party.toml")
    told = serving.service(own).health() | health
    app = Application([("/.*", Answer, {"health": told, "answer": answer})])

    class Made:
        @staticmethod
        def listen(host, port, patience):
            server = HTTPServer(app, ssl_options=own.own.serving(own.driver))
            server.listen(port, host)
            return server

    with running(Made) as port:
        yield port


class Danger:
    """Unpickled, it writes a file."""

    def __init__(self, file):
        self.file = str(file)

    def __reduce__(self):
        return os.system, (f"touch {self.file}",)


def honest(handler, folder, body, step=1, **stamp):
    """A true signature under whatever bytes."""
    own, exchange = Identity.read(folder / AUDITOR / "own"), terms.agreed(folder / AUDITOR / "agreement.toml").exchange
    signature = signatures.sign(own, exchange, AdapterMessage(AUDITOR, step, body))
    found = {"sender": AUDITOR, "step": step, "signature": signature} | stamp
    handler.set_header(envelopes.HEADER, json.dumps(found))
    handler.finish(body)


def refusing(text):
    def answer(handler, folder):
        handler.set_status(422)
        handler.finish(text)

    return answer


def pickle_in_header(handler, folder):
    handler.set_header(envelopes.HEADER, pickle.dumps(Danger(folder / "it ran"), 0).decode().replace("\n", " "))
    handler.finish(b"x")


def bomb(handler, folder):
    """A megabyte of zeros that is said to be, and is, packed in a kilobyte."""
    handler.set_header("Content-Encoding", "gzip")
    honest(handler, folder, gzip.compress(bytes(1_000_000)))


ANSWERS = {
    "a signed pickle": (lambda h, f: honest(h, f, pickle.dumps(Danger(f / "it ran"))), "no safetensors file"),
    "a pickle": (lambda h, f: h.finish(pickle.dumps(Danger(f / "it ran"))), "no line of JSON"),
    "a pickle in the header": (lambda h, f: pickle_in_header(h, f), "no line of JSON"),
    "a forged signature": (lambda h, f: honest(h, f, b"x", signature="00"), "not signed by the auditor"),
    "another's name": (lambda h, f: honest(h, f, b"x", sender=DEVELOPER), "answered step 1 with another message"),
    "another step": (lambda h, f: honest(h, f, b"x", step=7), "answered step 1 with another message"),
    "no end": (lambda h, f: honest(h, f, bytes(10_000_000)), "has more than [0-9]* bytes"),
    "a bomb": (lambda h, f: bomb(h, f), "no safetensors"),
    "somewhere else": (lambda h, f: h.redirect("https://127.0.0.1:9/labels"), "refused, and does not say why"),
    "control characters": (refusing("\x1b[31mred\nred"), "refused, and does not say why"),
    "a book": (refusing("word " * 300), "refused, and does not say why"),
    "nothing said": (refusing(""), "refused, and does not say why"),
    "no more words": (lambda h, f: h.request.connection.stream.close(), "the auditor was lost in step 1"),
}  # fmt: skip


@pytest.mark.parametrize("kind", ANSWERS)
def test_the_driver_takes_nothing_else_from_a_party(folder, kind):
    answer, says = ANSWERS[kind]
    with hostile(folder, AUDITOR, lambda handler: answer(handler, folder)) as other:
        with running(service(folder, DEVELOPER)) as one:
            with remote.calls(driver(folder, {DEVELOPER: one, AUDITOR: other}), folder / "wire") as call:
                wire = Wire(folder / "wire", call)
                with pytest.raises(FairnbError, match=says) as caught:
                    wire.ask(AUDITOR, "learn", steps=2)
    assert not (folder / "it ran").exists() and not list((folder / "wire").glob("*.safetensors")) and not wire.log
    one_sentence(caught)


HEALTH = {
    "another role": ({"role": DEVELOPER}, "serves another exchange"),
    "another exchange": ({"exchange": "0" * 64}, "serves another exchange"),
    "another network": ({"base": "0" * 64}, "different public networks"),
    "another size": ({"size": 17}, "different public networks"),
    "a size without an end": ({"size": 2**40}, "more than 268435456"),
    "one word more": ({"labels": [0, 1]}, "each of its kind, and nothing else"),
    "a size that is a word": ({"size": "17"}, "each of its kind, and nothing else"),
}


@pytest.mark.parametrize("kind", HEALTH)
def test_parties_that_do_not_fit_each_other(folder, kind):
    health, says = HEALTH[kind]
    with hostile(folder, AUDITOR, None, **health) as other, running(service(folder, DEVELOPER)) as one:
        with pytest.raises(FairnbError, match=says) as caught:
            with remote.calls(driver(folder, {DEVELOPER: one, AUDITOR: other}), folder / "wire"):
                pass
    one_sentence(caught)


def test_who_has_another_certificate_is_not_believed(folder):
    """Somebody else at the auditor's address, and the developer in its place."""
    with both(folder) as own:
        for swapped in ({AUDITOR: own.addresses[DEVELOPER]}, {DEVELOPER: own.addresses[AUDITOR]}):
            [name] = swapped
            with pytest.raises(FairnbError, match=f"has not the {name}'s certificate: ask the {name} for it") as caught:
                with remote.calls(replace(own, addresses=own.addresses | swapped), folder / "wire"):
                    pass
            one_sentence(caught)
        certificates.create("driver", folder / "foreign")
        with pytest.raises(FairnbError, match="no developer answers .* pin the certificate that you use") as caught:
            with remote.calls(replace(own, own=Identity.read(folder / "foreign")), folder / "wire"):
                pass
    one_sentence(caught)


def test_proxies_of_the_environment_are_not_asked(folder, monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with both(folder) as own, remote.calls(own, folder / "wire") as call:
        assert set(call) == {*PARTIES}


# 3. Keys and certificates.


def test_a_pair_is_for_its_owner_alone(tmp_path):
    old = os.umask(0)
    try:
        file = certificates.create(AUDITOR, tmp_path / "new" / "own")
    finally:
        os.umask(old)
    assert stat.S_IMODE((file.parent / certificates.KEY).stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert Identity.read(file.parent).role == AUDITOR == certificates.role_of(certificates.read(file, AUDITOR))
    made = certificates.read(file)
    context = Identity.read(file.parent).serving(made)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_3 and context.verify_mode == ssl.CERT_REQUIRED


def other_curve(folder):
    from cryptography.hazmat.primitives.asymmetric import ec

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(certificates, "CURVE", ec.SECP384R1())
        return certificates.create(AUDITOR, folder / "other curve")


def out_of_date(folder):
    file = certificates.create(AUDITOR, folder / "old", days=1)
    later = datetime.now(UTC) + timedelta(days=3)

    class Later(datetime):
        @classmethod
        def now(cls, zone=None):
            return later

    return file, Later


def mode(folder, bits):
    file = certificates.create(AUDITOR, folder / "open")
    (file.parent / certificates.KEY).chmod(bits)
    return file.parent


def swapped(folder):
    one, other = (certificates.create(AUDITOR, folder / name).parent for name in "ab")
    (one / certificates.KEY).write_bytes((other / certificates.KEY).read_bytes())
    return one


def written(folder, name, content):
    place = certificates.create(AUDITOR, folder / "written").parent
    (place / name).write_bytes(content)
    return place


KEYS = {
    "others may read it": (lambda f: mode(f, 0o640), FairnbError, "others may read the private key .*key.pem"),
    "all may read it": (lambda f: mode(f, 0o604), FairnbError, "others may read the private key"),
    "it is not there": (lambda f: f / "nowhere", MissingData, "there is no .*certificate.pem: make the pair with"),
    "it is another's": (swapped, BadData, "is not the key of .*certificate.pem"),
    "it is no key": (lambda f: written(f, "key.pem", b"hello"), BadData, "is no private key without a password"),
    "it is a pickle": (lambda f: written(f, "key.pem", pickle.dumps(1)), BadData, "is no private key"),
    "it is no certificate": (lambda f: written(f, "certificate.pem", b"\xff\xfe"), BadData, "is no certificate"),
    "it is on another curve": (lambda f: other_curve(f).parent, BadData, "is another kind of certificate"),
}


@pytest.mark.parametrize("kind", KEYS)
def test_keys_that_are_not_taken(tmp_path, kind):
    make, error, says = KEYS[kind]
    with pytest.raises(error, match=says) as caught:
        Identity.read(make(tmp_path))
    one_sentence(caught)


def test_certificates_that_are_not_taken(tmp_path, monkeypatch):
    file, later = out_of_date(tmp_path)
    with pytest.raises(BadData, match="is the certificate of the auditor, not of the developer") as caught:
        certificates.read(file, DEVELOPER)
    one_sentence(caught)
    with pytest.raises(BadData, match="is no certificate"):
        certificates.read(file.parent / certificates.KEY)
    monkeypatch.setattr(certificates, "datetime", later)
    with pytest.raises(BadData, match="is good from .* to .*, which is not today") as caught:
        certificates.read(file)
    one_sentence(caught)


def test_pairs_are_not_written_over_nor_where_others_look(tmp_path):
    certificates.create(AUDITOR, tmp_path / "own")
    before = (tmp_path / "own" / certificates.KEY).read_bytes()
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o755)
    (tmp_path / "file").write_text("", encoding="utf-8")
    for folder, says in (
        ("own", "has a private key already"),
        ("open", "others may enter"),
        ("file", "cannot be|already"),
    ):
        with pytest.raises(FairnbError, match=says) as caught:
            certificates.create(AUDITOR, tmp_path / folder)
        one_sentence(caught)
    assert (tmp_path / "own" / certificates.KEY).read_bytes() == before
    with pytest.raises(UnknownName, match="unknown role 'judge'"):
        certificates.create("judge", tmp_path / "judge")


# 4. Files.

BROKEN = {
    "no TOML": (lambda e: "role = ", "is no TOML"),
    "another role": (lambda e: toml(e | {"role": "judge"}), "unknown role in .* 'judge'"),
    "a word too much": (lambda e: toml(e | {"fold": "x"}), "unknown entry of .* 'fold': did you mean 'folder'"),
    "a word too few": (lambda e: toml({k: v for k, v in e.items() if k != "data"}), "lacks data"),
    "a number for a word": (lambda e: toml(e | {"data": 3}), "has data as 3, which is no str"),
    "a word for a number": (lambda e: toml(e | {"port": "x"}), "has port as 'x', which is no int"),
    "an action of the other": (lambda e: toml(e | {"actions": ["take"]}), "unknown action in .* 'take'"),
    "the driver as peer": (
        lambda e: toml(e | {"peer": "driver.pem"}),
        "of the driver, not of the developer",
    ),
    "the peer as driver": (lambda e: toml(e | {"driver": "developer.pem"}), "of the developer, not of the driver"),
    "the other's key": (lambda e: toml(e | {"own": "../developer/own"}), "holds the developer's certificate"),
    "no agreement": (lambda e: toml(e | {"agreement": "x"}), "there is no .*x: write it"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_partys_file_with_a_fault(folder, session, kind):
    text, says = BROKEN[kind]
    (folder / AUDITOR / "party.toml").write_text(text(party_entries(session, AUDITOR)), encoding="utf-8")
    with pytest.raises(FairnbError, match=says) as caught:
        terms.party(folder / AUDITOR / "party.toml")
    one_sentence(caught)


AGREEMENTS = {
    "no name": ('name = "test"', "", "lacks name"),
    "an unknown entry": ('name = "test"', 'name = "test"\nfolder = "x"', "unknown entry of .* 'folder'"),
    "an unknown part of the form": ("rank = 4", "rank = 4\nranks = 4", "unknown entry of .* 'ranks'"),
    "half a rank": ("rank = 4", "rank = 4.5", "whole rank from 1"),
    "a rank that is a word": ("rank = 4", 'rank = "x"', "whole rank from 1|another kind"),
    "places that are a number": (r"places = .*", "places = 3", "another kind"),
}


@pytest.mark.parametrize("kind", AGREEMENTS)
def test_an_agreement_with_a_fault(folder, kind):
    old, new, says = AGREEMENTS[kind]
    file = folder / AUDITOR / "agreement.toml"
    assert re.search(old, file.read_text(encoding="utf-8"))
    file.write_text(re.sub(old, new, file.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(FairnbError, match=says) as caught:
        terms.agreed(file)
    one_sentence(caught)


@pytest.mark.parametrize("address", ["127.0.0.1", "x:", ":1", "https://x:1", "x:1/labels", "me@x:1", "x:99999", "x:-1"])
def test_an_address_that_is_none(folder, address):
    driver(folder, {DEVELOPER: 1, AUDITOR: 2})
    file = folder / "driver" / "driver.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("127.0.0.1:1", address), encoding="utf-8")
    with pytest.raises(BadData, match="has the address .*: write it as host:port") as caught:
        terms.driver(file)
    one_sentence(caught)


def test_terms_are_the_same_for_the_same_words_alone(folder):
    found = terms.agreed(folder / AUDITOR / "agreement.toml")
    assert found.exchange == terms.agreed(folder / "driver" / "agreement.toml").exchange
    assert found.exchange != replace(found, name="again").exchange
    assert found.exchange != replace(found, agreement=replace(found.agreement, seed=1)).exchange


def test_another_agreement_at_one_party_is_noticed(folder):
    file = folder / AUDITOR / "agreement.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("seed = 0", "seed = 1"), encoding="utf-8")
    with both(folder) as own, pytest.raises(BadData, match="the auditor .* serves another exchange") as caught:
        with remote.calls(own, folder / "wire"):
            pass
    one_sentence(caught)


def test_the_whitelist_is_of_what_parties_do():
    """Each action is there, and each setting is one that the method or the training takes."""
    from fairnb.papers.fairlora.protocol.auditor import Auditor
    from fairnb.papers.fairlora.protocol.developer import Developer

    for party in (Auditor, Developer):
        assert whitelist.ACTIONS[party.role].keys() == {*party.actions}
        for name, action in whitelist.ACTIONS[party.role].items():
            found = inspect.signature(getattr(party, name)).parameters
            assert {*action.needed} == {
                n for n, p in found.items() if p.kind == p.KEYWORD_ONLY and p.default is p.empty
            }
            recipe = {"lr", "schedule", "turn"} if "recipe" in found else set()
            assert {*action.optional} <= {*found} | recipe
            assert action.message == ("AdapterMessage" in str(found["received"].annotation))


# 5. The commands, as docs/two_parties.md has them.


class Served:
    """``fairnb party serve FILE`` in a process of its own."""

    def __init__(self, launch, file):
        self.log = Path(file).with_suffix(".log")
        words = [sys.executable, "-m", "fairnb.papers.fairlora.commands", "serve", file]
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = launch(words, cwd=Path.cwd(), stdout=log, stderr=log, env=dict(os.environ))

    def said(self):
        """The line that says where it is."""
        end = time.monotonic() + 120
        while not (found := re.findall(r"^the .*answers at .*$", self.log.read_text(), re.M)):
            assert time.monotonic() < end and self.process.poll() is None, self.log.read_text()
            time.sleep(0.05)
        return found[0]

    def end(self):
        self.process.kill()
        self.process.wait(timeout=60)


def free_ports():
    """Two that nobody has now."""
    import socket

    with socket.socket() as one, socket.socket() as other:
        for each in (one, other):
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in (one, other)]


def blocks(language):
    text = (Path(__file__).parents[4] / "docs" / "two_parties.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.S)


@pytest.mark.slow
def test_the_commands_of_the_docs_as_they_stand(tmp_path, session, monkeypatch, warm):
    monkeypatch.chdir(tmp_path)
    ports = dict(zip(("8443", "8444"), map(str, free_ports()), strict=True))
    made, served, check = (
        [line.split("#")[0].split() for line in block.splitlines()] for block in blocks("sh")
    )  # fmt: skip
    for words in made:
        assert words[:2] == ["fairnb", "party"]
        found = CliRunner().invoke(commands.party, words[2:])
        assert found.exit_code == 0 and "give the others" in found.output
    for block in blocks("toml"):
        for name in block.splitlines()[0].strip("# ").split():
            # other ports, and batches of a size for the few images
            Path(name).write_text(
                re.sub("8443|8444", lambda found: ports[found[0]], block).replace("= 128", "= 20"), encoding="utf-8"
            )
    for role in PARTIES:
        for other in (OTHER[role], "driver"):
            Path(role, f"{other}.pem").write_bytes(Path(other, "own", "certificate.pem").read_bytes())
        Path("driver", f"{role}.pem").write_bytes(Path(role, "own", "certificate.pem").read_bytes())
        Path(role, "vit").symlink_to(session.sites[role].base)
        Path(role, "faces").symlink_to(session.sites[role].data)
    services = [Served(warm.Process, words[3]) for words in served]
    try:
        addresses = [f"127.0.0.1:{port}" for port in ports.values()]
        for one, role, address in zip(services, PARTIES, addresses, strict=True):
            assert one.said() == f"the {role} answers at {address}"
        [exchange] = [block for block in blocks("python") if "remote.calls" in block]
        exec(exchange.replace("3000", "4"), {})
        found = CliRunner().invoke(commands.party, check[0][2:])
        assert found.exit_code == 0 and "step 1: auditor to developer" in found.output
        second = CliRunner().invoke(commands.party, ["serve", "auditor/party.toml"])
        assert second.exit_code == 2 and "another process serves" in second.stderr
        modes = {str(file): stat.S_IMODE(file.stat().st_mode) for file in Path("auditor/private").rglob("*")}
        assert not {name for name, bits in modes.items() if bits & 0o077}, modes
    finally:
        for one in services:
            one.end()
