"""Networks, their parts, and files of their weights."""
