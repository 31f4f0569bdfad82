"""Write docs/cli.md from the commands' own help: `python tools/make_cli_docs.py`."""

from pathlib import Path

from click.testing import CliRunner

from ffhq_wrinkle.cli import main

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"


def page() -> str:
    """Return the page in Markdown."""
    parts = ["# Commands\n\nThe output of `--help`, written by `tools/make_cli_docs.py`.\n"]
    for path in ([], *([name] for name in main.commands)):
        result = CliRunner().invoke(
            main, [*path, "--help"], prog_name="ffhq-wrinkle", terminal_width=100
        )
        parts.append(f"## {' '.join(['ffhq-wrinkle', *path])}\n\n```text\n{result.output}```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page())
