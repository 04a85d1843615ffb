"""Makes a program smaller as long as it fails: delta debugging on its lines."""

from program import PARTS, Node, Program, problems


def shrink(program, fails):
    """The smallest program found for which `fails(program)` still holds."""
    smaller = program
    while smaller is not None:
        program = smaller
        smaller = _first(_candidates(program), fails)
    return program


def _first(candidates, fails):
    return next((c for c in candidates if not problems(c) and fails(c)), None)


def _candidates(program):
    """Large cuts first; then lines that give way to what they contain, and simpler lines."""
    count = sum(1 for _ in program.walk())
    size = count // 2
    while size > 0:
        for first in range(0, count, size):
            yield _rebuilt(program, set(range(first, first + size)), _cut)
        size //= 2
    for number, item in enumerate(program.walk()):
        if item.nodes and item not in program.nodes and item.op not in PARTS | {"cleanup"}:
            yield _rebuilt(program, {number}, _hoist)
        for words in _simpler(item):
            yield _rebuilt(program, {number}, lambda node, words=words: [Node(words, node.nodes)])


def _simpler(item):
    """Other words for a line, each time fewer or plainer ones."""
    words = item.words
    if item.op == "sleep" and words[-1] != "0":  # timers due at the same time have no order
        yield words[:-1] + ["0"]
    if item.op in ("gather", "wait", "completed"):
        first = {"gather": 3, "wait": 3, "completed": 4}[item.op]
        for i in range(first, len(words)):
            if len(words) > first + 1:
                yield words[:i] + words[i + 1:]
    if item.op in ("cancel", "raisecancelled") and words[-1][0] == "m":
        yield words[:-1]
    if item.op == "eager":
        yield ["spawn"] + words[1:]


def _cut(node):
    return []


def _hoist(node):
    if node.op == "try":
        return [inner for part in node.nodes for inner in part.nodes]
    return node.nodes


def _rebuilt(program, numbers, change):
    """A copy in which `change` gives what stands for the nodes with these numbers, whose own nodes
    are kept as they are."""
    count = -1

    def copies(nodes):
        nonlocal count
        made = []
        for node in nodes:
            count += 1
            number = count
            inner = Node(node.words, copies(node.nodes))
            made += change(inner) if number in numbers else [inner]
        return made

    return Program(program.title, copies(program.nodes))
