"""AIM-Fair (CVPR 2025): fine-tune on balanced synthetic images what reacts to bias and not to the domain."""
