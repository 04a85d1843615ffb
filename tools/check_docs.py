#!/usr/bin/env python3
"""The README quotes examples/readme.cpp, which is compiled and run by a test: word for word."""
import os
import sys

ROOT = os.path.normpath(os.path.join(os.path.dirname(__file__), ".."))


def read(path: str) -> str:
    with open(os.path.join(ROOT, path), encoding="utf-8") as text:
        return text.read()


if f"```cpp\n{read('examples/readme.cpp')}```\n" not in read("README.md"):
    print("README.md does not quote examples/readme.cpp as it is")
    sys.exit(1)
print("docs: README.md quotes examples/readme.cpp")
