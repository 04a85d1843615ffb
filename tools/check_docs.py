#!/usr/bin/env python3
"""Programs in the documents are compiled and run: README.md quotes examples/readme.cpp and what
examples/traceback.cpp prints, every program in docs/testing.md is a part of
tests/testing/docs_example_test.cpp, and every one of README.md and the pages named below is a
part of an example, word for word."""
import glob
import os
import re
import sys

ROOT = os.path.normpath(os.path.join(os.path.dirname(__file__), ".."))


def read(path: str) -> str:
    with open(os.path.join(ROOT, path), encoding="utf-8") as text:
        return text.read()


def programs(path: str) -> list[str]:
    return re.findall(r"^```cpp\n(.*?)^```$", read(path), re.MULTILINE | re.DOTALL)


errors = []
if read("examples/readme.cpp") not in programs("README.md"):
    errors.append("README.md does not quote examples/readme.cpp as it is")
if f"```\n{read('examples/traceback.txt')}```\n" not in read("README.md"):
    errors.append("README.md does not show what examples/traceback.txt says")
tested = read("tests/testing/docs_example_test.cpp")
for program in programs("docs/testing.md"):
    if program not in tested:
        errors.append("docs/testing.md: not in tests/testing/docs_example_test.cpp as it is:\n" +
                      program)
examples = [read(os.path.relpath(path, ROOT)) for path in glob.glob(os.path.join(ROOT, "examples/*.cpp"))]
for page in ("README.md", "docs/streams.md", "docs/servers.md", "docs/tls.md", "docs/backends.md",
             "docs/progress.md", "docs/files.md", "docs/http.md", "docs/http_server.md",
             "docs/processes.md", "docs/process_pool.md", "docs/codec.md", "docs/tracing.md",
             "docs/call_graph.md", "docs/dashboard.md", "docs/cluster.md"):
    for program in programs(page):
        if not any(program in example for example in examples):
            errors.append(page + ": not in a file of examples/ as it is:\n" + program)
print("\n".join(errors) or "docs: the programs in README.md and docs/ are tested as they are")
sys.exit(1 if errors else 0)
