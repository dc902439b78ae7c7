"""One room per paper; ``fairnb.registry`` finds them by their folders, nothing below imports them."""
