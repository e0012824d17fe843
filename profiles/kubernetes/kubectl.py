"""Calls of `kubectl`, the only way in which the cluster is spoken to."""

import subprocess
from collections.abc import Sequence


def kubectl(arguments: Sequence[str], given: str | None = None, timeout_s: float = 60) -> str:
    """Run kubectl and return what it prints.

    Raises
    ------
    ValueError
        If it is not there, fails or does not answer.
    """
    try:
        command = ["kubectl", *arguments]
        finished = subprocess.run(command, input=given, capture_output=True, text=True, timeout=timeout_s, check=False)
    except FileNotFoundError:
        raise ValueError("kubectl is not on the PATH") from None
    except subprocess.TimeoutExpired:
        raise ValueError(f"kubectl {arguments[0]} did not answer within {timeout_s:.0f} s") from None
    if finished.returncode:
        raise ValueError(f"kubectl {arguments[0]} failed: {finished.stderr.strip()}")
    return finished.stdout
