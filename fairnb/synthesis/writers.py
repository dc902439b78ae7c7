"""Who may write prompts: a model run here by transformers, or one behind an OpenAI-compatible endpoint."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from fairnb import paths
from fairnb.errors import BadData, FairnbError, MissingData

TINY = paths.assets() / "tiny_lm"
URL, KEY = "FAIRNB_LM_URL", "FAIRNB_LM_KEY"


@dataclass(frozen=True)
class LocalWriter:
    """A causal language model through transformers' ``text-generation`` pipeline.

    Attributes:
        model: a folder, a hub id, or ``tiny``: the model of 0.3 M weights that ships with fairnb. That one was trained
            on the toy grammar and mostly recombines it: it shows that the machinery works, not what a large model adds.
        template: the instruction; the tiny model knows ``instruction_slots`` only.
        max_new_tokens: length of one answer. temperature, top_p: of the sampling. answers: drawn at once per call.
        device: as in torch, e.g. ``cuda``.
    """

    model: str = "tiny"
    template: str = "instruction"
    max_new_tokens: int = 2048
    temperature: float = 1.0
    top_p: float = 0.95
    answers: int = 1
    device: str = "cpu"

    @classmethod
    def tiny(cls) -> LocalWriter:
        """The shipped tiny model with the settings that it was trained for."""
        return cls(template="instruction_slots", max_new_tokens=300, answers=3)

    @property
    def name(self) -> str:
        """What prompt sets say of the writer."""
        return "fairnb-tiny" if self.model == "tiny" else Path(self.model).name

    def __call__(self, instruction: str, seed: int) -> str:
        """The answers to ``instruction``, as a chat message if the tokenizer has a chat template.

        The random state of torch is the same after the call as before it.
        """
        import torch
        from transformers import GenerationConfig

        tokenizer = self._pipeline.tokenizer
        config = GenerationConfig(
            max_new_tokens=self.max_new_tokens,
            do_sample=True,
            temperature=self.temperature,
            top_p=self.top_p,
            num_return_sequences=self.answers,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id,
        )
        asked: Any = [{"role": "user", "content": instruction}] if tokenizer.chat_template else instruction
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            told = self._pipeline(asked, generation_config=config, return_full_text=False)
        return "\n".join(answer["generated_text"] for answer in told)

    @cached_property
    def _pipeline(self) -> Any:
        from transformers import pipeline
        from transformers.utils import logging

        logging.disable_progress_bar()
        source = str(TINY) if self.model == "tiny" else self.model
        try:
            return pipeline("text-generation", model=source, device=self.device)
        except (OSError, ValueError, KeyError) as error:
            reason = " ".join(str(error).split())[:200]
            raise MissingData(
                f"the language model {source!r} cannot be loaded ({reason}): give a folder with a transformers model, "
                "a hub id that this machine can reach, or use an EndpointWriter"
            ) from error


@dataclass(frozen=True)
class EndpointWriter:
    """A model behind an OpenAI-compatible endpoint, ``POST <url>/v1/chat/completions``.

    Attributes:
        model: its name at the endpoint. url: base address (default: the environment's ``FAIRNB_LM_URL``).
        template: the instruction. temperature: of the sampling. timeout: in seconds.

    The key comes from ``FAIRNB_LM_KEY``; it is neither stored nor shown.
    """

    model: str
    url: str = ""
    template: str = "instruction"
    temperature: float = 1.0
    timeout: float = 120.0

    @property
    def name(self) -> str:
        """What prompt sets say of the writer."""
        return self.model

    def __call__(self, instruction: str, seed: int) -> str:
        """The endpoint's answer to ``instruction``.

        Raises:
            MissingData: no address, or nobody answers there. BadData: it refuses, or answers something else.
        """
        messages = [{"role": "user", "content": instruction}]
        body = {"model": self.model, "messages": messages, "temperature": self.temperature, "seed": seed}
        answer = self._post(json.dumps(body).encode())
        try:
            text = json.loads(answer)["choices"][0]["message"]["content"]
        except (ValueError, LookupError, TypeError) as error:
            raise self._unusable(answer) from error
        if not isinstance(text, str):
            raise self._unusable(answer)
        return text

    @property
    def address(self) -> str:
        """The full address that is asked; MissingData if none is set, BadData if it is none."""
        base = (self.url or os.environ.get(URL, "")).rstrip("/")
        if not base:
            raise MissingData(f"no language-model endpoint is set: give EndpointWriter a url, or set {URL}")
        if not base.startswith(("http://", "https://")):
            raise BadData(f"the language-model endpoint {base!r} is no address: it starts with http:// or https://")
        return f"{base.removesuffix('/v1')}/v1/chat/completions"

    def _post(self, body: bytes) -> bytes:
        headers = {"Content-Type": "application/json"}
        if key := os.environ.get(KEY):
            headers["Authorization"] = f"Bearer {key}"
        request = urllib.request.Request(self.address, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            told = " ".join(error.read(300).decode(errors="replace").split())
            raise BadData(
                f"{self.address} refused model {self.model!r} with HTTP {error.code} ({told or error.reason}): "
                f"check the model's name and the key in {KEY}"
            ) from error
        except OSError as error:  # URLError, refused connections and timeouts among them
            reason = getattr(error, "reason", error)
            raise MissingData(
                f"nobody answers at {self.address} ({reason}): start the server, or correct {URL}"
            ) from error

    def _unusable(self, answer: bytes) -> FairnbError:
        start = " ".join(answer[:120].decode(errors="replace").split())
        return BadData(
            f"{self.address} answered no chat completion ({start!r}): check that it is an OpenAI-compatible endpoint"
        )
