"""A network of 6 tensors, not ResNet-18's 62, for tests of what any network shows: an epoch takes milliseconds."""

import copy
import dataclasses
from collections import OrderedDict
from functools import cache

import torch
from torch import nn

from fairnb.contract import Task
from fairnb.nets.models import ImageClassifier
from fairnb.training import fine_tuning


def small_network(seed: int = 0, pretrained: bool = True, logits: int = 1) -> ImageClassifier:
    """A convolution with batch normalisation, and a linear layer on the means of the image's quarters."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = OrderedDict(conv=nn.Conv2d(3, 16, 5, 4), bn=nn.BatchNorm2d(16), relu=nn.ReLU())
        layers |= OrderedDict(pool=nn.AdaptiveAvgPool2d(2), flat=nn.Flatten(), fc=nn.Linear(64, logits))
        return ImageClassifier(nn.Sequential(layers))


def with_small_network(task: Task) -> Task:
    """The task with that network, trained once a seed as its biased model is."""

    @cache
    def biased(seed: int) -> nn.Module:
        return fine_tuning.train_biased(made, seed)

    made = dataclasses.replace(task, backbone=small_network, biased_model=lambda seed: copy.deepcopy(biased(seed)))
    return made
