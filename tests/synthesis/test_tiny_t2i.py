"""The shipped text-to-image pipeline: loads like any other, follows its prompts, and its autoencoder and judge."""

import itertools

import numpy as np
import pytest
import smaller
import torch

from fairnb.data.toys import faces as toy_faces
from fairnb.errors import BadData, UnknownName
from fairnb.synthesis import captions, fidelity
from fairnb.synthesis.patch_vae import PatchVAE, to_signed  # from_pretrained finds only imported modules

STEPS, GUIDANCE = 12, 3.0


@pytest.fixture(scope="module", autouse=True)
def judge(tmp_path_factory, new_cache):
    """A judge of few faces takes a while to train: whoever asks first does it for all tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in smaller.JUDGE.items():
            patch.setattr(fidelity, name, value)
        patch.setenv("FAIRNB_CACHE", str(new_cache(tmp_path_factory.mktemp("tiny"))))
        yield


@pytest.fixture(scope="module")
def faces():
    return toy_faces.sample(200, seed=5, difficulty=0.0).images


@pytest.fixture(scope="module")
def folder():
    from fairnb.synthesis.pipelines import TINY

    return TINY


@pytest.fixture(scope="module")
def pipeline(folder):
    from diffusers import DiffusionPipeline

    torch.set_num_threads(1)
    loaded = DiffusionPipeline.from_pretrained(folder)
    loaded.set_progress_bar_config(disable=True)
    return loaded


def drawn(pipeline, prompts, first_seed=0, steps=STEPS):
    """uint8 images (N, 3, 64, 64), one generator each."""
    images = []
    for start in range(0, len(prompts), 50):
        part = prompts[start : start + 50]
        generator = [torch.Generator().manual_seed(first_seed + start + i) for i in range(len(part))]
        made = pipeline(part, num_inference_steps=steps, guidance_scale=GUIDANCE, generator=generator, output_type="np")
        images.append((made.images * 255).round().astype(np.uint8).transpose(0, 3, 1, 2))
    return np.concatenate(images)


def psnr(found, true):
    return 10 * np.log10(4 / (found.clamp(-1, 1) - true).square().mean().item())


class TestTokenizer:
    def test_every_known_word_is_one_token(self):
        tokenizer = captions.word_tokenizer()
        for word in captions.vocabulary():
            start, token, end = tokenizer(word)["input_ids"]
            assert (start, end) == (1, 2) and 3 <= token < captions.known_tokens()
            assert tokenizer.decode([token]).strip() == word

    def test_unknown_words_are_pieces_and_leave_the_known_ones_whole(self):
        tokenizer = captions.word_tokenizer()
        known = tokenizer("smiling woman")["input_ids"]
        mixed = tokenizer("smiling dragonfly 9 ümlaut woman")["input_ids"]
        assert [token for token in mixed if 0 < token < captions.known_tokens()] == known

    def test_captions_use_known_words_only_and_fit(self):
        from fairnb.data.toys.faces import attributes, latents
        from fairnb.data.toys.faces.styles import style_named

        drawn_attributes, tone, age = attributes.draw(300, 4, {})
        p = latents.draw(drawn_attributes, tone, age, 4, 0.0, style_named("photo"))
        texts = captions.captions(drawn_attributes, tone, p, seed=1)
        ids = captions.word_tokenizer()(texts)["input_ids"]
        assert max(max(row) for row in ids) < captions.known_tokens()
        assert np.mean([len(row) > captions.MAX_TOKENS for row in ids]) < 0.01
        assert (
            texts
            == captions.captions(drawn_attributes, tone, p, seed=1)
            != captions.captions(drawn_attributes, tone, p, seed=2)
        )
        asked = fidelity.asked(texts)
        assert (asked["Male"] == drawn_attributes[:, toy_faces.ATTRIBUTES.index("Male")]).all()
        assert (asked["Smiling"] == drawn_attributes[:, toy_faces.ATTRIBUTES.index("Smiling")]).all()
        said = asked["Young"] >= 0
        assert (asked["Young"] == drawn_attributes[:, toy_faces.ATTRIBUTES.index("Young")])[
            said
        ].all() and 0.6 < said.mean() < 0.8

    def test_pose_is_said_from_the_viewers_side(self):
        assert captions.pose({"yaw": -0.5, "pitch": 0.4, "roll": 0.0}) == ["head turned left", "looking down"]
        assert captions.pose({"yaw": 0.0, "pitch": 0.0, "roll": 0.0}) == ["facing forward"]


class TestPatchVAE:
    def test_all_components_restore_the_image(self, faces):
        vae, x = PatchVAE.fitted(faces, channels=48), to_signed(faces[:20])
        z = vae.encode(x).latent_dist.mode()
        assert z.shape == (20, 48, 16, 16)
        torch.testing.assert_close(vae.decode(z).sample, x, atol=1e-4, rtol=0)

    def test_a_quarter_of_them_is_close_and_encoding_is_a_projection(self, faces):
        vae, x = PatchVAE.fitted(faces), to_signed(faces[:20])
        z = vae.encode(x).latent_dist.sample(torch.Generator().manual_seed(0))
        again = vae.encode(vae.decode(z).sample).latent_dist.mode()
        assert psnr(vae.decode(z).sample, x) > 30
        torch.testing.assert_close(again, z, atol=1e-4, rtol=0)
        assert vae.encode(x, return_dict=False)[0].mode().equal(z)

    def test_it_takes_any_multiple_of_four(self):
        images = np.random.default_rng(0).integers(0, 256, (9, 3, 36, 36), np.uint8)
        assert PatchVAE.fitted(images, channels=3).encode(to_signed(images)).latent_dist.mode().shape == (9, 3, 9, 9)

    @pytest.mark.parametrize("shape", [(2, 3, 30, 30), (2, 1, 32, 32), (3, 32, 32)])
    def test_other_sizes_are_refused(self, shape):
        with pytest.raises(BadData, match="divisible by 4"):
            PatchVAE().encode(torch.zeros(shape))

    def test_bad_fits_are_refused(self, faces):
        with pytest.raises(BadData, match="1 to 48"):
            PatchVAE.fitted(faces, channels=49)
        with pytest.raises(BadData, match="uint8"):
            PatchVAE.fitted(faces.astype(np.float32))
        with pytest.raises(BadData, match="divisible by 4"):
            PatchVAE.fitted(faces[:, :, :62, :62])


class TestShippedPipeline:
    def test_is_small_and_safe(self, folder):
        files = [file for file in folder.rglob("*") if file.is_file()]
        assert sum(file.stat().st_size for file in files) <= 12e6
        assert {file.suffix for file in files} == {".json", ".safetensors"}

    def test_loads_as_stable_diffusion_does(self, pipeline):
        assert type(pipeline).__name__ == "StableDiffusionPipeline" and isinstance(pipeline.vae, PatchVAE)
        for part in (pipeline.unet, pipeline.vae, pipeline.text_encoder):
            assert next(part.parameters()).dtype == torch.float32
        assert len(pipeline.tokenizer) == pipeline.text_encoder.config.vocab_size
        assert pipeline.tokenizer.model_max_length == captions.MAX_TOKENS

    def test_pieces_of_unknown_words_all_mean_the_same(self, pipeline):
        vectors = pipeline.text_encoder.get_input_embeddings().weight
        assert (vectors[captions.known_tokens() :] == vectors[0]).all()

    def test_same_generators_same_images(self, pipeline):
        prompts = ["portrait photo of a smiling woman"] * 3
        first, again = (drawn(pipeline, prompts, steps=3) for _ in range(2))
        assert (first == again).all()
        assert (drawn(pipeline, prompts, first_seed=1, steps=3)[0] != first[0]).any()

    def test_its_autoencoder_is_nearly_lossless(self, pipeline, faces):
        x = to_signed(faces)
        with torch.no_grad():
            z = pipeline.vae.encode(x).latent_dist.mode()
            refined, plain = pipeline.vae.decode(z).sample, pipeline.vae.unprojected(z)
        assert psnr(refined, x) > 34
        assert psnr(refined, x) > psnr(plain, x) + 1

    @pytest.mark.slow
    def test_follows_its_prompts(self, pipeline):
        people = itertools.product(("smiling", "serious"), ("young ", "old ", ""), ("man", "woman"))
        prompts = [f"portrait photo of a {mood} {age}{who}" for mood, age, who in people] * 10
        found = fidelity.fidelity(drawn(pipeline, prompts), fidelity.asked(prompts))
        assert found["Smiling"].n == found["Male"].n == 120 and found["Young"].n == 80
        assert found["Smiling"].passes and found["Male"].passes, found


class TestFidelity:
    @pytest.mark.slow
    def test_real_faces_are_as_faithful_as_the_judge_sees(self):
        real = toy_faces.sample(1200, seed=77, difficulty=0.0)
        found = fidelity.fidelity(real.images, {"Smiling": real.labels("Smiling"), "Male": real.labels("Male")})
        assert all(0.97 < one.ratio < 1.03 and one.passes for one in found.values())
        swapped = fidelity.fidelity(real.images, {"Smiling": 1 - real.labels("Smiling")})["Smiling"]
        assert swapped.auc == pytest.approx(1 - found["Smiling"].auc) and not swapped.passes

    def test_reads_what_prompts_ask(self):
        asked = fidelity.asked(["portrait photo of a not smiling old man, happy", "portrait photo of a happy woman"])
        assert {name: values.tolist() for name, values in asked.items()} == {
            "Smiling": [0, 1], "Male": [1, 0], "Young": [0, -1],
        }  # fmt: skip

    def test_bad_input_is_refused(self, faces):
        with pytest.raises(UnknownName):
            fidelity.fidelity(faces, {"Blond_Hair": np.ones(200)})
        with pytest.raises(BadData, match="once per image"):
            fidelity.fidelity(faces, {"Male": np.array([0, 1])})
        with pytest.raises(BadData, match="square uint8"):
            fidelity.fidelity(faces[:, :, :32], {"Male": np.ones(200)})
