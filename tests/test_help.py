"""`fairnb --help`: every command under a heading, with a whole sentence."""

from click.testing import CliRunner

from fairnb.publish import cli


def test_help_names_every_command_with_a_whole_sentence():
    said = CliRunner().invoke(cli.commands, ["--help"]).output
    assert "..." not in said.partition("Options:")[2] and "e.g.\n" not in said
    for heading in (*cli.HEADINGS, cli.OTHERS):
        assert f"\n{heading}:\n" in said
    listed = [line.split()[0] for line in said.splitlines() if line.startswith("  ") and line[2:3].isalpha()]
    for name in cli.commands.list_commands(None):
        assert listed.count(name) == 1, name
