"""Two parties that share adapters and nothing else (FairLoRA, arXiv 2503.05684; see SPEC of notebook 40).

The *solution developer* has images and target labels, the *auditor* (compliance officer) has other images and their
protected labels. Each lives in a process of its own with a private folder (``party.Site``): on one machine, where one
owner has two roles (``processes``), or on two, as a service (``serving``, called by ``remote``). What crosses is an
``AdapterMessage`` (``messages``): the tensors of one LoRA adapter. The ``Wire`` numbers, checks, logs and keeps every
message, so that an interrupted exchange goes on where it was.

What is protected against whom, and what is not, is the table in ``protections``. In short, between two machines: a
curious or hostile peer gets adapters and nothing else, and what an adapter tells is measured (notebook 42); an
eavesdropper and another local user get nothing; a hostile driver reads the adapters and asks for what a party allows,
but neither runs code nor forges a message. On one machine the driver is the owner and may do all.
"""
