"""Where PyTorch and JAX are missing: what needs them says what to install, all else works.

Oracle: a new interpreter in which neither can be imported.
"""

import subprocess
import sys

from loops import for_each

BLOCKED = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "jax"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
import numpy as np, d2lbptt as bptt
"""


def output(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@for_each(
    "call",
    [
        "from_torch(None, None)",
        "to_torch(bptt.init_params(3, 5, 2))",
        "problem_from_torch(None, None, None, None, None)",
        "numpy_function(None, {})",
    ],
)
def test_what_needs_torch_says_what_to_install(call):
    code = f"try: bptt.{call}\nexcept ImportError as error: print(error)"
    assert output(BLOCKED + code) == f"{call.partition('(')[0]} needs PyTorch: pip install torch\n"


def test_all_else_works():
    code = """
params = bptt.init_params(3, 5, 2, bias=True)
given = {"W_xh": params.W_hx.T, "W_hh": params.W_hh.T, "W_hq": params.W_qh.T, "b_h": params.b_h[:, None]}
found = bptt.from_arrays(given, rows=True)
assert np.array_equal(found.W_hx, params.W_hx)
rng = np.random.default_rng(0)
x, y = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))
problem = bptt.Problem(found, "tanh", x, y, None, "squared_error", "mean", 2.0, ())
assert problem.value() == 2 * bptt.loss(problem.trace(), y)
assert np.array_equal(problem.as_torch(problem.gradients())["weight_hh_l0"], 2 * problem.gradients().W_hh)
print(problem.check().verdict, problem.check(problem.as_torch(problem.gradients())).verdict)
"""
    assert output(BLOCKED + code) == "PASS PASS\n"


def test_importing_the_package_imports_neither():
    """Also not where they are installed, nor when a function is named."""
    code = (
        "import sys, d2lbptt as bptt; bptt.from_torch, bptt.numpy_function; print({'torch', 'jax'} & set(sys.modules))"
    )
    assert output(code) == "set()\n"
