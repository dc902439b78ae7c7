"""A text-to-image pipeline of random weights, small enough for tests, in diffusers' folder layout."""

from pathlib import Path


def write(folder: Path, seed: int = 0) -> Path:
    """Write a Stable Diffusion pipeline of about 50,000 weights for 16-pixel images to ``folder``."""
    import torch
    from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    from fairnb.synthesis.captions import MAX_TOKENS, word_tokenizer
    from fairnb.synthesis.patch_vae import PatchVAE

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        unet = UNet2DConditionModel(
            sample_size=4, in_channels=12, out_channels=12, block_out_channels=(8, 16), layers_per_block=1,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=16, attention_head_dim=4, norm_num_groups=4,
        )  # fmt: skip
        tokenizer = word_tokenizer()
        text = CLIPTextConfig(
            vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=1,
            num_attention_heads=2, max_position_embeddings=MAX_TOKENS, bos_token_id=1, eos_token_id=2, pad_token_id=2,
        )  # fmt: skip
        made = StableDiffusionPipeline(
            vae=PatchVAE(refined=False), text_encoder=CLIPTextModel(text), tokenizer=tokenizer, unet=unet,
            scheduler=DPMSolverMultistepScheduler(prediction_type="v_prediction", steps_offset=1),
            safety_checker=None, feature_extractor=None, requires_safety_checker=False,
        )  # fmt: skip
    made.save_pretrained(folder)
    return folder
