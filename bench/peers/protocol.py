"""The protocol between the comparison program and a driver, for drivers in Python.

peers/driver/driver.go describes it.
"""

import gc
import os
import sys
import time
import traceback


class Unsupported(Exception):
    """The library does not have the operation."""


class Settings(dict):
    """The words name=value that follow setup."""

    def __init__(self, line):
        super().__init__(word.split("=", 1) for word in line.split())

    def number(self, name):
        """A setting that is a number above 0."""
        text = self.get(name, "")
        if not text.isdigit() or int(text) < 1:
            raise ValueError(f"setting {name}={text}, want a number above 0")
        return int(text)


def serve(version, setup):
    """Answers commands until they end.

    setup is given Settings and returns a function that makes one call of the operation.
    """
    # What the library prints goes to the standard error.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    call = None
    for line in sys.stdin:
        name, _, arg = line.strip().partition(" ")
        if name == "quit":
            return
        try:
            answer = "ok"
            if name == "hello":
                answer = "ok " + version
            elif name in ("setup", "free"):
                call = None
                gc.collect()
                if name == "setup":
                    call = setup(Settings(arg))
            elif name == "run":
                n = int(arg) if arg.isdigit() else 0
                if n < 1:
                    raise ValueError(f"run {arg}: want a number of calls of at least 1")
                if call is None:
                    raise ValueError("run without a setup that succeeded")
                begin = time.perf_counter_ns()
                for _ in range(n):
                    call()
                answer = f"ns {time.perf_counter_ns() - begin}"
            else:
                raise ValueError(f"no command {name}")
        except Unsupported as e:
            answer = f"no {e}"
        except Exception as e:  # the comparison goes on with the next shape
            if not isinstance(e, ValueError):
                traceback.print_exc()
            answer = f"error {e}"
        print(" ".join(answer.split()), file=answers, flush=True)
