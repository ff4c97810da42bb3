"""A driver without a library, for the tests of protocol.py."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../peers"))
from protocol import Unsupported, serve  # noqa: E402


def setup(s):
    print("what a library prints", flush=True)
    if s["op"] == "none":
        raise Unsupported("no none here")
    s.number("N")
    if s["op"] == "fails":
        def call():
            raise RuntimeError("two\nlines")
        return call
    return lambda: None


serve("fake\n1", setup)
