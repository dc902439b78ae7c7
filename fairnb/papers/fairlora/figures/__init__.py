"""The figures of FairLoRA."""
