"""What the README says is true: its example runs, its commands and files exist."""

import re
from pathlib import Path

import numpy as np
import pytest

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


BLOCKS = re.findall(r"```python\n(.*?)```", README.partition("## Your own network")[2], re.DOTALL)


def lines_of(*blocks):
    return [line for block in blocks for line in block.splitlines() if line]


def test_a_model_of_torch_is_checked_in_less_than_ten_lines(capsys):
    """And a loop that detaches is told so."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: the README's lines on it are not run")
    any_model, detaching, _ = BLOCKS
    assert len(lines_of(any_model)) < 10 and len(lines_of(detaching)) < 10
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        names = {}
        exec(any_model, names)
        assert capsys.readouterr().out.startswith("PASS")
        exec(detaching, names)
    report = capsys.readouterr().out
    assert report.startswith("FAIL") and "nothing flows from a step to the one before" in report
    assert "nothing flows from a step to the one before: tau = 1" in README


def test_a_backward_pass_with_the_names_of_min_char_rnn_is_checked_in_two_lines(capsys):
    """The pass is written as there: columns, one step after the other, the loss summed."""
    rng = np.random.default_rng(0)
    Wxh, Whh, Why = (rng.normal(size=shape) / 2 for shape in ((4, 3), (4, 4), (3, 4)))
    bh, by = np.zeros((4, 1)), np.zeros((3, 1))
    labels = rng.integers(3, size=8)

    def mine(trace, y):
        h, p = np.zeros((len(y) + 1, 4, 1)), np.zeros((len(y), 3, 1))
        for t, x in enumerate(trace.x[..., None]):
            h[t] = np.tanh(Wxh @ x + Whh @ h[t - 1] + bh)  # h[-1] is the initial state, 0
            e = np.exp(Why @ h[t] + by)
            p[t] = e / e.sum()
        found, later = {name: 0.0 for name in ("W_hx", "W_hh", "W_qh", "b_h", "b_q")}, np.zeros((4, 1))
        for t in reversed(range(len(y))):
            dy = p[t] - np.eye(3)[:, [y[t]]]
            raw = (1 - h[t] ** 2) * (Why.T @ dy + later)
            steps = {"W_hx": raw @ trace.x[t][None], "W_hh": raw @ h[t - 1].T, "W_qh": dy @ h[t].T}
            steps |= {"b_h": raw.ravel(), "b_q": dy.ravel()}
            found = {name: found[name] + steps[name] for name in found}
            later = Whh.T @ raw
        return found

    names = {"bptt": d2lbptt, "mine": mine, "x": np.eye(3)[rng.integers(3, size=8)], "y": labels}
    exec(BLOCKS[2], names | {"Wxh": Wxh, "Whh": Whh, "Why": Why, "bh": bh, "by": by})
    assert capsys.readouterr().out.startswith("PASS")
    assert len(lines_of(BLOCKS[2])) == 2


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
