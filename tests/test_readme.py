"""What the README says is true: its example runs, its commands and files exist."""

import re
from pathlib import Path

import d2lbptt

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_example_runs_and_ends_in_a_gradient_check_that_passes(capsys):
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)[1]
    assert len([line for line in code.splitlines() if line]) <= 12
    exec(code, {})
    difference, report = capsys.readouterr().out.split("\n", 1)
    assert 0 < float(difference) < 1
    assert report.startswith("PASS")


def test_every_file_that_is_linked_exists():
    links = re.findall(r"\]\((?!https?:)([^)]+)\)", README)
    assert links and all((ROOT / link).exists() for link in links)


def test_every_make_target_that_is_named_exists():
    targets = set(re.findall(r"make ([a-z-]+)", README)) - {"and"}
    rules = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert targets and targets <= rules


def test_every_notebook_is_in_the_map():
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        assert f"[`{path.stem}`](notebooks/{path.name})" in README


def test_every_public_name_is_there_and_documented():
    for name in d2lbptt.__all__:
        assert getattr(d2lbptt, name).__doc__
