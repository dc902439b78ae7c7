"""Data sets: readers for the owners' layouts, toy data, subset rules, the registry and the image cache."""
