"""FineFACE [ICPR 2024, arXiv 2408.16881]: experts on shallow and deep layers that learn from each other's attention.

``network`` has the experts and their heads, ``attention`` turns what they look at into crops, ``mutual`` trains them on
each other's crops, ``training`` is the loop around it. Nothing in here reads a protected label.
"""
