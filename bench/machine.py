"""What the figures were measured on and of, to be written beside them."""
import datetime
import json
import os
import platform
import re
import subprocess

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
COMPILERS = ("clang++-19", "g++")
WRITTEN = ("README.md", "notes.md", "growth.svg")  # in bench/, not measured


def first_line(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    except OSError:
        return ""
    return done.stdout.partition("\n")[0].strip() if done.returncode == 0 else ""


def field(path: str, name: str) -> str:
    with open(path, encoding="utf-8") as text:
        found = re.search(rf"^{name}\s*:\s*(.*)$", text.read(), re.MULTILINE)
    return found[1] if found else "unknown"


def machine() -> dict:
    memory = field("/proc/meminfo", "MemTotal").split()[0]
    return {
        "cpu": field("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "kernel": f"{platform.system()} {platform.release()}",
        "memory_gib": round(int(memory) / 2**20, 1) if memory.isdigit() else None,
        "compilers": {name: first_line(name, "--version") or "not installed" for name in COMPILERS},
    }


def commit() -> str:
    name = first_line("git", "rev-parse", "--short=10", "HEAD")
    if not name:
        return "unknown"
    changed = first_line("git", "status", "--porcelain", "--", "include", "src", "CMakeLists.txt",
                         "bench", *(f":!bench/{file}" for file in WRITTEN))
    return f"{name} with changes" if changed else name


def provenance() -> dict:
    return {"machine": machine(), "commit": commit(),
            "date": datetime.datetime.now(datetime.UTC).date().isoformat()}


def without_paths(text: str) -> str:
    """Nobody else has this machine's folders."""
    for folder, word in ((ROOT + "/", ""), (ROOT, "."), (os.path.expanduser("~"), "~")):
        text = text.replace(folder, word) if len(folder) > 1 else text
    return text


def save(data: dict, build_dir: str, name: str) -> str:
    folder = os.path.join(build_dir, "bench")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as out:
        out.write(without_paths(json.dumps(data, indent=2, ensure_ascii=False)) + "\n")
    return path


def is_whole(path: str) -> str:
    """What was saved as NAME-part.json has all rows: it is NAME.json from now on."""
    whole = path.removesuffix("-part.json") + ".json"
    os.replace(path, whole)
    return whole


def load(build_dir: str, name: str) -> dict | None:
    path = os.path.join(build_dir, "bench", name)
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as text:
        return json.load(text)
