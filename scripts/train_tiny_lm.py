"""The quick tier's language model: two layers that answer the short instruction with prompts of the toy grammar.

Its training text is the grammar's own, so it mostly recombines it; a real model goes in by name or address (see
``fairnb/synthesis/writers.py``). Writes ``fairnb/assets/tiny_lm/``. About three minutes on one core.
"""

from __future__ import annotations

import random
import time

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from fairnb.synthesis import grammar as grammars
from fairnb.synthesis import language, prompts, writers

SEED = 11
ANSWERS, LINES, LENGTH = 8000, 9, 320
STEPS, BATCH, LR = 520, 24, 4e-3
VOCABULARY = 420
START, END = "<|start|>", "<|end|>"
GROUPS = (("Smiling", "Male"), ("Smiling", "Male", "Young"))


def texts() -> list[tuple[str, str]]:
    """Instructions and answers, drawn from the toy grammar."""
    rng = random.Random(SEED)
    grammar = grammars.load("toy")
    turns = [choice.text for choice in grammar.slots["pose"]]
    pairs = []
    for _ in range(ANSWERS):
        group = rng.choice(prompts.cells(*rng.choice(GROUPS)))
        poses = rng.random() < 0.5
        asked = language.instruction(
            group, rng.randint(1, 50), grammar=grammar, poses=poses, template="instruction_slots"
        )
        lines = (grammar.one(group, rng, rng.choice(turns) if poses else "") for _ in range(LINES))
        pairs.append((asked, "\n".join(filter(None, lines)) + "\n"))
    return pairs


def tokenizer(pairs: list[tuple[str, str]]) -> PreTrainedTokenizerFast:
    """Byte-level pairs, trained on the answers: nearly one token a word."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[START, END],
        initial_alphabet=[*sorted({letter for pair in pairs for letter in "".join(pair)} - {" ", "\n"}), "Ġ", "Ċ"],
        show_progress=False,
    )
    made.train_from_iterator((asked + answer for asked, answer in pairs[:2000]), trainer)
    return PreTrainedTokenizerFast(tokenizer_object=made, bos_token=START, eos_token=END, pad_token=END)


def tensors(pairs: list[tuple[str, str]], words: PreTrainedTokenizerFast) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens int64 ``(N, LENGTH)`` and labels: -100 where nothing is to be learned (instruction and padding)."""
    tokens = np.full((len(pairs), LENGTH), words.eos_token_id, np.int64)
    labels = np.full((len(pairs), LENGTH), -100, np.int64)
    for row, (asked, answer) in enumerate(pairs):
        first, second = words(asked)["input_ids"], words(answer)["input_ids"]
        both = [*first, *second, words.eos_token_id][:LENGTH]
        tokens[row, : len(both)] = both
        labels[row, len(first) : len(both)] = both[len(first) :]
    return torch.from_numpy(tokens), torch.from_numpy(labels)


def train(model: LlamaForCausalLM, tokens: torch.Tensor, labels: torch.Tensor) -> None:
    """AdamW with a one-cycle schedule on next-token prediction."""
    optimiser = torch.optim.AdamW(model.parameters(), LR, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LR, total_steps=STEPS, pct_start=0.1)
    losses, start = [], time.time()
    for step in range(STEPS):
        rows = torch.randint(len(tokens), (BATCH,))
        longest = int((labels[rows] >= 0).any(0).nonzero().max()) + 1
        loss = model(input_ids=tokens[rows, :longest], labels=labels[rows, :longest]).loss
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
        if step % 50 == 49:
            print(f"step {step + 1}/{STEPS}: loss {np.mean(losses[-50:]):.4f}, {time.time() - start:.0f} s", flush=True)


def main() -> None:
    """Write texts, train, save, and say which share of the model's lines passes the checks."""
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    pairs = texts()
    words = tokenizer(pairs)
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=96,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
    )
    model = LlamaForCausalLM(config)
    tokens, labels = tensors(pairs, words)
    print(f"{model.num_parameters() / 1e6:.2f} M weights, {len(words)} tokens, "
          f"{float((labels >= 0).sum(1).float().mean()):.0f} of {LENGTH} tokens an answer")  # fmt: skip
    train(model, tokens, labels)
    model.half().save_pretrained(writers.TINY)
    words.save_pretrained(writers.TINY)
    for attributes in GROUPS:
        written = language.write_prompts(
            prompts.cells(*attributes), 20, writers.LocalWriter.tiny(), vocabulary="toy", poses=True, seed=1
        )
        print(written.writer)


if __name__ == "__main__":
    main()
