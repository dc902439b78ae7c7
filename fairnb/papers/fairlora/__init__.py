"""Fairness-aware LoRA (2025): developer and auditor exchange adapters, never the protected attribute."""
