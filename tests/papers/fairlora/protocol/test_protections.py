"""What is protected against whom: one table."""

from fairnb import paths
from fairnb.papers.fairlora.protocol import protections


def test_the_docs_have_the_table_as_it_is():
    assert protections.markdown() in (paths.project() / "docs" / "two_parties.md").read_text("utf-8")


def test_each_adversary_has_an_answer_and_a_limit():
    found = protections.table()
    assert list(found.columns) == ["against", "protected", "how", "not protected"]
    wanted = ["honest-but-curious peer", "hostile peer", "eavesdropper", "another local user", "driver"]
    assert list(found["against"]) == wanted and found.map(len).to_numpy().min() > 5
