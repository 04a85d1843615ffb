"""In gdb, behind asyncio_gdb.py: one word of the library's objects after the other becomes
nonsense, and the commands must get through it without a traceback."""
import random

from asyncio_gdb import Program

CHANGES = 250


def words_of(program) -> list:
    """Addresses of words in loops, tasks, frames and what they wait for."""
    memory, found = program.memory, []
    for loop in program.loops:
        found += range(loop.id, loop.id + loop.layout["loop.size"], 8)
        found += range(memory.word(loop.id + loop.layout["loop.chunks"]), 8)
    for task in program.tasks:
        layout = task.layout
        found += range(task.id, task.id + layout["task.size"], 8)
        extra = memory.word(task.id + layout["task.extra"])
        found += range(extra, extra + 48, 8) if extra else []
        top = memory.word(task.id + layout["task.top"])
        found += range(top, top + layout["promise.size"], 8)
        owner = memory.word(top + layout["promise.owner"])
        found += range(owner, owner + layout["link.size"], 8) if owner else []
        found += range(task.waiting, task.waiting + 80, 8) if task.waiting else []
    return found


def nonsense(choose, old: int, words: list) -> int:
    return choose.choice((0, 1, 8, old + 1, old + 8, old - 8, choose.choice(words), 0x1000, 1 << 47,
                          (1 << 64) - 1, (1 << 63), choose.getrandbits(64))) & (1 << 64) - 1


def told(command: str) -> bool:
    """Runs it. An error must be one that the script has thought of."""
    try:
        gdb.execute(command, to_string=True)
        return False
    except gdb.error as error:
        text = str(error)
        expected = text.startswith(("asyncio: ", "Error occurred in Python: asyncio: "))
        if not expected or "Error: " in text:
            raise AssertionError(f"{command}: {text}") from None
        return True


def main() -> None:
    choose = random.Random(9)
    program = Program()
    memory, words = program.memory, words_of(program)
    outer = program.find("outer").id
    count = 0
    for _ in range(CHANGES):
        address = choose.choice(words)
        before = memory.read(address, 8)
        value = nonsense(choose, int.from_bytes(before, "little"), words)
        memory.inferior.write_memory(address, value.to_bytes(8, "little"))
        commands = ("asyncio ps", "asyncio pstree", f"asyncio bt {outer:#x}", "asyncio bt wants",
                    "info locals")
        count += any([told(command) for command in commands])
        memory.inferior.write_memory(address, before)
    print(f"{CHANGES} changes, {count} of them told")


main()
