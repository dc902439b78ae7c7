"""Prompts by language models: the instruction, the checks, the shipped tiny model, an endpoint and its failures."""

import json
import socket
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from fairnb.errors import BadData, MissingData
from fairnb.synthesis import grammar, language
from fairnb.synthesis.prompts import cells
from fairnb.synthesis.writers import TINY, EndpointWriter, LocalWriter

GROUPS = cells("Smiling", "Male")
GOOD = ("1. Portrait photo of a smiling man, brown hair", "- portrait photo of a smiling man, hat.")


class Script:
    """A writer that gives prepared answers in turn and remembers what it was asked."""

    name, template = "script", "instruction"

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def __call__(self, instruction, seed):
        self.asked.append((instruction, seed))
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


class TestInstruction:
    def test_keeps_the_papers_slots(self):
        text = language.instruction({"Smiling": 1, "Male": 0}, 25, grammar=grammar.load("faces"), poses=True)
        assert "Number of prompts: 25." in text and "Target attribute: smiling." in text
        assert "Protected attribute: female." in text and "Task: write text prompts" in text
        assert "facial features, hair, eyes, head orientation" in text and "Prompt format: one prompt per line" in text

    def test_an_unknown_slot_in_a_template_is_named(self, tmp_path):
        (tmp_path / "own.txt").write_text("Write {number} prompts")
        with pytest.raises(BadData, match=r"template own.txt: unknown slot \{number\}.*known slots are task, count"):
            language.instruction(GROUPS[0], 1, grammar=grammar.load("toy"), template=str(tmp_path / "own.txt"))
        with pytest.raises(BadData, match="cannot be read"):
            language.instruction(GROUPS[0], 1, grammar=grammar.load("toy"), template="nowhere.txt")


class TestAnswers:
    def test_lines_lose_numbers_bullets_and_quotes(self):
        answer = 'Here are the prompts:\n\n1. "A man."\n2) **a woman**\n- a child\nPrompt 4: an  old man\n* {slot}\n'
        assert language.lines(answer) == ["A man", "a woman", "a child", "an old man"]

    def test_what_is_wrong_or_there_already_is_asked_for_again(self):
        writer = Script(
            "portrait photo of a smiling woman\nportrait photo of a serious man\nportrait photo of a smiling man",
            "portrait photo of a smiling man\n- portrait photo of a smiling man, hat, hat",
        )
        made = language.write_prompts([{"Smiling": 1, "Male": 1}], 2, writer, vocabulary="toy", seed=5)
        assert made.prompts == (("portrait photo of a smiling man", "portrait photo of a smiling man, hat"),)
        assert "3 of 5 lines passed" in made.writer
        assert [seed for _, seed in writer.asked] == [5, 6]
        assert "Number of prompts: 2" in writer.asked[0][0] and "Number of prompts: 1" in writer.asked[1][0]

    def test_a_shortfall_says_how_many_came_and_why(self):
        writer = Script("portrait photo of a smiling man\nportrait photo of a smiling woman")
        with pytest.raises(BadData) as raised:
            language.write_prompts([{"Smiling": 1, "Male": 1}], 3, writer, vocabulary="toy", attempts=4)
        assert "script wrote 1 of 3 usable prompts for Smiling=1, Male=1 in 4 answers" in str(raised.value)
        assert "'portrait photo of a smiling woman' does not say 'man'" in str(raised.value)
        assert len(writer.asked) == 4

    def test_counts_must_make_sense(self):
        with pytest.raises(BadData, match="both must be at least 1"):
            language.write_prompts(GROUPS, 0, Script(""))


@pytest.fixture(scope="module")
def tiny():
    import torch

    torch.set_num_threads(1)
    return LocalWriter(template="instruction_slots", max_new_tokens=150, answers=4)


class TestTinyModel:
    @pytest.mark.slow
    def test_is_small_and_writes_prompts_that_pass(self, tiny):
        assert sum(file.stat().st_size for file in TINY.iterdir()) < 1.5e6
        made = language.write_prompts(cells("Smiling", "Male", "Young")[2:4], 6, tiny, vocabulary="toy", poses=True)
        assert [len(texts) for texts in made.prompts] == [6, 6]
        passed, seen = (int(word) for word in made.writer.split("; ")[1].split(" lines")[0].split(" of "))
        assert passed >= 0.8 * seen  # 777 of 787 lines passed when it was trained

    def test_says_new_things_and_not_only_the_training_text(self, tiny):
        asked = language.instruction(
            {"Smiling": 0, "Male": 1}, 8, grammar=grammar.load("toy"), template="instruction_slots"
        )
        told = language.lines(tiny(asked, 3))
        assert len(set(told)) >= 0.9 * len(told) > 5

    @pytest.mark.slow
    def test_seeds_repeat_and_leave_the_random_state_alone(self, tiny):
        import torch

        asked = language.instruction(GROUPS[0], 5, grammar=grammar.load("toy"), template="instruction_slots")
        torch.manual_seed(1)
        before = torch.get_rng_state()
        writer = replace(tiny, max_new_tokens=40)
        first = writer(asked, 0)
        assert torch.equal(before, torch.get_rng_state())
        assert writer(asked, 0) == first != writer(asked, 1)

    def test_a_chat_template_is_used_if_there_is_one(self, tmp_path):
        writer = LocalWriter(max_new_tokens=5)
        heard = []
        tokenizer = writer._pipeline.tokenizer
        tokenizer.chat_template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
        plain = tokenizer.apply_chat_template
        tokenizer.apply_chat_template = lambda messages, **o: heard.append(messages) or plain(messages, **o)
        assert isinstance(writer("portrait", 0), str)
        assert heard and "portrait" in str(heard[0])

    def test_a_model_that_is_not_there_names_the_remedies(self, tmp_path):
        with pytest.raises(MissingData, match="cannot be loaded .*give a folder with a transformers model"):
            LocalWriter(str(tmp_path))("x", 0)


class Answering(BaseHTTPRequestHandler):
    """Answers what the test put into ``server.answer``, a status and a body, and keeps the request."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard = (self.path, dict(self.headers), json.loads(body))
        status, text = self.server.answer
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    made = HTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    monkeypatch.setenv("FAIRNB_LM_URL", f"http://127.0.0.1:{made.server_port}/v1/")
    monkeypatch.setenv("FAIRNB_LM_KEY", "secret-key")
    yield made
    made.shutdown()
    made.server_close()


def completion(text):
    return 200, json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]})


class TestEndpoint:
    def test_writes_prompts(self, server):
        server.answer = completion("\n".join(GOOD))
        made = language.write_prompts([{"Smiling": 1, "Male": 1}], 2, EndpointWriter("some-model"), seed=4)
        assert made.prompts == (
            ("Portrait photo of a smiling man, brown hair", "portrait photo of a smiling man, hat"),
        )
        path, headers, body = server.heard
        assert path == "/v1/chat/completions" and headers["Authorization"] == "Bearer secret-key"
        assert (body["model"], body["seed"]) == ("some-model", 4)
        assert "Target attribute: smiling" in body["messages"][0]["content"]
        assert made.writer.startswith("language model some-model")

    @pytest.mark.parametrize("text", ["not json", "[]", "{}", '{"choices": []}', '{"choices": [{"message": null}]}'])
    def test_an_answer_that_is_no_completion_is_shown(self, server, text):
        server.answer = (200, text)
        with pytest.raises(BadData, match="answered no chat completion .*OpenAI-compatible endpoint"):
            EndpointWriter("m")("x", 0)

    def test_an_answer_without_text_is_refused(self, server):
        server.answer = completion(None)
        with pytest.raises(BadData, match="answered no chat completion"):
            EndpointWriter("m")("x", 0)

    def test_a_refusal_shows_status_and_reason_but_not_the_key(self, server):
        server.answer = (401, '{"error": "invalid key"}')
        with pytest.raises(BadData, match=r"refused model 'm' with HTTP 401 .*invalid key.*FAIRNB_LM_KEY") as raised:
            EndpointWriter("m")("x", 0)
        assert "secret-key" not in str(raised.value)

    def test_a_dead_address_is_named(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with pytest.raises(
            MissingData, match=f"nobody answers at http://127.0.0.1:{port}/v1/chat/completions .*refused"
        ):
            EndpointWriter("m", f"http://127.0.0.1:{port}")("x", 0)

    def test_a_silent_server_times_out(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            with pytest.raises(MissingData, match="nobody answers .*timed out"):
                EndpointWriter("m", f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.3)("x", 0)

    def test_the_address_must_be_set_and_be_one(self, monkeypatch):
        monkeypatch.delenv("FAIRNB_LM_URL", raising=False)
        with pytest.raises(MissingData, match="give EndpointWriter a url, or set FAIRNB_LM_URL"):
            EndpointWriter("m")("x", 0)
        with pytest.raises(BadData, match="'file:///x' is no address"):
            EndpointWriter("m", "file:///x")("x", 0)
