"""The rows of AIM-Fair's Tables 1 and 2 that, as AIM-Fair itself, read no group label of the real data.

All start from ``task.backbone`` with the task's pre-training schedule and keep the epoch with the best accuracy on the
validation split, whose group labels they do not read either.
"""
