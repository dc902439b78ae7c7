"""Writes the prompt sets that ship with fairnb to ``fairnb/assets/prompts/sets/``. About a minute on one core.

``toy_*`` are for the tiny text-to-image pipeline, ``toy_50_poses`` by the tiny language model, all others by grammars.
``celeba_*`` and ``utkface_*`` are for Stable Diffusion: plain, 25, 50 and 50 with head poses a group (AIM-Fair, table
5) in the settings of that table, 50 with poses in the others.
"""

from __future__ import annotations

from fairnb.synthesis import grammar, language, prompts, writers
from fairnb.synthesis.prompts import FOLDER, PromptSet, cells

SEED = 0
SETTINGS = {
    "celeba_smiling_male": ("Smiling", "Male"),
    "celeba_smiling_young": ("Smiling", "Young"),
    "celeba_young_male": ("Young", "Male"),
    "utkface_female_white": ("Female", "White"),
}
ABLATED = ("celeba_smiling_male", "celeba_smiling_young")


def toy() -> list[PromptSet]:
    """The four sets of the quick tier."""
    groups, aged = cells("Smiling", "Male"), cells("Smiling", "Male", "Young")
    written = language.write_prompts(
        aged, 25, writers.LocalWriter.tiny(), vocabulary="toy", poses=True, seed=SEED, name="toy_50_poses"
    )
    return [
        grammar.plain(groups, vocabulary="toy", name="toy_plain"),
        grammar.contextual(groups, 25, seed=SEED, vocabulary="toy", name="toy_25"),
        grammar.contextual(groups, 50, seed=SEED, vocabulary="toy", name="toy_50"),
        written,
    ]


def faces(setting: str) -> list[PromptSet]:
    """The sets of one setting for Stable Diffusion."""
    groups = cells(*SETTINGS[setting])
    ages = "ages" if setting.startswith("utkface") else "faces"
    made = [grammar.contextual(groups, 50, poses=True, seed=SEED, vocabulary=ages, name=f"{setting}_50_poses")]
    if setting in ABLATED:
        made.append(grammar.plain(groups, name=f"{setting}_plain"))
        made += [grammar.contextual(groups, count, seed=SEED, name=f"{setting}_{count}") for count in (25, 50)]
    return made


def main() -> None:
    """Write them all and say who wrote what."""
    for made in [*toy(), *(each for setting in SETTINGS for each in faces(setting))]:
        prompts.write(made, FOLDER / "sets" / f"{made.name}.yaml")
        print(f"{made.name}: {len(made)} prompts, {made.writer}", flush=True)


if __name__ == "__main__":
    main()
