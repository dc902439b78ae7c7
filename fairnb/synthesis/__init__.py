"""Synthetic faces from text: prompts, text-to-image pipelines, the tiny one that ships with fairnb, and its checks."""
