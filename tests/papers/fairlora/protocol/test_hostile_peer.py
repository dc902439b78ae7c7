"""Whatever a hostile peer or driver sends to a party: nothing runs, nothing leaks, one sentence, and it lives on."""

import hashlib
import json
import os
import pickle
import re
import socket
import ssl
import struct
import threading
import time
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pytest
import torch
from fairlora_services import driver, running, service, write_files
from fairlora_task import fairlora_task
from safetensors.torch import load, save

from fairnb.errors import FairnbError
from fairnb.papers.fairlora.protocol import certificates, envelopes, remote, signatures, strategies
from fairnb.papers.fairlora.protocol.certificates import Identity
from fairnb.papers.fairlora.protocol.messages import AdapterMessage
from fairnb.papers.fairlora.protocol.service import Patience
from fairnb.papers.fairlora.protocol.sites import PartyData
from fairnb.papers.fairlora.protocol.wire import AUDITOR, DEVELOPER, Wire
from fairnb.papers.fairlora.session import session_of

PARTIES = (DEVELOPER, AUDITOR)
HIDE = {"steps": 2, "objective": "entropy", "lr": 0.01}
ADV = {"steps": 8, "hide_steps": 2, "rounds": 2, "strength": 1.0, "objective": "adversarial", "lr": 0.01}
SECRET = "hidden-marker"  # name of the auditor's labels


class Danger:
    """Unpickled, it writes a file."""

    def __init__(self, file):
        self.file = str(file)

    def __reduce__(self):
        return os.system, (f"touch {self.file}",)


class World:
    """Both parties' services, those who may call them and those who may not, and an honest developer's adapter."""

    def __init__(self, folder, stack):
        self.folder, session = folder, session_of(fairlora_task(), 0, "test", {}, {})
        data = PartyData.read(folder.__class__(session.sites[AUDITOR].data))
        self.labels = np.array(data.labels)
        replace(data, name=SECRET).write(folder / "faces")
        sites = session.sites | {AUDITOR: replace(session.sites[AUDITOR], data=str(folder / "faces"))}
        self.session = replace(session, sites=sites)
        write_files(folder, self.session)
        for name in ("foreign", "renewed"):
            certificates.create("driver", folder / name)
        self.who = {name: Identity.read(folder / name / "own") for name in certificates.ROLES}
        self.who["foreign"] = Identity.read(folder / "foreign")
        self.services = {role: service(folder, role) for role in PARTIES}
        self.ports = {role: stack.enter_context(running(made)) for role, made in self.services.items()}
        self.own = driver(folder, self.ports)
        self.exchange = self.own.terms.exchange
        self.honest = self.answered(
            DEVELOPER, envelopes.Asked(self.exchange, 1, "train", {"steps": 2, "reply": True}, None)
        )
        self.size = len(self.honest)
        self.marker = folder / "it ran"

    def answered(self, role, asked):
        status, body = self.post(envelopes.line(asked), b"", role=role)
        assert status == 200
        return body

    def signed(self, body, step=1, sender=DEVELOPER, exchange=None, by=None):
        """A stamp with the developer's true signature under whatever bytes."""
        message = AdapterMessage(sender, step, body)
        signature = signatures.sign(self.who[by or sender], exchange or self.exchange, message)
        return envelopes.Stamp(sender, step, signature)

    def asked(self, **changes):
        """To hide, with an honest message."""
        found = {"exchange": self.exchange, "step": 2, "action": "hide", "settings": HIDE}
        return {**found, "message": vars_of(self.signed(self.honest)), **changes}

    def post(self, header, body, role=AUDITOR, who="driver"):
        lines = ["POST /step HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", "Connection: close"]
        text = "\r\n".join([*lines, f"Fairnb: {header}", "", ""])
        return self.raw(text.encode("latin1") + body, role, who)

    def raw(self, content, role=AUDITOR, who="driver"):
        """Status and body of what comes back, None and all of it where that is no HTTP."""
        found = self.talk(content, role, who)
        head, _, body = found.partition(b"\r\n\r\n")
        words = head.split()
        return (int(words[1]) if words[:1] == [b"HTTP/1.1"] else None), body

    def talk(self, content, role=AUDITOR, who="driver"):
        with socket.create_connection(("127.0.0.1", self.ports[role]), timeout=20) as plain:
            with self.context(who, role).wrap_socket(plain) as tls:
                tls.sendall(content)
                return everything(tls)

    def context(self, who, role=AUDITOR):
        if who is not None:
            return self.who[who].calling(certificates.read(self.folder / "driver" / f"{role}.pem"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context

    def unharmed(self):
        """Nothing ran, and the auditor has not done a step, and can still be asked."""
        assert not self.marker.exists()
        assert not (self.folder / "auditor" / "private" / "state.safetensors").exists()
        status, body = self.raw(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert status == 200 and json.loads(body)["doing"] is None


def vars_of(stamp):
    return {"sender": stamp.sender, "step": stamp.step, "signature": stamp.signature}


def everything(tls):
    """What comes until the connection ends or the answer is complete."""
    found = b""
    try:
        while chunk := tls.recv(65536):
            found += chunk
            head, _, body = found.partition(b"\r\n\r\n")
            size = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
            if size and len(body) >= int(size[0]):
                break
    except (ConnectionError, ssl.SSLError):
        pass
    return found


@pytest.fixture(scope="module")
def world(tmp_path_factory, new_cache):
    folder = tmp_path_factory.mktemp("hostile")
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patched, ExitStack() as stack:
        patched.setenv("FAIRNB_CACHE", str(new_cache(folder)))
        patched.setenv("FAIRNB_HEADLESS", "1")
        yield World(folder, stack)


def require_one_sentence(world, body):
    text = body.decode()
    assert 0 < len(text) < 700 and text.isprintable() and "Traceback" not in text, text
    assert SECRET not in text and str(world.folder) not in text


# 1. What stands in the header: each a change of an honest request to hide.


def nested(depth):
    return "[" * depth + "]" * depth


HEADERS = {
    "no JSON": (lambda w: "hello", "no line of JSON"),
    "nothing": (lambda w: "", "no line of JSON"),
    "a list": (lambda w: "[1, 2]", "no names with values"),
    "deep JSON": (lambda w: nested(2000), "no line of JSON|no names"),
    "deep settings": (lambda w: json.dumps(w.asked())[:-1] + f', "x": {nested(900)}}}', "no line of JSON|nothing else"),
    "too long": (lambda w: json.dumps(w.asked(action="h" * 5000)), "5[0-9]* characters, more than 4096"),
    "a pickle": (lambda w: pickle.dumps(Danger(w.marker), 0).decode("latin1").replace("\n", " "), "no line of JSON"),
    "yaml": (lambda w: f"!!python/object/apply:os.system ['touch {w.marker}']", "no line of JSON"),
    "one more name": (lambda w: json.dumps(w.asked(data="/etc/passwd")), "nothing else"),
    "one name less": (lambda w: json.dumps({"step": 2}), "nothing else"),
    "a step that is a word": (lambda w: json.dumps(w.asked(step="2")), "each of its kind"),
    "a step that is true": (lambda w: json.dumps(w.asked(step=True)), "each of its kind"),
    "step 0": (lambda w: json.dumps(w.asked(step=0)), "numbered from 1"),
    "a step without an end": (lambda w: json.dumps(w.asked(step=10**30)), "numbered from 1"),
    "an unknown action": (lambda w: json.dumps(w.asked(action="sell")), "unknown action of the auditor 'sell'"),
    "the developer's action": (lambda w: json.dumps(w.asked(action="take")), "unknown action of the auditor 'take'"),
    "a private method": (lambda w: json.dumps(w.asked(action="_fit")), "unknown action of the auditor '_fit'"),
    "a constructor": (lambda w: json.dumps(w.asked(action="__init__")), "unknown action of the auditor '__init__'"),
    "another public method": (lambda w: json.dumps(w.asked(action="report_loss")), "unknown action of the auditor"),
    "an attribute": (lambda w: json.dumps(w.asked(action="data")), "unknown action of the auditor 'data'"),
    "lines in an action": (lambda w: json.dumps(w.asked(action="a\nb\x1b[31m")), "unknown action of the auditor"),
    "another exchange": (lambda w: json.dumps(w.asked(exchange="0" * 64)), "another exchange"),
    "a path for an exchange": (lambda w: json.dumps(w.asked(exchange="../../etc")), "another exchange"),
    "no message": (lambda w: json.dumps(w.asked(message=None)), "takes the developer's adapter of the step before"),
    "a message that is a word": (lambda w: json.dumps(w.asked(message="developer")), "each of its kind"),
    "a stamp with more": (lambda w: json.dumps(w.asked(message={**w.asked()["message"], "path": "x"})), "nothing else"),
    "an unknown sender": (lambda w: json.dumps(w.asked(message={**w.asked()["message"], "sender": "x"})), "stamped by"),
    "a signature without an end": (
        lambda w: json.dumps(w.asked(message={**w.asked()["message"], "signature": "0" * 500})),
        "stamped by",
    ),
}  # fmt: skip
SETTINGS = {
    "data": ({"data": "/etc/passwd"}, "hide has no setting 'data'"),
    "a folder": ({"folder": "../.."}, "hide has no setting 'folder'"),
    "self": ({"self": 1}, "hide has no setting 'self'"),
    "received": ({"received": 1}, "hide has no setting 'received'"),
    "an option of the training": ({"trainable": "head"}, "hide has no setting 'trainable'"),
    "what was agreed on": ({"batch_size": 1}, "hide has no setting 'batch_size'"),
    "a list": ({"steps": [2]}, "steps of hide must be a whole number"),
    "a dictionary": ({"lr": {"a": 1}}, "lr of hide must be a number"),
    "a path": ({"objective": "../../entropy"}, "objective of hide must be one of"),
    "half a step": ({"steps": 1.5}, "steps of hide must be a whole number"),
    "true": ({"steps": True}, "steps of hide must be a whole number"),
    "no steps": ({"steps": 0}, "steps of hide must be a whole number from 1"),
    "steps without an end": ({"steps": 10**400}, "steps of hide must be a whole number"),
    "NaN": ({"lr": float("nan")}, "lr of hide must be a number"),
    "infinity": ({"lr": float("inf")}, "lr of hide must be a number"),
    "nothing": ({"lr": None}, "lr of hide must be a number"),
    "another schedule": ({"schedule": "__class__"}, "schedule of hide must be one of"),
}
HEADERS |= {
    f"settings: {name}": (lambda w, changed=changed: json.dumps(w.asked(settings=HIDE | changed)), says)
    for name, (changed, says) in SETTINGS.items()
}
HEADERS["settings: too few"] = (lambda w: json.dumps(w.asked(settings={"steps": 2})), "hide needs the setting lr")


@pytest.mark.parametrize("kind", HEADERS)
def test_a_header_that_asks_for_anything_else(world, kind):
    header, says = HEADERS[kind]
    status, body = world.post(header(world), world.honest)
    assert status == 400, (status, body)
    require_one_sentence(world, body)
    assert re.search(says, body.decode()), body
    world.unharmed()


# 2. What stands in the body, each with the developer's true signature: a hostile peer signs anything.


def padded(content, size):
    return content[:size] + bytes(max(0, size - len(content)))


def altered(world, change):
    tensors = load(world.honest)
    change(tensors)
    return save(tensors)


def fill(value):
    return lambda tensors: tensors[sorted(tensors)[0]].fill_(value)


def gap(honest):
    """The same length: a shorter name, and the room for bytes between header and tensors."""
    size = struct.unpack("<Q", honest[:8])[0]
    header = json.loads(honest[8 : 8 + size])
    first = sorted(header)[0]
    header["a" * (len(first) - 8)] = header.pop(first)
    text = json.dumps(header, separators=(",", ":")).encode()
    return honest[:8] + text + b" " * (size - len(text)) + honest[8 + size :]


def metadata(honest):
    size = struct.unpack("<Q", honest[:8])[0]
    header = json.loads(honest[8 : 8 + size])
    first = sorted(header)[0]
    header = {"__metadata__": {"l": "0110"}} | {name: value for name, value in header.items() if name != first}
    return padded(honest[:8] + json.dumps(header, separators=(",", ":")).encode(), len(honest))


def of_type(honest, name):
    return honest.replace(b'"dtype":"F32"', f'"dtype":"{name}"'.encode())


def renamed(honest, old, new):
    assert len(old) == len(new) and old in honest
    return honest.replace(old, new)


Q = "vit.layers.0.attention.q_proj"
BODIES = {
    "a pickle": lambda w: padded(pickle.dumps(Danger(w.marker)), w.size),
    "a torch file": lambda w: padded(b"PK\x03\x04" + pickle.dumps(Danger(w.marker)), w.size),
    "zeros": lambda w: bytes(w.size),
    "noise": lambda w: np.random.default_rng(0).bytes(w.size),
    "a header longer than the world": lambda w: struct.pack("<Q", 2**63) + w.honest[8:],
    "a header longer than the body": lambda w: struct.pack("<Q", w.size) + w.honest[8:],
    "an empty header": lambda w: struct.pack("<Q", 0) + w.honest[8:],
    "deep JSON": lambda w: struct.pack("<Q", w.size - 8) + b"[" * (w.size - 8),
    "NaN": lambda w: altered(w, fill(float("nan"))),
    "infinity": lambda w: altered(w, fill(float("inf"))),
    "another layer": lambda w: renamed(w.honest, b"layers.0", b"layers.7"),
    "a head": lambda w: renamed(w.honest, f"{Q}.lora_A.weight".encode(), b"head.weight".ljust(len(Q) + 14, b"t")),
    "A for B": lambda w: renamed(w.honest, b"[4,16]", b"[16,4]"),
    "another shape": lambda w: renamed(w.honest, b"[4,16]", b"[8, 8]"),
    "whole numbers": lambda w: of_type(w.honest, "I32"),
    "an unknown type": lambda w: of_type(w.honest, "F4 "),
    "labels between header and tensors": lambda w: gap(w.honest),
    "labels in the header": lambda w: metadata(w.honest),
    "lines in a name": lambda w: renamed(w.honest, b"vit.layers", b"v\\n.layers"),
    "half the precision": lambda w: padded(save({k: v.half() for k, v in load(w.honest).items()}), w.size),
    "double precision": lambda w: padded(save({k: v.double() for k, v in load(w.honest).items() if Q in k}), w.size),
}  # fmt: skip


@pytest.mark.parametrize("kind", BODIES)
def test_a_body_of_the_right_length_with_anything_else_in_it(world, kind):
    content = BODIES[kind](world)
    assert len(content) == world.size
    status, body = world.post(json.dumps(world.asked(message=vars_of(world.signed(content)))), content)
    assert status == 422 and b"the auditor stopped in step 2 (hide)" in body, (status, body)
    require_one_sentence(world, body)
    world.unharmed()


REPLAYS = {
    "of another step": (lambda w: w.signed(w.honest, step=1), {"step": 3}, "the step before"),
    "said to be of another step": (lambda w: replace(w.signed(w.honest), step=2), {"step": 3}, "not signed"),
    "of another exchange": (lambda w: w.signed(w.honest, exchange="0" * 64), {}, "not signed by the developer"),
    "of the auditor itself": (lambda w: w.signed(w.honest, sender=AUDITOR), {}, "the developer's adapter"),
    "signed by the driver": (lambda w: w.signed(w.honest, by="driver"), {}, "not signed by the developer"),
    "signed by the auditor": (lambda w: w.signed(w.honest, by=AUDITOR), {}, "not signed by the developer"),
    "with the signature of other bytes": (lambda w: w.signed(bytes(w.size)), {}, "not signed by the developer"),
    "with no signature": (lambda w: replace(w.signed(w.honest), signature=""), {}, "not signed by the developer"),
    "with a signature that is no number": (lambda w: replace(w.signed(w.honest), signature="zz"), {}, "not signed"),
}


@pytest.mark.parametrize("kind", REPLAYS)
def test_a_message_that_is_forged_or_used_again(world, kind):
    stamp, changes, says = REPLAYS[kind]
    status, body = world.post(json.dumps(world.asked(message=vars_of(stamp(world)), **changes)), world.honest)
    assert status == 400 and says in body.decode(), body
    require_one_sentence(world, body)
    world.unharmed()


def test_a_message_for_an_action_that_takes_none(world):
    status, body = world.post(json.dumps(world.asked(action="learn", settings={"steps": 2})), world.honest)
    assert status == 400 and b"learn takes no adapter" in body
    world.unharmed()


# 3. What is no such request at all.


def head(world, *lines, first="POST /step HTTP/1.1"):
    return "\r\n".join([first, "Host: x", f"Fairnb: {json.dumps(world.asked())}", *lines, "", ""]).encode()


REQUESTS = {
    "a longer body": (lambda w: head(w, f"Content-Length: {w.size + 1}") + w.honest + b"1", 413),
    "a body without an end": (lambda w: head(w, f"Content-Length: {10**15}") + w.honest, 413),
    "a shorter body": (lambda w: head(w, f"Content-Length: {w.size - 1}") + w.honest[:-1], 413),
    "no length": (lambda w: head(w), 413),
    "a length that is a word": (lambda w: head(w, "Content-Length: many"), 413),
    "a length below 0": (lambda w: head(w, "Content-Length: -1"), 413),
    "two lengths": (lambda w: head(w, "Content-Length: 0", f"Content-Length: {w.size}"), 413),
    "chunks": (lambda w: head(w, "Transfer-Encoding: chunked") + b"fffffff\r\n" + w.honest, 413),
    "chunks and a length": (
        lambda w: head(w, f"Content-Length: {w.size}", "Transfer-Encoding: chunked") + b"5\r\nabcde\r\n0\r\n\r\n",
        (400, None),
    ),
    "another method": (lambda w: head(w, "Content-Length: 0", first="PUT /step HTTP/1.1"), 405),
    "a word that is no method": (
        lambda w: head(w, "Content-Length: 0", first="STEAL /step HTTP/1.1"),
        (400, 405, None),
    ),
    "a step by GET": (lambda w: head(w, "Content-Length: 0", first="GET /step HTTP/1.1"), 405),
    "another place": (lambda w: head(w, "Content-Length: 0", first="POST /labels HTTP/1.1"), 404),
    "a file": (lambda w: head(w, first="GET /../../../etc/passwd HTTP/1.1"), 404),
    "a file, in other letters": (lambda w: head(w, first="GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1"), 404),
    "no HTTP": (lambda w: b"\x00\x01\x02hello\r\n\r\n", (400, None)),
    "an older HTTP": (lambda w: b"GET /labels.npy HTTP/1.0\r\n\r\n", (400, 404, None)),
    "half of HTTP": (lambda w: b"GET\r\n\r\n", (400, None)),
    "headers without an end": (lambda w: head(w, "X: " + "x" * 20_000), (400, 431, None)),
}


@pytest.mark.parametrize("kind", REQUESTS)
def test_a_request_that_is_no_step(world, kind):
    content, statuses = REQUESTS[kind]
    status, body = world.raw(content(world))
    assert status in (statuses if isinstance(statuses, tuple) else (statuses,)), (status, body)
    if status not in (None, 400):
        require_one_sentence(world, body.partition(b"HTTP/1.1 400")[0])
    world.unharmed()


@pytest.mark.parametrize("who", [None, "foreign", DEVELOPER, AUDITOR])
def test_nobody_but_the_driver_gets_an_answer(world, who):
    """Without a certificate, with one that a stranger made, with the developer's and with the party's own."""
    for content in (
        b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n",
        head(world, f"Content-Length: {world.size}") + world.honest,
    ):
        try:
            assert world.talk(content, who=who) == b""
        except (ssl.SSLError, ConnectionError):
            pass
    world.unharmed()


def test_nobody_gets_an_answer_without_tls(world):
    with socket.create_connection(("127.0.0.1", world.ports[AUDITOR]), timeout=20) as plain:
        plain.sendall(pickle.dumps(Danger(world.marker)) + b"GET /health HTTP/1.1\r\n\r\n")
        try:
            found = plain.recv(65536)
        except ConnectionError:
            found = b""
    assert b"HTTP" not in found and len(found) < 100
    world.unharmed()


def test_slow_callers_are_hung_up_on(world):
    """One that never says hello, one whose headers do not end, and one whose body does not."""
    with running(world.services[AUDITOR], Patience(headers=1.0, body=1.0)) as port, ExitStack() as stack:
        plain = [stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60)) for _ in range(3)]
        slow = [stack.enter_context(world.context("driver").wrap_socket(one)) for one in plain[1:]]
        slow[0].sendall(b"POST /step HTTP/1.1\r\nX: ")
        slow[1].sendall(head(world, f"Content-Length: {world.size}") + world.honest[:10])
        start = time.monotonic()
        assert [everything(one) for one in (plain[0], *slow)] == [b""] * 3
        assert time.monotonic() - start < 30, "all three are ended, not waited for"
    world.unharmed()


def test_one_step_at_a_time(world, monkeypatch):
    """A second client is told so, and may ask who is there meanwhile."""
    made, begun, go_on = world.services[AUDITOR], threading.Event(), threading.Event()

    def work(*_):
        begun.set()
        assert go_on.wait(60)

    monkeypatch.setattr(made._party, "do", work)
    found, request = {}, json.dumps(world.asked())
    first = threading.Thread(target=lambda: found.update(first=world.post(request, world.honest)))
    first.start()
    assert begun.wait(60)
    status, body = world.post(request, world.honest)
    health = json.loads(world.raw(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")[1])
    go_on.set()
    first.join(60)
    assert status == 409 and body == b"the auditor is at step 2: ask again when it is done"
    assert health["doing"] == 2 and found["first"] == (204, b"")
    world.unharmed()


def test_an_error_that_nobody_thought_of_says_nothing(world, monkeypatch, capfd):
    def fail(*_):
        raise RuntimeError(f"{SECRET}: {world.labels}")

    monkeypatch.setattr(world.services[AUDITOR]._party, "do", fail)
    status, body = world.post(json.dumps(world.asked()), world.honest)
    assert (status, body) == (500, b"the auditor failed: its own log says why")
    world.unharmed()


def test_a_partys_own_trouble_does_not_say_where_its_things_are(world, monkeypatch):
    def fail(*_):
        raise FairnbError(f"the disk is full: {world.folder / AUDITOR / 'private' / 'state'} cannot be written")

    monkeypatch.setattr(world.services[AUDITOR]._party, "do", fail)
    status, body = world.post(json.dumps(world.asked()), world.honest)
    assert (status, body) == (422, b"the disk is full: its own folder/state cannot be written")
    world.unharmed()


# 4. After and amid all that.


def exchanged(folder, call):
    wire = Wire(folder, call)
    strategies.alternating(wire, **ADV)
    wire.ask(DEVELOPER, "finish")
    return [line.sha256 for line in wire.log]


def test_an_honest_exchange_finishes_amid_all_that(world):
    """With the bytes that the parties give without a transport between them."""
    from fairnb.papers.fairlora.protocol.auditor import Auditor
    from fairnb.papers.fairlora.protocol.developer import Developer

    made = {role: service(world.folder, role, "amid") for role in PARTIES}
    attacks = [(header(world), world.honest) for header, _ in HEADERS.values()]
    attacks += [
        (json.dumps(world.asked(message=vars_of(world.signed(content)))), content)
        for content in (make(world) for make in BODIES.values())
    ]
    with running(made[DEVELOPER]) as developer, running(made[AUDITOR]) as auditor:
        port, over, answers = auditor, threading.Event(), []
        target = World.__new__(World)
        vars(target).update(vars(world), ports={AUDITOR: port})

        def attack():
            for header, content in attacks * 100:
                if over.is_set():
                    return
                answers.append(target.post(header, content))

        attacker = threading.Thread(target=attack)
        attacker.start()
        with remote.calls(
            driver(world.folder, {DEVELOPER: developer, AUDITOR: auditor}), world.folder / "wire"
        ) as call:
            found = exchanged(world.folder / "wire", call)
        while len(answers) < 20:
            time.sleep(0.01)
        over.set()
        attacker.join(60)
        content = altered(world, fill(1.0))
        late = target.post(json.dumps(world.asked(message=vars_of(world.signed(content)))), content)
        assert late[0] == 400 and b"was another one before" in late[1], "the developer signed two for one step"
    assert not world.marker.exists() and {status for status, _ in answers} <= {200, 400, 409, 422, None}
    again = {hashlib.sha256(body).hexdigest() for status, body in answers if status == 200}
    assert again <= {*found}, "a step that is done has its own answer, whatever comes with it"
    sites = {
        role: replace(site, folder=str(world.folder / "plain" / role)) for role, site in world.session.sites.items()
    }
    parties = {made.role: made(world.session.agreement, sites[made.role]) for made in (Developer, Auditor)}
    assert found == exchanged(world.folder / "plain wire", {role: party.do for role, party in parties.items()})
    assert len(found) == 4
