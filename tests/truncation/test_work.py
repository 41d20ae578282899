"""How many products with a Jacobian the schemes of truncation take.

Oracles: the products that ``backward`` makes, counted where it makes them; a training loop written out, which counts
the steps that each update goes back; and arrows of the unrolled graph, counted one by one.
"""

import itertools

import numpy as np
import pytest
from loops import for_each

from d2lbptt import backward, bptt, chunks, forward, init_params, randomized, tbptt
from d2lbptt.gates import first_kept
from d2lbptt.truncation.pairs import jacobian_products

LENGTHS = [(T, k1, k2) for T in (1, 2, 5, 7, 12) for k2 in range(1, T + 1) for k1 in range(1, k2 + 1)]


def products_of_the_loop(T, k1, k2):
    """A training loop with k1 and k2: each update goes back from its end e, at most over the last k2 steps."""
    count, since = 0, 0
    for t in range(1, T + 1):
        since += 1
        if since == k1 or t == T:
            since, step = 0, t
            while step > 1 and step > t - k2 + 1:
                step, count = step - 1, count + 1
    return count


def ends_of(T, k1):
    return [t for t in range(1, T + 1) if t % k1 == 0 or t == T]


@for_each(("T", "k1", "k2"), LENGTHS)
def test_an_update_goes_back_over_its_length(T, k1, k2):
    found = jacobian_products(tbptt(T, k1, k2), shared=True, ends=ends_of(T, k1))
    assert found == products_of_the_loop(T, k1, k2)


@for_each(("T", "k1", "k2"), LENGTHS)
def test_one_pass_takes_the_products_that_backward_makes(T, k1, k2, monkeypatch):
    trace = forward(init_params(1, 2, 1), np.ones((T, 1)), activation="tanh")
    rows, product = [], bptt.product

    def counting(left, W):
        rows.append(len(left)) if W is trace.params.W_hh else None
        return product(left, W)

    with monkeypatch.context() as patched:
        patched.setattr(bptt, "product", counting)
        backward(trace, np.zeros((T, 1)), first=tbptt(T, k1, k2))
    assert jacobian_products(tbptt(T, k1, k2), shared=True) == sum(rows) - 1  # the last one is dL/dh_0


@for_each("T", [1, 2, 7, 10])
def test_full_chunks_and_window_in_their_own_updates(T):
    each = np.arange(1, T + 1)
    assert jacobian_products(first_kept(T), shared=True, ends=[T]) == T - 1
    for tau in range(1, T + 1):
        window, cut = first_kept(T, window=tau), first_kept(T, gates=chunks(T, tau))
        alone = sum(min(t, tau) - 1 for t in range(1, T + 1))
        assert jacobian_products(window, shared=True, ends=each) == jacobian_products(window, shared=False) == alone
        inside = sum(chunks(T, tau)[1:] != 0)  # the arrows of the unrolled graph that are not cut
        assert (
            jacobian_products(cut, shared=True, ends=ends_of(T, tau)) == jacobian_products(cut, shared=True) == inside
        )


def test_random_gates_keep_the_arrows_that_are_not_cut():
    rng = np.random.default_rng(0)
    for T, pi in itertools.product((1, 6, 15), (0.3, 0.8)):
        gates = randomized(T, pi, rng)
        assert jacobian_products(first_kept(T, gates=gates), shared=True) == np.count_nonzero(gates[1:])


def test_a_loss_at_the_last_step_alone_has_one_way():
    for T, k1, k2 in LENGTHS:
        assert jacobian_products(tbptt(T, k1, k2), shared=True, ends=ends_of(T, k1), last=True) == min(T, k2) - 1


@for_each(
    ("ends", "error", "words"),
    [
        ([1, 2], ValueError, "ends is .*, wanted rising steps from 1 to T = 3, the last one T"),
        ([0, 3], ValueError, "wanted rising steps from 1"),
        ([2, 2, 3], ValueError, "wanted rising steps"),
        ([[3]], ValueError, r"ends has shape \(1, 1\), wanted \(n,\)"),
        ([1.5, 3], TypeError, "ends"),
        ("no", TypeError, "ends"),
    ],
)
def test_what_are_no_ends_is_refused(ends, error, words):
    with pytest.raises(error, match=words):
        jacobian_products([1, 1, 2], shared=True, ends=ends)
