"""Two parties that share adapters and nothing else (FairLoRA, arXiv 2503.05684; see SPEC of notebook 40).

The *solution developer* has images and target labels, the *auditor* (compliance officer) has other images and their
protected labels. Each lives in a process of its own, on this machine or on two (``processes``), with a private folder
(``party.Site``). What crosses is an ``AdapterMessage`` (``messages``): the tensors of one LoRA adapter. The ``Wire``
numbers, checks, logs and keeps every message, so that an interrupted exchange goes on where it was.

Both parties trust the driver that holds the wire (Dask lets it read an actor's attributes, and it may send any action);
what the protocol keeps apart is one party from the other.
"""
