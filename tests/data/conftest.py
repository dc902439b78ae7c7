"""Real data read once; nobody changes it in place."""

from functools import cache

import pytest

from fairnb.data import celeba, utkface


@pytest.fixture(scope="session")
def real_celeba(real_data):
    root = real_data("celeba")
    return root, celeba.read(root)


@pytest.fixture(scope="session")
def real_utkface(real_data):
    return utkface.read(real_data("utkface"))


@pytest.fixture(scope="session")
def real_table(real_data):
    """``real_table(adult, **options)`` is the real data set of that reader."""

    @cache
    def read(reader, **options):
        return reader.read(real_data(reader.__name__.rpartition(".")[2]), **options)

    return read
