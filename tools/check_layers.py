#!/usr/bin/env python3
"""Checks that no include points up, and that system headers stay where they belong.

The layers are in tools/layers.txt. The umbrella asyncio.hpp is for users: nothing of the library
may include it.
"""
import os
import re
import sys

ROOT = os.path.normpath(os.path.join(os.path.dirname(__file__), ".."))
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')

# System header: the folders of src/ that may include it. None of them may stand in include/.
PLACES = {
    "sys/epoll.h": ["src/io"],
    "sys/eventfd.h": ["src/io"],
    "liburing.h": ["src/io"],
    "signal.h": ["src/io"],
    "csignal": ["src/io", "src/cluster/run_worker.cpp"],
    "netdb.h": ["src/net", "src/cluster/redis_connect.cpp"],  # codes of gaierror
    "sys/socket.h": ["src/io", "src/net"],
    "thread": ["src/io", "src/dashboard"],
    "condition_variable": ["src/io"],
    "mutex": ["src/io", "src/dashboard", "src/loop/hand_over.hpp", "src/cluster/registry.cpp"],
    "atomic": [],
    "curl/curl.h": ["src/http"],
}
# Redis knows scripts by their SHA-1.
OPENSSL = re.compile(r"src/(net/(tls|ssl)\w*|cluster/redis_script)\.cpp$")
BANNED_IN_PUBLIC = ["chrono", "memory", "functional", "atomic", "mutex", "thread", "stop_token",
                    "iostream", "ranges", "regex"]
# These name std::unique_ptr; <memory> is their fallback where libstdc++'s part is missing.
ALLOWED = {("include/asyncio/event_loop.hpp", "memory"),
           ("include/asyncio/protocols.hpp", "memory")}


def read_layers() -> tuple[list[str], dict[str, str]]:
    order, layer_of = [], {}
    with open(os.path.join(ROOT, "tools/layers.txt"), encoding="utf-8") as text:
        for line in text:
            if line.startswith("#") or not line.strip():
                continue
            layer, *headers = line.split()
            order.append(layer)
            layer_of.update({h: layer for h in headers})
    return order, layer_of


def sources() -> list[str]:
    found = []
    for top in ("include", "src"):
        for folder, _, files in os.walk(os.path.join(ROOT, top)):
            found += [os.path.relpath(os.path.join(folder, f), ROOT) for f in files]
    return sorted(f for f in found if f.endswith((".hpp", ".cpp")))


def main() -> int:
    order, layer_of = read_layers()
    rank = {layer: i for i, layer in enumerate(order)}
    errors = []

    def layer_of_file(path: str) -> str | None:
        if path.startswith("src/"):
            return path.split("/")[1]
        return layer_of.get(path.removeprefix("include/asyncio/").removesuffix(".hpp"))

    for path in sources():
        if path == "include/asyncio/asyncio.hpp":
            continue
        layer = layer_of_file(path)
        if layer not in rank:
            errors.append(f"{path}: in no layer; name it in tools/layers.txt")
            continue
        public = path.startswith("include/")
        with open(os.path.join(ROOT, path), encoding="utf-8") as text:
            lines = text.read().splitlines()
        for number, line in enumerate(lines, 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            quote, target = match.groups()
            where = f"{path}:{number}: includes {target}"
            if target == "asyncio/asyncio.hpp":
                errors.append(f"{where}: the umbrella is for users")
                continue
            if target.startswith("asyncio/"):
                other = layer_of.get(target.removeprefix("asyncio/").removesuffix(".hpp"))
            elif quote == '"':
                if public:
                    errors.append(f"{where}: a public header includes no private one")
                other = target.split("/")[0]
            else:
                if target.startswith("openssl/") and not OPENSSL.match(path):
                    errors.append(f"{where}: belongs to {OPENSSL.pattern}")
                if target in PLACES and not any(path.startswith(p) for p in PLACES[target]):
                    errors.append(f"{where}: belongs to {PLACES[target] or 'no file'}")
                if public and target in BANNED_IN_PUBLIC and (path, target) not in ALLOWED:
                    errors.append(f"{where}: too dear for a public header")
                continue
            if other not in rank:
                errors.append(f"{where}: which is in no layer")
            elif rank[other] > rank[layer]:
                errors.append(f"{where}: {layer} must not know {other}")
    print("\n".join(errors) if errors else f"layers: {len(sources())} files, no include points up")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
