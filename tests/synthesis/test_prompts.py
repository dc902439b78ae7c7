"""Prompt sets and the grammar: files, plausibility, distinctness, and every kind of bad input."""

import re

import pytest
import yaml

from fairnb.errors import BadData, MissingData, UnknownName
from fairnb.synthesis import captions, grammar, prompts
from fairnb.synthesis.prompts import PromptSet, cells

SMILING_MALE = cells("Smiling", "Male")
EIGHT = cells("Smiling", "Male", "Young")
GROUP = "groups:\n- labels: {{Male: {}}}\n  prompts:\n  - {}\n"


def few(**changed):
    return PromptSet(**{"name": "few", "groups": cells("Male"), "prompts": (("a woman",), ("a man",))} | changed)


class TestPromptSet:
    def test_cells_are_all_combinations(self):
        assert cells("A", "B") == ({"A": 0, "B": 0}, {"A": 0, "B": 1}, {"A": 1, "B": 0}, {"A": 1, "B": 1})

    @pytest.mark.parametrize("suffix", [".yaml", ".csv"])
    def test_files_keep_groups_and_prompts(self, tmp_path, suffix):
        made = grammar.contextual(EIGHT, 3, poses=True, vocabulary="toy", name="kept")
        prompts.write(made, tmp_path / f"kept{suffix}")
        found = prompts.read(tmp_path / f"kept{suffix}")
        assert (found.groups, found.prompts, found.kind) == (made.groups, made.prompts, made.kind)
        assert found.digest == made.digest
        if suffix == ".yaml":
            assert found == made

    def test_the_digest_changes_with_a_word_and_with_a_label(self):
        others = [few(prompts=(("a lady",), ("a man",))), few(groups=({"Male": 1}, {"Male": 0}))]
        assert len({few().digest, *(other.digest for other in others)}) == 3

    def test_slots_of_a_file_are_filled_with_its_words(self, tmp_path):
        file = tmp_path / "slots.yaml"
        told = {"words": {"Male": ["woman", "man"]}, "kind": "plain"}
        told["groups"] = [{"labels": {"Male": v}, "prompts": ["portrait photo of a {Male}"]} for v in (0, 1)]
        file.write_text(yaml.safe_dump(told))
        assert prompts.read(file).prompts == (("portrait photo of a woman",), ("portrait photo of a man",))
        told["groups"][1]["prompts"] = ["portrait photo of a {Mail}"]
        file.write_text(yaml.safe_dump(told))
        with pytest.raises(BadData, match=r"slots.yaml: unknown slot \{Mail\} in .*: known slots are Male"):
            prompts.read(file)

    def test_an_unknown_slot_in_a_csv_file_is_named(self, tmp_path):
        (tmp_path / "x.csv").write_text("Male,prompt\n0,a {person}\n")
        with pytest.raises(BadData, match=r"x.csv, line 2: unknown slot \{person\}.*known slots are none"):
            prompts.read(tmp_path / "x.csv")

    def test_a_group_without_prompts_is_named(self, tmp_path):
        with pytest.raises(BadData, match="few: group Male=1 has no prompts: write at least one"):
            few(prompts=(("a woman",), ()))
        file = tmp_path / "x.yaml"
        file.write_text("groups:\n- labels: {Smiling: 1}\n  prompts: [smile]\n- labels: {Smiling: 0}\n")
        with pytest.raises(BadData, match="x.yaml: group Smiling=0 has no prompts"):
            prompts.read(file)

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"prompts": (("a woman",), (" ",))}, "group Male=1 has an empty prompt"),
            ({"prompts": (("same",), ("same",))}, "'same' occurs twice, for Male=0 and Male=1: keep it once"),
            ({"prompts": (("same", "same"), ("a man",))}, "'same' occurs twice"),
            ({"prompts": (("a {x}",), ("a man",))}, "unfilled slot"),
            ({"prompts": (("a woman",),)}, "2 groups and prompts for 1"),
            ({"groups": ()}, "has 0 groups"),
            ({"groups": ({"Male": 1}, {"Male": 1})}, "group Male=1 is given twice"),
            ({"groups": ({"Male": 1}, {"Young": 1})}, "'Young=1' must name Male"),
            ({"groups": ({"Male": 1}, {"Male": -1})}, "Male=-1 has the value -1"),
            ({"groups": ({"Male": 1}, {"Male": True})}, "has the value True"),
            ({"groups": ({"Male": 1}, {"Male": 2})}, "Male has the values 1, 2: class labels are 0 and 1"),
            ({"kind": "strange"}, "unknown kind of prompt set few 'strange'"),
        ],
    )
    def test_what_cannot_be_used_is_refused(self, changed, message):
        with pytest.raises((BadData, UnknownName), match=message):
            few(**changed)

    @pytest.mark.parametrize(
        ("name", "text", "message"),
        [
            ("x.yaml", "groups: [", "is malformed"),
            ("x.yaml", "just words", "is malformed"),
            ("x.yaml", "groups:\n- prompts: [a]\n", "is malformed .KeyError: 'labels'"),
            ("x.csv", "prompt\na man\n", "needs 'prompt' and one column per attribute"),
            ("x.csv", "Male,prompt\nyes,a man\n", "line 2, column 'Male' has the value 'yes', which is no number"),
            (
                "x.csv",
                "Male,prompt\n1.5,a man\n",
                "line 2, column 'Male' has the value '1.5', which is no whole number",
            ),
            ("x.csv", "Male,prompt\n-1,a man\n", "line 2, column 'Male' has the value '-1', which is not 0 or more"),
            ("x.csv", "Male,prompt\n,a man\n", "line 2, column 'Male' has the value '', which is no number"),
            ("x.csv", "Male,prompt\n\uff11,a man\n", "line 2, column 'Male' .* which is no number"),
            (
                "x.csv",
                "Male,prompt\n0,a man\n1,\n",
                "line 3, column 'prompt' has the value '', and it must not be empty",
            ),
            ("x.csv", "Male,prompt\n0,a man, photo\n", "line 2 has 3 fields, not 2 .*needs quotes"),
            ("x.csv", "prompt,Male\na man, photo,0\n", "line 2 has 3 fields, not 2 .*needs quotes"),
            ("x.csv", "Male,prompt\n0,a man\n1\n", "line 3 has 1 fields, not 2 .none for the column 'prompt'"),
            ("x.csv", "Male,Male,prompt\n0,1,a man\n", "two columns are called 'Male'"),
            ("x.csv", "Male;prompt\n0;a man\n", "with commas between them"),
            ("x.csv", "Male,prompt,\n0,a man,\n", "each with a name"),
            ("x.csv", "Male,prompt\n0,a man\nMale,prompt\n", "line 3 repeats the header"),
            ("x.csv", 'Male,prompt\n0,"a man\n', "line 2 has quotes that do not fit"),
            (
                "x.csv",
                'Male,prompt\n0,"a\nman"\n',
                "line 2 has quotes that do not fit .a field goes on in the next line",
            ),
            ("x.csv", "Male,prompt\n0,a woman\n7,a man\n", "Male has the values 0, 7: class labels are 0 and 1"),
            ("x.csv", "Male,prompt\n", "has 0 groups"),
            ("x.csv", "", "is empty"),
            ("x.yaml", GROUP.format("010", "a man"), "Male=010 has the value '010': values are whole numbers from 0"),
            ("x.yaml", GROUP.format("yes", "a man"), "Male=yes has the value 'yes': values are whole numbers"),
            ("x.yaml", GROUP.format("true", "a man"), "Male=True has the value True"),
            ("x.yaml", GROUP.format("1.0", "a man"), "Male=1.0 has the value 1.0"),
            ("x.yaml", GROUP.format("7", "a man"), "Male has the values 7: class labels are 0 and 1"),
            (
                "x.yaml",
                GROUP.format("0, Male: 1", "a man"),
                "is malformed .ComposerError: 'Male' is given twice .* line 2",
            ),
            ("x.yaml", GROUP.format("0", "17"), "an empty prompt, or one that is no text .17."),
            ("x.yaml", GROUP.format("0", ""), "an empty prompt, or one that is no text .None."),
            ("x.yaml", "groups:\n- labels: {Male: 0}\n  prompts: a man\n", "prompts is 'a man', which is no list"),
            ("x.yaml", "groups:\n- labels: {1: 0}\n  prompts: [a man]\n", "an attribute whose name is no text"),
            ("x.yaml", "groups:\n- label: {Male: 0}\n  prompts: [a man]\n", "label is none of labels, prompts"),
            ("x.yaml", "pose: true\n" + GROUP.format("0", "a man"), "pose is none of name, kind, writer, poses"),
            ("x.yaml", "poses: yes\n" + GROUP.format("0", "a man"), "poses is 'yes', which is no true or false"),
            ("x.yaml", "name: 10\n" + GROUP.format("0", "a man"), "name is 10, which is no text"),
            ("x.yaml", "words: {Male: ab}\n" + GROUP.format("0", "a {Male}"), "Male is 'ab', which is no list"),
        ],
    )
    def test_malformed_files_are_named(self, tmp_path, name, text, message):
        (tmp_path / name).write_text(text)
        with pytest.raises(BadData, match=f"{name}.*{message}"):
            prompts.read(tmp_path / name)

    def test_files_of_other_systems_are_read_right(self, tmp_path):
        plain = few().prompts
        text = 'Male,prompt\n0,a woman\n1,"a man"\n'
        for name, data in (
            ("bom.csv", text.encode("utf-8-sig")), ("WINDOWS.CSV", text.replace("\n", "\r\n").encode()),
            ("mac.csv", text.replace("\n", "\r").encode()), ("blank.csv", text.replace(",", " , ").encode()),
            ("lines.csv", text.replace("\n", "\n\n").encode()), ("one.csv", text.replace("0,", "0.0,").encode()),
        ):  # fmt: skip
            (tmp_path / name).write_bytes(data.replace(b' "a man"', b'"a man"'))
            found = prompts.read(tmp_path / name)
            assert (found.prompts, found.attributes) == (plain, ("Male",)), name
        prompts.write(few(), tmp_path / "plain.yaml")
        for name in ("bom.yaml", "SHOUTED.YML"):
            (tmp_path / name).write_text((tmp_path / "plain.yaml").read_text(), encoding="utf-8-sig")
            assert prompts.read(tmp_path / name) == few()
        prompts.write(few(), tmp_path / "OUT.CSV")
        assert prompts.read(tmp_path / "OUT.CSV").prompts == plain

    def test_words_of_yaml_stay_words(self, tmp_path):
        file = tmp_path / "words.yaml"
        file.write_text("groups:\n- labels: {Male: 0}\n  prompts: [no, on, 2024-01-01, 12:30, 010, 'a {Male}']\n"
                        "words: {Male: [off, y]}\n")  # fmt: skip
        assert prompts.read(file).prompts == (("no", "on", "2024-01-01", "12:30", "010", "a off"),)

    def test_what_is_no_text_file_is_named(self, tmp_path):
        for name in ("x.csv", "x.yaml"):
            (tmp_path / name).write_bytes("Male,prompt\n0,señora\n".encode("latin-1"))
            with pytest.raises(BadData, match=f"{name}.* (is not a text file|is malformed)"):
                prompts.read(tmp_path / name)

    def test_a_set_that_is_not_there_names_the_shipped_ones(self, tmp_path):
        with pytest.raises(MissingData, match="toy_51 cannot be read: give a .yaml or .csv file, or one of .*toy_50"):
            prompts.read("toy_51")
        with pytest.raises(BadData, match="ends in .yaml or .csv"):
            prompts.write(few(), tmp_path / "x.txt")


class TestGrammar:
    def test_plain_prompts_are_the_papers(self):
        made = grammar.plain(SMILING_MALE)
        assert [p for (p,) in made.prompts] == [
            "Portrait face photo of a not smiling female.", "Portrait face photo of a not smiling male.",
            "Portrait face photo of a smiling female.", "Portrait face photo of a smiling male.",
        ]  # fmt: skip
        assert made.kind == "plain"
        assert grammar.plain(cells("Young")).prompts[0] == ("Portrait face photo of an old person.",)
        assert grammar.plain(EIGHT, vocabulary="toy").prompts[6] == ("portrait photo of a smiling old man",)

    @pytest.mark.parametrize("vocabulary", ["toy", "faces"])
    @pytest.mark.parametrize("poses", [False, True])
    def test_contextual_prompts_are_distinct_repeatable_and_say_their_group(self, vocabulary, poses):
        made = grammar.contextual(EIGHT, 50, poses=poses, vocabulary=vocabulary)
        assert made == grammar.contextual(EIGHT, 50, poses=poses, vocabulary=vocabulary)
        assert made.prompts != grammar.contextual(EIGHT, 50, poses=poses, vocabulary=vocabulary, seed=1).prompts
        assert [len(set(texts)) for texts in made.prompts] == [50] * 8
        checker = grammar.load(vocabulary)
        assert not [prompt for group, prompt in made if checker.problem(prompt, group, poses)]
        said = [choice.text for choice in checker.slots["pose"]]
        turns = [sum(pose in prompt for pose in said) for _, prompt in made]
        assert set(turns) == {int(poses)}

    def test_a_groups_prompts_do_not_depend_on_the_other_groups(self):
        alone = grammar.contextual(SMILING_MALE[:1], 10, vocabulary="toy").prompts[0]
        assert grammar.contextual(SMILING_MALE, 10, vocabulary="toy").prompts[0] == alone

    def test_prompts_are_plausible_given_the_group(self):
        for vocabulary, for_men in (
            ("toy", ("beard", "mustache", "goatee", "bald")),
            ("faces", ("beard", "goatee", "bald head")),
        ):
            made = list(grammar.contextual(EIGHT, 100, vocabulary=vocabulary))
            women = [p for group, p in made if not group["Male"]]
            men = [p for group, p in made if group["Male"]]
            assert not [p for p in women if any(re.search(rf"\b{word}\b", p) for word in for_men)]
            assert any("beard" in p for p in men)
            lipstick = [sum("lipstick" in p for p in people) for people in (women, men)]
            assert lipstick[0] > 20 * max(lipstick[1], 0.5)
            gray = [sum("gray hair" in p for group, p in made if group["Young"] == young) for young in (0, 1)]
            assert gray[0] > 10 * max(gray[1], 0.5)

    def test_no_prompt_contradicts_itself(self):
        for prompt in (prompt for _, prompt in grammar.contextual(EIGHT, 100, vocabulary="toy")):
            assert sum(word in prompt for word in ("bald", "bangs", "receding")) <= 1, prompt
            assert len(re.findall("beard|mustache|goatee", prompt)) <= 1, prompt
            parts = prompt.split(", ")
            assert len(set(parts)) == len(parts), prompt

    def test_the_toy_grammar_says_only_words_that_the_tiny_pipeline_was_trained_on(self):
        assert grammar.load("toy").known_words <= set(captions.vocabulary())
        for name in ("toy_plain", "toy_25", "toy_50", "toy_50_poses"):
            words = {word for _, prompt in prompts.read(name) for word in prompt.replace(",", " ").split()}
            assert words <= set(captions.vocabulary())

    def test_opposite_attributes_share_their_words(self):
        made = grammar.contextual(cells("Female", "White"), 20)
        assert not [p for g, p in made if re.search(r"\bman\b|\bmale\b", p) and g["Female"]]
        assert any("black hair" in p for g, p in made if g["White"]), "hair may be black, people then are Black"

    @pytest.mark.parametrize(
        ("prompt", "why"),
        [
            ("portrait photo of a smiling woman", None),
            ("portrait photo of a serious woman", "does not say 'smiling'"),
            ("portrait photo of a woman", "does not say 'smiling'"),
            ("portrait photo of a smiling, serious woman", "contradicts Smiling"),
            ("portrait photo of a smiling man and a woman", "contradicts Male"),
            ("portrait photo of a smiling woman, bald head, bangs", "contradicts itself"),
            ("portrait photo of a smiling woman, purple hair", "has the unknown word 'purple'"),
        ],
    )
    def test_the_toy_check_says_why_a_prompt_is_refused(self, prompt, why):
        assert grammar.load("toy").problem(prompt, {"Smiling": 1, "Male": 0}) == why

    def test_not_smiling_is_not_smiling(self):
        check = grammar.load("faces").problem
        assert check("a not smiling man", {"Smiling": 0, "Male": 1}) is None
        assert check("a not smiling man", {"Smiling": 1, "Male": 1}) == "does not say 'smiling'"
        assert check("A Smiling Female with hazel eyes", {"Smiling": 1, "Male": 0}) is None
        assert check("a smiling man", {"Smiling": 1, "Male": 1}, True) == "names no head orientation"

    def test_unknown_names_and_impossible_counts(self):
        with pytest.raises(UnknownName, match="unknown grammar 'toys': did you mean 'toy'"):
            grammar.load("toys")
        with pytest.raises(UnknownName, match="unknown attribute of grammar toy 'Happy'"):
            grammar.contextual(cells("Happy"), 2, vocabulary="toy")
        with pytest.raises(BadData, match="cannot word Male=1, Female=0"):
            grammar.plain([{"Male": 1, "Female": 0}])
        with pytest.raises(BadData, match="count is 0"):
            grammar.contextual(SMILING_MALE, 0)
        with pytest.raises(BadData, match=r"unknown slot \{Smiling\}.*known slots are Male, Young"):
            grammar.plain(cells("Male"), vocabulary="toy")

    def own(self, tmp_path, change):
        told = yaml.safe_load((prompts.FOLDER / "grammar_toy.yaml").read_text())
        change(told)
        file = tmp_path / "own.yaml"
        file.write_text(yaml.safe_dump(told))
        return file

    def test_a_grammar_that_runs_out_says_how_far_it_came(self, tmp_path):
        file = self.own(tmp_path, lambda told: told.update(contextual=["a {Smiling} {Young} {Male}"]))
        with pytest.raises(
            BadData, match="grammar own wrote 3 of 4 prompts for Smiling=0, Male=0 and finds no new one"
        ):
            grammar.contextual(SMILING_MALE, 4, vocabulary=file)

    @pytest.mark.parametrize("where", ["template", "choice"])
    def test_an_unknown_slot_in_a_grammar_is_named(self, tmp_path, where):
        def change(told):
            if where == "template":
                told["contextual"].append("a {mood} {Male}")
            else:
                told["slots"]["hair"].append("{mood} hair")

        with pytest.raises(
            BadData, match=r"own.yaml: unknown slot \{mood\}.*known slots are Male, Smiling, Young, back"
        ):
            grammar.load(self.own(tmp_path, change))

    def test_a_grammar_may_change_another(self, tmp_path):
        (tmp_path / "own.yaml").write_text("base: toy\nplain: face of a {Male}\nslots: {tone: [green]}\n")
        own, toy = grammar.load(tmp_path / "own.yaml"), grammar.load("toy")
        assert own.plain == "face of a {Male}" and own.words == toy.words and own.contextual == toy.contextual
        assert [choice.text for choice in own.slots["tone"]] == ["green"] and own.slots["hair"] == toy.slots["hair"]
        (tmp_path / "other.yaml").write_text("base: toys")
        with pytest.raises(BadData, match="other.yaml is malformed .FileNotFoundError: .*grammar_toys.yaml"):
            grammar.load(tmp_path / "other.yaml")

    def test_a_malformed_grammar_is_named(self, tmp_path):
        with pytest.raises(BadData, match="own.yaml is malformed .KeyError: 'plain'"):
            grammar.load(self.own(tmp_path, lambda told: told.pop("plain")))

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda told: told["words"].update(Male="ab"), "Male is 'ab', which is no list"),
            (lambda told: told["words"].update(Male=["woman"]), "Male has words for 1 values, not for 0 and 1"),
            (lambda told: told["words"].update(Male=["woman", 1]), "1 is no list of texts"),
            (lambda told: told["slots"].update(hair="long"), "hair is 'long', which is no list"),
            (lambda told: told["slots"]["hair"].append({"text": "bob", "weight": -1}), "weight is -1, not from 0"),
            (lambda told: told["slots"]["hair"].append({"text": "bob", "wieght": 2}), "wieght is none of text, weight"),
            (
                lambda told: told["slots"]["hair"].append({"text": "bob", "weight": "2"}),
                "weight is '2', which is no num",
            ),
            (lambda told: told["slots"]["hair"].append({"text": "bob", "only": {"Male": "1"}}), "no whole number"),
            (lambda told: told.update(mention=1.5), "mention is 1.5, not from 0 to 1"),
            (lambda told: told.update(closed="no"), "closed is 'no', which is no true or false"),
            (lambda told: told.update(contextual="a {Male}"), "contextual is 'a {Male}', which is no list"),
            (lambda told: told.update(conflict=[]), "conflict is none of closed, words"),
        ],
    )
    def test_bad_cells_of_a_grammar(self, tmp_path, change, message):
        with pytest.raises(BadData, match=f"own.yaml is malformed .*{message}"):
            grammar.load(self.own(tmp_path, change))


class TestShippedSets:
    @pytest.mark.parametrize("name", prompts.shipped())
    def test_is_what_its_name_says(self, name):
        made = prompts.read(name)
        checker = grammar.load("toy" if name.startswith("toy") else "faces")
        assert made.name == name and made.poses == name.endswith("poses")
        assert made.kind == ("plain" if name.endswith("plain") else "contextual")
        assert not [prompt for group, prompt in made if checker.problem(prompt, group, made.poses)]
        pairs = {(group.get("Smiling", 0), group.get("Male", 0)): 0 for group in made.groups}
        for group, texts in zip(made.groups, made.prompts, strict=True):
            pairs[group.get("Smiling", 0), group.get("Male", 0)] += len(texts)
        per_group = {"plain": 1, "25": 25, "50": 50, "poses": 50}[name.split("_")[-1]]
        if name.startswith(("toy", "celeba_smiling_male")):
            assert set(pairs.values()) == {per_group}

    def test_the_grammars_sets_are_what_the_grammar_writes_now(self):
        for count in (25, 50):
            assert (
                prompts.read(f"toy_{count}").prompts
                == grammar.contextual(SMILING_MALE, count, vocabulary="toy").prompts
            )

    def test_utkface_s_set_has_children_in_each_group_and_celeba_s_has_none(self):
        made = prompts.read("utkface_female_white_50_poses")
        again = grammar.contextual(made.groups, 50, poses=True, vocabulary="ages", name=made.name)
        assert made.prompts == again.prompts
        children = [[text for text in texts if re.search("(year|month)-old", text)] for texts in made.prompts]
        assert all(4 <= len(own) <= 14 for own in children), "16 % of 50, as in UTKFace, by chance"
        grown = re.compile(
            "beard|mustache|goatee|stubble|lipstick|makeup|bald|wrinkles|gray hair|old man|elderly|senior"
        )
        assert not [text for own in children for text in own if grown.search(text)]
        others = [text for name in prompts.shipped() if name.startswith("celeba") for _, text in prompts.read(name)]
        assert not [text for text in others if re.search("child|(year|month)-old", text)]

    def test_the_poses_set_was_written_by_the_language_model_for_eight_groups(self):
        made = prompts.read("toy_50_poses")
        assert made.groups == EIGHT and made.writer.startswith("language model fairnb-tiny")
