"""asyncio for C++ in gdb 13 and newer: pretty printers, and

  asyncio ps         the tasks and who awaits them
  asyncio pstree     the same as a tree
  asyncio bt TASK    where a task is suspended

on live processes and core files, also of stripped programs: the commands find what they need
through the library's ELF note, as the asyncio command does (src/base/layout.hpp). The library has
this file in its section .debug_gdb_scripts, where gdb finds it; `source asyncio_gdb.py` does the
same. docs/gdb.md shows it.

What is read may be nonsense, when the program has destroyed it: every length and chain is bounded,
and what is wrong is said in one line.
"""
import functools
import re
import struct

import gdb
import gdb.printing
import gdb.types

LAYOUT_VERSION = 1
# The members of asyncio::detail::Layout, in their order; * is a pointer.
LAYOUT_FIELDS = """
size
loop.size loop.next_open loop.number loop.name loop.running loop.asleep loop.kernel_thread
loop.thread loop.backend loop.chunks loop.live_tasks loop.ready_entries loop.ready_capacity
loop.ready_head loop.ready_tail loop.timer_entries loop.timers_cancelled loop.timers_unused
loop.iterations
thread.loop thread.task
backend.watched
chunk_size
task.size task.loop task.kind task.phase task.flags task.number_high task.number_low task.kind_task
task.kind_composite task.flag_started task.flag_ended task.top task.waiting task.extra task.order
task.callbacks task.parts
extra.name
promise.size promise.owner promise.function promise.location
link.size link.child link.parent
waiter.ops waiter.ops_size waiter.what waiter.route waiter.route_size waiter.parts_size
waiter.group_size
*group
place.size place.file place.function place.line
string.data string.size
vector.begin vector.end
""".split()

MOST_LOOPS = 10_000
MOST_CHUNKS = 65_536
MOST_FRAMES = 1000  # of one task
MOST_READY = 1 << 24
MOST_FUTURES = 10_000_000  # that one task waits for
MOST_CALLBACKS = 1000  # of one task
MOST_LINES = 100_000  # of a tree
MOST_CHARACTERS = 100_000_000  # of a tree
MOST_TO_FIND_OWNER = 100_000  # tasks, for the printer of a lock
MOST_TEXT = 1024  # bytes of a name that are read
MOST_SHOWN = 200  # bytes of a name or a path
MOST_TROUBLES = 10  # that are told one by one
MOST_LISTED = 20  # tasks of one name


class Trouble(Exception):
    """What cannot be read, in one line."""


# --- texts ----------------------------------------------------------------------------------------

TREACHEROUS = ((0x00, 0x1f), (0x7f, 0x9f), (0xad, 0xad), (0x61c, 0x61c), (0x180e, 0x180e),
               (0x200b, 0x200f), (0x2028, 0x202e), (0x2060, 0x206f), (0xfeff, 0xfeff),
               (0xfff9, 0xfffb), (0xe0000, 0xe007f))


def escaped(char: str) -> str:
    """As src/base/printable.cpp does."""
    code = ord(char)
    if 0xdc80 <= code <= 0xdcff:  # a byte that is no UTF-8
        return f"\\x{code - 0xdc00:02x}"
    if not any(first <= code <= last for first, last in TREACHEROUS):
        return char
    if char in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[char]
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xffff else f"\\U{code:08x}"


def printable(text: bytes, most: int = MOST_SHOWN) -> str:
    """One line that controls no terminal, of at most so many bytes."""
    if text.isascii() and text.decode().isprintable() and len(text) <= most:
        return text.decode()  # as nearly all are
    out, size, fits_with_mark = [], 0, (0, 0)
    for char in text.decode("utf-8", "surrogateescape"):
        piece = escaped(char)
        length = len(piece.encode())
        if size + length > most:
            return "".join(out[:fits_with_mark[0]]) + "..."
        out.append(piece)
        size += length
        if size + 3 <= most:
            fits_with_mark = (len(out), size)
    return "".join(out)


def plain_lambdas(pretty: str) -> str:
    out, at = "", 0
    clang = "(anonymous class)::operator()"
    while at < len(pretty):
        if pretty.startswith(clang, at):
            out = out.removesuffix("::") + ".<lambda>"
            at += len(clang)
        elif pretty.startswith("<lambda(", at):  # g++: f()::<lambda(int)>
            out = out.removesuffix("::") + ".<lambda>"
            depth = 0
            while True:
                depth += (pretty[at] in "<(") - (pretty[at] in ">)")
                at += 1
                if at >= len(pretty) or depth <= 0:
                    break
            if pretty.startswith("::operator()", at):
                at += len("::operator()")
        else:
            out += pretty[at]
            at += 1
    return out


@functools.lru_cache(4096)
def function_name(pretty: str) -> str:
    """The name in a compiler's spelling of a function, as src/base/text.cpp finds it."""
    text = plain_lambdas(pretty)
    for noise in ("(anonymous namespace)::", "{anonymous}::", "<unnamed>::"):
        text = text.replace(noise, "")
    text = text.split(" [with ")[0]
    if text.endswith("]") and " [" in text:
        text = text[:text.rindex(" [")]
    flat, depth, at = "", 0, 0
    while at < len(text):
        char = text[at]
        whole = next((w for w in ("<lambda>", "operator()") if text.startswith(w, at)), "")
        if depth == 0 and whole:
            flat += whole
            at += len(whole)
            continue
        at += 1
        if char in "(<":
            depth += 1
        elif char in ")>":
            depth -= 1
            if char == ")" and depth == 0 and not text.startswith(("::", "."), at):
                break
        elif depth == 0:
            flat += char
    return flat.rsplit(" ", 1)[-1].lstrip("&*") or pretty


# --- memory ---------------------------------------------------------------------------------------

class Memory:
    """The stopped program's, or a core file's."""

    def __init__(self):
        self.inferior = gdb.selected_inferior()
        if self.inferior.pid == 0:
            raise Trouble("no process and no core file: run the program, attach to it, or start "
                          "gdb with a core file")
        thread = gdb.selected_thread()
        if thread is not None and thread.is_running():
            raise Trouble("the program is running: stop it first, by ^C or `interrupt`")

    def read(self, address: int, size: int) -> bytes:
        try:
            return self.inferior.read_memory(address, size).tobytes()
        except (gdb.error, OverflowError, ValueError, TypeError):
            raise Trouble(f"cannot read {size} bytes at {address:#x}") from None

    def unpack(self, form: str, address: int) -> tuple:
        return struct.unpack(form, self.read(address, struct.calcsize(form)))

    def word(self, address: int) -> int:
        return self.unpack("<Q", address)[0]

    def words(self, address: int, count: int) -> tuple:
        return self.unpack(f"<{count}Q", address)

    def text(self, address: int, most: int = 4 * MOST_TEXT) -> bytes:
        """Up to its zero, or to the end of what can be read."""
        out = b""
        while len(out) < most:
            here = address + len(out)
            try:
                piece = self.read(here, min(256 - here % 256, most - len(out)))
            except Trouble:
                if not out:
                    raise
                break
            out += piece.split(b"\0")[0]
            if b"\0" in piece:
                break
        return out


# --- the note -------------------------------------------------------------------------------------

PT_LOAD, PT_DYNAMIC, PT_NOTE = 1, 2, 4
DT_DEBUG = 21


def auxiliary(kind: int) -> int:
    """An entry of the auxiliary vector: what the kernel has told the program at its start."""
    try:
        text = gdb.execute("info auxv", to_string=True)
    except gdb.error:
        text = ""
    found = re.search(rf"^{kind}\s+AT_.*\s(0x[0-9a-f]+|\d+)$", text, re.MULTILINE)
    return int(found[1], 0) if found else 0


class Image:
    """A file that is loaded, by what is in memory."""

    def __init__(self, memory: Memory, header: int, name: str):
        self.memory, self.name = memory, name
        magic, table, size, count = memory.unpack("<4s28xQ14xHH", header)
        if magic != b"\x7fELF" or size != 56 or count > 1000:
            raise Trouble(f"no ELF header at {header:#x}")
        self.segments = [memory.unpack("<IIQQQQQQ", header + table + n * size)
                         for n in range(count)]
        loads = [s for s in self.segments if s[0] == PT_LOAD and s[2] == 0]
        self.bias = header - loads[0][3] if loads else 0

    def parts(self, kind: int):
        """Of the segments of a kind: address, size and alignment."""
        return [(self.bias + s[3], s[5], s[7]) for s in self.segments if s[0] == kind]

    def notes(self):
        """Owner, type and the address of the description of each."""
        for start, size, alignment in self.parts(PT_NOTE):
            at, end = start, start + min(size, 1 << 16)
            step = 8 if alignment == 8 else 4
            while at + 12 <= end:
                name_size, text_size, kind = self.memory.unpack("<III", at)
                owner = self.memory.read(at + 12, min(name_size, 64)).rstrip(b"\0")
                text = at + (12 + name_size + step - 1) // step * step
                yield owner, kind, text
                at = text + (text_size + step - 1) // step * step


def images(memory: Memory):
    """The program and its libraries, which the dynamic linker has in a list."""
    headers = auxiliary(3)  # AT_PHDR
    if headers == 0:
        raise Trouble("gdb does not know where the program's headers are (`info auxv`)")
    program = Image(memory, headers - 64, "the program")
    yield program
    for start, size, _ in program.parts(PT_DYNAMIC):
        entries = memory.words(start, min(size // 16, 1000) * 2)
        dynamic = dict(zip(entries[::2], entries[1::2]))
        link = dynamic.get(DT_DEBUG, 0) and memory.word(dynamic[DT_DEBUG] + 8)
        for _ in range(10_000):
            if link == 0:
                break
            bias, name, _, link = memory.words(link, 4)
            file = memory.text(name)
            if bias == 0 or not file:
                continue  # the program itself; the kernel's own
            try:
                yield Image(memory, bias, printable(file))
            except Trouble:
                continue


class Layout:
    """Where the members of the library's objects are; layout["task.top"]."""

    def __init__(self, memory: Memory, image: Image, note: int):
        version, _, layout, loops = memory.unpack("<IIqq", note)
        if version != LAYOUT_VERSION:
            raise Trouble(f"{image.name} has asyncio with layout {version}, this script reads "
                          f"{LAYOUT_VERSION}: source the asyncio_gdb.py of that version")
        self.file, self.note = image.name, note
        self.first_loop = note + 16 + loops
        table = note + 8 + layout
        form = "@" + "".join("Q" if name[0] == "*" else "I" for name in LAYOUT_FIELDS) + "0Q"
        (size,) = memory.unpack("<I", table)
        values = memory.unpack(form, table) if size == struct.calcsize(form) else ()
        self.at = dict(zip((name.lstrip("*") for name in LAYOUT_FIELDS), values))
        sizes = tuple(self.at.get(f"waiter.{name}_size") for name in ("route", "parts", "group"))
        if sizes != (struct.calcsize(Route.FORM), 24, 32):
            raise Trouble(f"{image.name}: its table of asyncio's layout, of {size} bytes, is not "
                          "that of this script: source the asyncio_gdb.py of that version")

    def __getitem__(self, name: str) -> int:
        return self.at[name]


known_layouts = {}  # by inferior and process: printers ask often


def forget_layouts(_=None) -> None:
    known_layouts.clear()


def find_layouts(memory: Memory) -> list:
    key = (memory.inferior.num, memory.inferior.pid)
    if key not in known_layouts:
        known_layouts[key] = read_layouts(memory)
    return known_layouts[key]


def read_layouts(memory: Memory) -> list:
    found = [Layout(memory, image, text) for image in images(memory)
             for owner, kind, text in image.notes() if owner == b"asyncio" and kind == 1]
    if not found:
        raise Trouble("no asyncio library in this program, or it is not loaded yet")
    return found


# --- loops and tasks ------------------------------------------------------------------------------

class Frame:
    """A suspended coroutine."""

    def __init__(self, function: str, file: bytes, line: int, begun: bool):
        self.function, self.line, self.begun = function, line, begun
        self.path = printable(file)
        self.file = printable(file.rsplit(b"/", 1)[-1])

    def text(self, path: str) -> str:
        return f"{self.function} {path}:{self.line}" if path else self.function


class Program:
    """What is read in the course of one command."""

    def __init__(self):
        self.memory = Memory()
        self.layouts = find_layouts(self.memory)
        self.places = {}
        self.names = {}

    def name(self, address: int) -> str:
        """A text of the library's or the compiler's, of which there are few."""
        if address not in self.names:
            self.names[address] = printable(self.memory.text(address))
        return self.names[address]

    def string(self, layout: Layout, address: int) -> bytes:
        data = self.memory.word(address + layout["string.data"])
        size = self.memory.word(address + layout["string.size"])
        if size >= 1 << 40:
            raise Trouble(f"a text of {size} bytes at {address:#x}")
        return self.memory.read(data, min(size, MOST_TEXT)) if size else b""

    def frame(self, layout: Layout, function: int, location: int) -> Frame:
        """By what a std::source_location points to; no location: it has not begun."""
        key = (function, location)
        if key not in self.places:
            at = location or function
            name = self.memory.text(self.memory.word(function + layout["place.function"]))
            file = self.memory.text(self.memory.word(at + layout["place.file"]))
            (line,) = self.memory.unpack("<I", at + layout["place.line"])
            pretty = name.decode("utf-8", "surrogateescape")
            function_text = function_name(pretty).encode("utf-8", "surrogateescape")
            self.places[key] = Frame(printable(function_text), file, line, location != 0)
        return self.places[key]

    @functools.cached_property
    def loops(self) -> list:
        found, seen = [], set()
        for layout in self.layouts:
            at = self.memory.word(layout.first_loop)
            while at != 0:
                if at in seen or len(seen) > MOST_LOOPS:
                    raise Trouble(f"the list of loops is broken: {at:#x} comes again")
                seen.add(at)
                found.append(Loop(self, layout, at))
                at = self.memory.word(at + layout["loop.next_open"])
        return found

    @functools.cached_property
    def tasks(self) -> list:
        return [task for loop in self.loops for task in loop.tasks]

    @functools.cached_property
    def troubles(self) -> list:
        self.tasks
        return [trouble for loop in self.loops for trouble in loop.troubles]

    def find(self, text: str):
        """The task of that name, 0x id or variable."""
        is_id = re.fullmatch(r"0x[0-9a-fA-F]+", text)
        found = [task for task in self.tasks
                 if text in (task.name, task.raw_name.decode("utf-8", "replace")) or
                 (is_id and task.id == int(text, 16))]
        shown = printable(text.encode())
        if not found and not is_id:
            address = task_of_expression(text)
            found = [task for task in self.tasks if task.id == address]
            if address and not found and State(self, self.layouts[0], address).done:
                raise Trouble(f"'{shown}' is done: no coroutine of it is left; `print` it")
        if len(found) == 1:
            return found[0]
        if not found:
            raise Trouble(f"no task or variable '{shown}' among {len(self.tasks)} tasks; "
                          "`asyncio ps` lists names and ids")
        listed = [f"  {task.id:#x}  {task.name}{task.where()}" for task in found[:MOST_LISTED]]
        if len(found) > MOST_LISTED:
            listed.append(f"  ... and {len(found) - MOST_LISTED} more")
        listed.insert(0, f"{len(found)} tasks are '{shown}'; name one by its id:")
        raise Trouble("\n".join(listed))


class Loop:
    """An event loop that is not destroyed."""

    def __init__(self, program: Program, layout: Layout, address: int):
        memory = program.memory
        self.program, self.layout, self.id = program, layout, address
        self.troubles = []
        self.number = memory.word(address + layout["loop.number"])
        self.name = printable(program.string(layout, address + layout["loop.name"]))
        (self.tid,) = memory.unpack("<i", address + layout["loop.kernel_thread"])
        self.live_tasks = memory.word(address + layout["loop.live_tasks"])
        self.running_task = 0
        (running,) = memory.unpack("<?", address + layout["loop.running"])
        thread = memory.word(address + layout["loop.thread"])
        if running and thread:
            try:
                if memory.word(thread + layout["thread.loop"]) == address:
                    self.running_task = memory.word(thread + layout["thread.task"])
            except Trouble:
                pass  # of a core file without the thread's variables

    def _entries(self):
        memory, layout = self.program.memory, self.layout
        vector = self.id + layout["loop.chunks"]
        begin = memory.word(vector + layout["vector.begin"])
        end = memory.word(vector + layout["vector.end"])
        if begin > end or (end - begin) % 8 or (end - begin) // 8 > MOST_CHUNKS:
            raise Trouble(f"loop {self.number}: the list of its tasks is broken "
                          f"({begin:#x} to {end:#x})")
        for chunk in memory.words(begin, (end - begin) // 8):
            try:
                yield from memory.words(chunk, layout["chunk_size"])
            except Trouble as trouble:
                self.troubles.append(f"loop {self.number}: a part of its tasks: {trouble}")

    @functools.cached_property
    def tasks(self) -> list:
        """In order of creation, without those that cannot be read."""
        found = []
        try:
            for entry in self._entries():
                if entry & 1:
                    continue
                try:
                    task = Task(self.program, self.layout, entry, self)
                    if not task.done:
                        found.append(task)
                except Trouble as trouble:
                    self.troubles.append(f"a task of loop {self.number}: {trouble}")
        except Trouble as trouble:
            self.troubles.append(str(trouble))
        first = found[0].order if found else 0
        # By difference: the counter may wrap, but not within the tasks of one moment.
        found.sort(key=lambda task: ((task.order - first + 0x8000_0000) & 0xffff_ffff, task.id))
        return found

    @functools.cached_property
    def ready(self) -> set:
        """The addresses of the tasks whose turn comes."""
        memory, layout = self.program.memory, self.layout
        entries, capacity, head, tail = (memory.word(self.id + layout[f"loop.ready_{name}"])
                                         for name in ("entries", "capacity", "head", "tail"))
        size = (tail - head) & 0xffff_ffff_ffff_ffff
        if capacity & (capacity - 1) or size > capacity or size > MOST_READY:
            self.troubles.append(f"loop {self.number}: its ready queue has {size} entries in "
                                 f"{capacity} places")
            return set()
        first = head & (capacity - 1)
        before_end = min(size, capacity - first)
        try:
            found = memory.words(entries + 8 * first, before_end)
            found += memory.words(entries, size - before_end)
        except Trouble as trouble:
            self.troubles.append(f"loop {self.number}: its ready queue: {trouble}")
            return set()
        return {entry - 1 for entry in found if entry & 1}

    @functools.cached_property
    def task_by_order(self) -> dict:
        return {task.order: task for task in self.tasks}


class Object:
    """A copy of one, with its members by their names in the layout."""

    def __init__(self, memory: Memory, layout: Layout, address: int, size: int):
        self.bytes, self.layout = memory.read(address, size), layout

    def get(self, name: str, form: str = "<Q") -> int:
        return struct.unpack_from(form, self.bytes, self.layout[name])[0]


class State:
    """A future or a task."""

    def __init__(self, program: Program, layout: Layout, address: int):
        self.program, self.layout, self.id = program, layout, address
        # The first members are those of both; a future may end where a task goes on.
        self.object = Object(program.memory, layout, address, layout["task.phase"] + 1)
        self.loop_id = self.object.get("task.loop")
        self.kind = self.object.get("task.kind", "<B")
        self.phase = self.object.get("task.phase", "<B")
        if self.kind > 2 or self.phase > 2:
            raise Trouble(f"{address:#x} is no future: it was destroyed or written over")

    @property
    def done(self) -> bool:
        return self.phase != 0

    @property
    def is_task(self) -> bool:
        return self.kind == self.layout["task.kind_task"]


class Task(State):
    """A task, of which little is read at first."""

    def __init__(self, program: Program, layout: Layout, address: int, loop: Loop = None):
        if address == 0 or address % 8:
            raise Trouble(f"{address:#x} is no task")
        super().__init__(program, layout, address)
        if not self.is_task or (loop is not None and self.loop_id != loop.id):
            raise Trouble(f"{address:#x} is no task: it was destroyed or written over")
        self.loop = loop  # none of a loop that is closed
        self.object = Object(program.memory, layout, address, layout["task.size"])
        self.order = self.object.get("task.order", "<I")
        self.flags = self.object.get("task.flags", "<B")
        self.running = loop is not None and loop.running_task == address
        self.top = self.object.get("task.top")
        self.waiting = self.object.get("task.waiting")
        self.raw_name = self._name()
        self.name = printable(self.raw_name)

    def _name(self) -> bytes:
        high = self.object.get("task.number_high", "<B") >> 1
        number = high << 32 | self.object.get("task.number_low", "<I")
        extra = self.object.get("task.extra")
        if number or not extra:
            return b"Task-%d" % number
        return self.program.string(self.layout, extra + self.layout["extra.name"])

    def title(self) -> str:
        return f"Task '{self.name}' id {self.id:#x}"

    def where(self) -> str:
        return f", at {self.frames[0].text(self.frames[0].path)}" if self.frames else ""

    @property
    def frames(self) -> list:
        """Innermost first."""
        return self._walked[0]

    @property
    def broken(self) -> str:
        """Why the frames end too early; empty: they do not."""
        return self._walked[1]

    @functools.cached_property
    def _walked(self):
        memory, layout = self.program.memory, self.layout
        ended = layout["task.flag_started"] | layout["task.flag_ended"]
        if self.done or self.flags & ended == ended:
            return [], ""
        frames, seen = [], set()
        try:
            promise = self.top
            while len(frames) < MOST_FRAMES:
                if promise in seen:
                    return frames, f"the chain of coroutines comes back to {promise:#x}"
                seen.add(promise)
                object_ = Object(memory, layout, promise, layout["promise.size"])
                owner, function, location = (object_.get(f"promise.{name}")
                                             for name in ("owner", "function", "location"))
                frames.append(self.program.frame(layout, function, location))
                if owner == 0:
                    return frames, ""
                child = memory.word(owner + layout["link.child"])
                if child != promise:
                    return frames, f"the chain of coroutines is broken at {owner:#x}"
                promise = memory.word(owner + layout["link.parent"])
        except Trouble as trouble:
            return frames, f"the chain of coroutines is broken: {trouble}"
        return frames, f"there are more than {MOST_FRAMES} frames"

    @property
    def waits(self) -> bool:
        return not (self.done or self.running or self.waiting == 0 or self.loop is None or
                    self.id in self.loop.ready)

    @functools.cached_property
    def what(self) -> str:
        """What it waits for, as "Lock.acquire()"; empty unless it waits."""
        if not self.waits:
            return ""
        ops = self.program.memory.word(self.waiting + self.layout["waiter.ops"])
        return self.program.name(self.program.memory.word(ops + self.layout["waiter.what"]))


# --- who waits for whom: include/asyncio/detail/wait_route.hpp ----------------------------------

class Test:
    """A MemberTest."""

    FORM = "iBBBI"

    def __init__(self, offset: int, size: int, in_holder: int, other: int, value: int):
        self.offset, self.size, self.in_holder = offset, size, bool(in_holder)
        self.other, self.value = bool(other), value

    def is_there(self) -> bool:
        return self.offset != -1

    def holds(self, memory: Memory, waiter: int, holder: int) -> bool:
        form = {1: "<B", 4: "<I", 8: "<Q"}.get(self.size)
        if form is None:
            raise Trouble(f"the wait at {waiter:#x} is broken")
        (found,) = memory.unpack(form, (holder if self.in_holder else waiter) + self.offset)
        return (found == self.value) != self.other


class Route:
    """A WaitRoute."""

    FUTURE, ARRAY, LIST, LINE = range(4)
    FORM = "@BBi" + 3 * Test.FORM + "iiiiiQ" + Test.FORM + "0Q"

    def __init__(self, memory: Memory, address: int):
        values = memory.unpack(Route.FORM, address)
        self.kind, _, self.place = values[:3]
        self.waits = Test(*values[3:8])
        self.first, self.last, self.step, self.next, self.future, self.owner = values[18:24]
        self.owned = Test(*values[24:29])
        if self.kind > Route.LINE:
            raise Trouble(f"no way to wait at {address:#x}")


class Waits:
    """What a task waits for, beyond its name."""

    def __init__(self, task: Task):
        self.task, self.memory = task, task.program.memory
        self.futures = []  # addresses of tasks and other futures that are not done
        self.primitive = 0
        self.owner = None  # the task that has the lock
        if not task.waits:
            return
        ops = self.memory.word(task.waiting + task.layout["waiter.ops"])
        address = self.memory.word(ops + task.layout["waiter.route"])
        if address == 0:
            return
        route = Route(self.memory, address)
        holder = self.memory.word(task.waiting + route.place)
        if holder == 0 or (route.waits.is_there() and
                           not route.waits.holds(self.memory, task.waiting, holder)):
            return
        if route.kind == Route.LINE:
            self._line(route, holder)
        else:
            self._expand(self._direct(route, holder))

    def _direct(self, route: Route, holder: int):
        if route.kind == Route.FUTURE:
            yield holder
        elif route.kind == Route.ARRAY:
            first = self.memory.word(holder + route.first)
            last = self.memory.word(holder + route.last)
            yield from self._elements(first, (last - first) // max(route.step, 1), route.step,
                                      route.future)
        else:
            element, seen = self.memory.word(holder + route.first), set()
            while element != 0:
                if element in seen or len(seen) > MOST_FUTURES:
                    raise Trouble(f"the list of what it waits for comes back to {element:#x}")
                seen.add(element)
                yield self.memory.word(element + route.future)
                element = self.memory.word(element + route.next)

    def _elements(self, first: int, count: int, step: int, future: int):
        if count < 0 or count > MOST_FUTURES or step < 8 or step > 4096 or future > step - 8:
            raise Trouble(f"the list of what it waits for at {first:#x} is broken")
        for start in range(0, count, 512):
            some = min(512, count - start)
            block = self.memory.read(first + start * step, some * step)
            for n in range(some):
                yield struct.unpack_from("<Q", block, n * step + future)[0]

    def _expand(self, futures):
        """Composites stand for their parts."""
        seen, stack = set(), [futures]
        while stack:
            address = next(stack[-1], None)
            if address is None:
                stack.pop()
                continue
            if address == 0 or address in seen:
                continue
            seen.add(address)
            state = State(self.task.program, self.task.layout, address)
            if state.done:
                continue
            if state.kind != self.task.layout["task.kind_composite"]:
                self.futures.append(address)
                continue
            view = address + self.task.layout["task.parts"]
            first, count, step, future = self.memory.unpack("<QQII", view)
            if first != 0:
                stack.append(self._elements(first, count, step, future))

    def _line(self, route: Route, holder: int):
        self.primitive = holder
        if route.owner == 0:
            return
        if route.owned.is_there() and not route.owned.holds(self.memory, self.task.waiting, holder):
            return
        locked, owner = self.memory.unpack("<ii", route.owner)
        (is_locked,) = self.memory.unpack("<?", holder + locked)
        order = self.memory.word(holder + owner)
        if is_locked and order:
            self.owner = self.task.loop.task_by_order.get((order - 1) & 0xffff_ffff)


class Graph:
    """Who waits for whom, by awaiting or for a lock. What is broken is told and left out."""

    def __init__(self, program: Program):
        self.tasks = {task.id: task for task in program.tasks}
        self.awaits = {task.id: [] for task in program.tasks}
        self.waits, self.routes, self.troubles = {}, {}, []
        for task in program.tasks:
            try:
                self.waits[task.id] = waits = Waits(task)
                for awaited in waits.futures:
                    self.add(task.id, awaited)
            except Trouble as trouble:
                self.troubles.append(f"what '{task.name}' waits for: {trouble}")
            try:
                self.add_group(task)
            except Trouble as trouble:
                self.troubles.append(f"the group of '{task.name}': {trouble}")
        self.order = {task: n for n, task in enumerate(self.tasks)}
        for task, awaited in self.awaits.items():
            awaited.sort(key=self.order.get)
            owner = self.waits[task].owner if task in self.waits else None
            if owner:
                awaited.append(owner.id)
        self.awaiters = {}
        for task, awaited in self.awaits.items():
            for child in awaited:
                self.awaiters.setdefault(child, []).append(task)

    def cycles(self) -> list:
        """As CPython finds them, without recursion."""
        state, cycles = {}, []
        for start in self.awaits:
            if start in state:
                continue
            path, stack = [start], [iter(self.awaits[start])]
            state[start] = "open"
            while stack:
                child = next(stack[-1], None)
                if child is None:
                    state[path.pop()] = "closed"
                    stack.pop()
                elif child not in state:
                    state[child] = "open"
                    path.append(child)
                    stack.append(iter(self.awaits[child]))
                elif state[child] == "open":
                    cycles.append(path[path.index(child):] + [child])
        return cycles

    def cycle_text(self, cycle: list) -> str:
        return "cycle: " + " → ".join(self.tasks[task].name for task in cycle)

    def add(self, parent: int, child: int) -> None:
        if child in self.tasks and parent in self.tasks and child not in self.awaits[parent]:
            self.awaits[parent].append(child)

    def add_group(self, task: Task) -> None:
        """A child of a TaskGroup is awaited by the group's parent: see GroupRoute."""
        memory, layout = task.program.memory, task.layout
        if layout not in self.routes:
            self.routes[layout] = memory.unpack("<Qiiiii", layout["group"])
        done, callbacks, entry_at, function, group_at, parent_at = self.routes[layout]
        head = task.id + callbacks
        before, node = head, task.object.get("task.callbacks", "<8xQ")
        for _ in range(MOST_CALLBACKS):
            if node == head:
                return
            previous, following = memory.words(node, 2)
            if previous != before:
                raise Trouble(f"its list of callbacks is broken at {node:#x}")
            entry = memory.word(node + entry_at)
            if entry and entry % 2 == 0 and memory.word(node + function) == done:
                group = memory.word(node + group_at)
                if group:
                    self.add(memory.word(group + parent_at), task.id)
            before, node = node, following


# --- commands -------------------------------------------------------------------------------------

HEADINGS = (("tid", 10), ("task id", 20), ("task name", 20), ("coroutine stack", 50),
            ("awaiter chain", 50), ("awaiter name", 15), ("awaiter id", 15))


def table_line(cells) -> str:
    return " ".join(f"{cell:<{width}}" for cell, (_, width) in zip(cells, HEADINGS))


def chain(task: Task) -> str:
    return " -> ".join(frame.text(frame.file) for frame in task.frames)


def tell_troubles(troubles: list) -> None:
    for trouble in troubles[:MOST_TROUBLES]:
        gdb.write(f"asyncio: left out: {trouble}\n", gdb.STDERR)
    if len(troubles) > MOST_TROUBLES:
        gdb.write(f"asyncio: left out: {len(troubles) - MOST_TROUBLES} more\n", gdb.STDERR)


def all_troubles(program: Program, graph: Graph) -> list:
    broken = [f"frames of '{task.name}': {task.broken}" for task in program.tasks if task.broken]
    return program.troubles + graph.troubles + broken


def show_table(program: Program) -> None:
    graph = Graph(program)
    if program.tasks:
        print(table_line([heading for heading, _ in HEADINGS]))
        print("-" * 180)
    for task in program.tasks:
        cells = [str(task.loop.tid), f"{task.id:#x}", task.name, chain(task)]
        for id_ in graph.awaiters.get(task.id, []):
            awaiter = graph.tasks[id_]
            print(table_line(cells + [chain(awaiter), awaiter.name, f"{awaiter.id:#x}"]))
        if task.id not in graph.awaiters:
            print(table_line(cells + ["", "", "0x0"]))
    tell_troubles(all_troubles(program, graph))


class Node:
    """A line of the tree: a task, or a frame of one."""

    def __init__(self, text: str):
        self.text, self.children = text, []

    def lines(self):
        stack = [(self, "", True)]
        while stack:
            node, prefix, last = stack.pop()
            yield prefix + ("└── " if last else "├── ") + node.text
            prefix += "    " if last else "│   "
            for n, child in reversed(list(enumerate(node.children, 1))):
                stack.append((child, prefix, n == len(node.children)))


def show_tree(program: Program) -> None:
    graph = Graph(program)
    cycles = graph.cycles()
    if cycles:
        told = "".join(graph.cycle_text(cycle) + "\n" for cycle in cycles[:MOST_LINES])
        error = "ERROR: await-graph contains cycles - cannot print a tree!\n\n"
        gdb.write(error + told, gdb.STDERR)
        return
    nodes = {task.id: Node(f"(T) {task.name}") for task in program.tasks}
    for task in program.tasks:
        place = nodes[task.id]
        for frame in reversed(task.frames):
            place.children.append(Node(" " + frame.text(frame.path)))
            place = place.children[-1]
        place.children += [nodes[child] for child in graph.awaits[task.id]]
    lines = characters = 0
    for task in program.tasks:
        if task.id in graph.awaiters:
            continue
        for line in nodes[task.id].lines():
            lines += 1
            characters += len(line)
            if lines > MOST_LINES or characters > MOST_CHARACTERS:
                raise Trouble(f"cut off after {lines} lines; `asyncio ps` shows each task once")
            print(line)
    tell_troubles(all_troubles(program, graph))


def show_stack(program: Program, text: str) -> None:
    task = program.find(text)
    graph = Graph(program)
    print(f"{task.title()} of {task.loop.name}, thread {task.loop.tid}")
    print(f"  {state_of(task, graph.waits.get(task.id))}")
    for n, frame in enumerate(task.frames):
        print(f"  #{n:<3} {frame.text(frame.path)}")
    for what, others in (("awaits", graph.waits[task.id].futures if task.id in graph.waits else []),
                         ("awaited by", graph.awaiters.get(task.id, []))):
        for other in sorted((id_ for id_ in others if id_ in graph.tasks), key=graph.order.get):
            print(f"  {what} {graph.tasks[other].title()}{graph.tasks[other].where()}")
    for cycle in graph.cycles():
        if task.id in cycle:
            print(f"  deadlock, {graph.cycle_text(cycle)}")
    tell_troubles([task.broken] if task.broken else [])


def state_of(task: Task, waits: Waits) -> str:
    if task.running:
        return "runs"
    if not task.waits:
        return "is ready, and waits for its turn"
    text = f"waits for {task.what or '?'}"
    if waits and waits.primitive:
        text += f" of {waits.primitive:#x}"
    if waits and waits.owner:
        text += f", which task '{waits.owner.name}' {waits.owner.id:#x} has"
    return text


def task_of_expression(text: str) -> int:
    """The address of the task that a variable stands for; 0: none."""
    try:
        with gdb.with_parameter("may-call-functions", False):
            value = gdb.parse_and_eval(text)
        if value.type.strip_typedefs().code in (gdb.TYPE_CODE_REF, gdb.TYPE_CODE_RVALUE_REF):
            value = value.referenced_value()
        if value.type.strip_typedefs().code in (gdb.TYPE_CODE_PTR, gdb.TYPE_CODE_INT):
            return int(value)
        return int(value["state_"]["p_"])
    except (gdb.error, RuntimeError, ValueError):
        return 0


class Command(gdb.Command):
    """Says what is wrong in one line, never by a traceback."""

    def __init__(self, name: str, show, category=gdb.COMMAND_STACK):
        self.show = show
        self.__doc__ = show.__doc__
        super().__init__(name, category)

    def invoke(self, text: str, from_tty: bool) -> None:
        try:
            self.show(text.strip())
        except Trouble as trouble:
            raise gdb.GdbError(f"asyncio: {trouble}") from None
        except KeyboardInterrupt:
            raise gdb.GdbError("Quit") from None
        except Exception as error:  # of a kind that nobody has thought of
            raise gdb.GdbError(f"asyncio: {type(error).__name__}: {error}") from None


def refuse_words(command: str, text: str) -> None:
    if text:
        raise Trouble(f"`{command}` takes no argument; it was given '{printable(text.encode())}'")


def ps(text: str) -> None:
    """List the tasks of asyncio and who awaits each of them: asyncio ps"""
    refuse_words("asyncio ps", text)
    show_table(Program())


def pstree(text: str) -> None:
    """Show the tasks of asyncio as a tree, those that nobody awaits at its roots: asyncio pstree"""
    refuse_words("asyncio pstree", text)
    show_tree(Program())


def bt(text: str) -> None:
    """Show where a task of asyncio is suspended, innermost coroutine first: asyncio bt TASK
TASK is a name, an id (0x...) or a variable."""
    if not text:
        raise Trouble("which task? give `asyncio bt` a name, an id (0x...) or a variable; "
                      "`asyncio ps` lists them")
    show_stack(Program(), text)


class Prefix(gdb.Command):
    """The tasks of asyncio: asyncio ps, asyncio pstree, asyncio bt TASK."""

    def __init__(self):
        super().__init__("asyncio", gdb.COMMAND_STACK, gdb.COMPLETE_NONE, True)


# --- pretty printers ------------------------------------------------------------------------------

def repr_state(program: Program, address: int) -> str:
    """As FutureState::repr()."""
    layout = program.layouts[0]
    state = State(program, layout, address)
    phase = ("pending", "cancelled", "finished")[state.phase]
    if not state.is_task:
        return f"<Future {phase}>"
    loop = next((loop for loop in program.loops if loop.id == state.loop_id), None)
    if loop is None and not state.done:
        raise Trouble(f"{address:#x} is no task of an open loop: it was destroyed or written over")
    task = Task(program, layout, address, loop)
    text = f"<Task {phase} name='{task.name}'"
    if task.frames:
        text += f" coro=<{frame_text(task.frames[-1])}>"
    elif task.done:
        defined = program.frame(layout, task.top, 0)
        text += f" coro=<{defined.function}() done, defined at "
        text += f"{defined.file}:{defined.line}>"
    if task.running:
        text += " running"
    elif task.what:
        text += f" wait_for=<{awaited_text(task) or task.what}>"
    return text + ">"


def frame_text(frame: Frame) -> str:
    how = "running" if frame.begun else "defined"
    return f"{frame.function}() {how} at {frame.file}:{frame.line}"


def awaited_text(task: Task) -> str:
    """Of a task that it awaits directly."""
    futures = Waits(task).futures
    if len(futures) != 1 or not State(task.program, task.layout, futures[0]).is_task:
        return ""
    return f"Task pending name='{Task(task.program, task.layout, futures[0]).name}'"


def result_type(value: gdb.Value) -> gdb.Type:
    """The T of a Task<T> or Future<T>; None: it has none, or that is not known."""
    try:
        argument = value.type.strip_typedefs().template_argument(0)
        return None if argument.strip_typedefs().code == gdb.TYPE_CODE_VOID else argument
    except (gdb.error, RuntimeError, KeyError):
        return None


def typed_state(value: gdb.Value, kind: int) -> gdb.Value:
    """The state with the type that the program's debug information has for it; None: none."""
    result = result_type(value)
    template = ("FutureStateOf", "TaskStateOf", "CompositeStateOf")[kind]
    name = f"asyncio::detail::{template}<{result or 'void'}>"
    try:
        state = gdb.lookup_type(name)
        state.fields()
        return value["state_"]["p_"].cast(state.pointer()).dereference()
    except (gdb.error, TypeError):
        return None


# libstdc++'s: what is thrown stands behind this much, which begins with its type.
EXCEPTION_HEADER = 112
# The classes of the standard library with a text, of which all others derive.
TEXTS = ("std::runtime_error", "std::logic_error")


def type_text(memory: Memory, info: int) -> str:
    """The name of a class, by its std::type_info."""
    mangled = memory.text(memory.word(info + 8)).decode("ascii", "replace").lstrip("*")
    if not re.fullmatch(r"[A-Za-z0-9_.$]+", mangled):
        raise Trouble(f"no type at {info:#x}")
    text = gdb.execute(f"demangle -- _ZTI{mangled}", to_string=True).strip()
    return text.removeprefix("typeinfo for ")


def bases(memory: Memory, info: int):
    """The type_info of a class, and of those that it derives from first of all."""
    for _ in range(20):
        yield info
        kind = gdb.execute(f"info symbol {memory.word(info):#x}", to_string=True)
        if "__si_class_type_info" not in kind:
            return
        info = memory.word(info + 16)


def exception_text(memory: Memory, address: int) -> str:
    """As "std::runtime_error: what it says"."""
    info = memory.word(address - EXCEPTION_HEADER)
    text = type_text(memory, info)
    for base in bases(memory, info):
        if type_text(memory, base) in TEXTS:
            return f"{text}: {printable(memory.text(memory.word(address + 8)))}"
    return text


class Printer:
    """Of one value. What cannot be read is said in the place of the value."""

    name = ""

    def __init__(self, value: gdb.Value):
        self.value = value

    def to_string(self) -> str:
        try:
            return self.text()
        except (Trouble, gdb.error, RuntimeError, ValueError, OverflowError) as error:
            return f"<{self.name}, not to be read: {error}>"

    def text(self) -> str:
        raise NotImplementedError


class CoroPrinter(Printer):
    name = "Coro"

    def text(self) -> str:
        promise = int(self.value["promise_"])
        if promise == 0:
            return "<coroutine object, consumed>"
        program = Program()
        layout = program.layouts[0]
        function, location = (program.memory.word(promise + layout[f"promise.{name}"])
                              for name in ("function", "location"))
        frame = program.frame(layout, function, location)
        return f"<coroutine object {frame_text(frame)}, {promise:#x}>"


class FuturePrinter(Printer):
    name = "Future"

    def text(self) -> str:
        address = int(self.value["state_"]["p_"])
        if address == 0:
            return f"<{self.name}, moved from>"
        program = Program()
        text = repr_state(program, address)
        failure = self._failure(address)
        if failure:
            text = f"{text[:-1]} exception={exception_text(program.memory, failure)}>"
        return text

    def _state(self, address: int):
        """With its type, once it has ended and that is known."""
        program = Program()
        state = State(program, program.layouts[0], address)
        return typed_state(self.value, state.kind) if state.phase == 2 else None

    def _failure(self, address: int) -> int:
        typed = self._state(address)
        if typed is None or bool(typed["has_value_"]):
            return 0
        return int(typed["failure_"]["error"]["_M_exception_object"])

    def children(self):
        try:
            address = int(self.value["state_"]["p_"])
            typed = self._state(address) if address and result_type(self.value) else None
            if typed is not None and bool(typed["has_value_"]):
                yield "result", typed["slot"]["value"]
        except (Trouble, gdb.error, RuntimeError):
            return


class TaskPrinter(FuturePrinter):
    name = "Task"


def waiters(line: gdb.Value) -> str:
    """", waiters:N" of a WaitLine; empty if there are none."""
    size = int(line["size_"])
    return f", waiters:{size}" if size else ""


class LockPrinter(Printer):
    name = "Lock"

    def text(self) -> str:
        line = self.value["waiters_"]
        if not bool(self.value["locked_"]):
            return f"<Lock [unlocked{waiters(line)}]>"
        return f"<Lock [locked{waiters(line)}]{self._owner(int(line['loop_']))}>"

    def _owner(self, number: int) -> str:
        try:
            loops = Program().loops
        except Trouble:
            return ""
        # A lock that nobody has waited for does not know its loop.
        own = [loop for loop in loops if loop.number == number] or loops
        if len(own) != 1 or own[0].live_tasks > MOST_TO_FIND_OWNER:
            return ""
        order = (int(self.value["owner_"]) - 1) & 0xffff_ffff
        task = own[0].task_by_order.get(order)
        return f" owner='{task.name}'" if task else " of a task that has ended"


class GuardPrinter(Printer):
    name = "Guard"

    def text(self) -> str:
        if not bool(self.value["linked"]):
            return "<Guard, released>"
        return f"<Guard of {int(self.value['primitive_']):#x}>"


class EventPrinter(Printer):
    name = "Event"

    def text(self) -> str:
        state = "set" if bool(self.value["set_"]) else "unset"
        return f"<Event [{state}{waiters(self.value['waiters_'])}]>"


def fields_of(type_: gdb.Type):
    """Also those of its bases."""
    for field in type_.strip_typedefs().fields():
        yield field
        if field.is_base_class:
            yield from fields_of(field.type)


class SemaphorePrinter(Printer):
    name = "Semaphore"

    def text(self) -> str:
        name = self.value.type.strip_typedefs().unqualified().name.rsplit("::", 1)[-1]
        if not any(field.name == "waiters_" for field in fields_of(self.value.type)):
            # g++ leaves it to the library's debug information; clang's is an <incomplete type>.
            return f"<{name}, not described: compile with -femit-class-debug-always>"
        line, value = self.value["waiters_"], int(self.value["value_"])
        locked = value == 0 or int(line["size_"]) != int(line["cancelled_"])
        state = "locked" if locked else f"unlocked, value:{value}"
        return f"<{name} [{state}{waiters(line)}]>"


def ring_items(ring: gdb.Value):
    """Of a detail::Ring, as children."""
    size, capacity, first = (int(ring[name]) for name in ("size_", "capacity_", "first_"))
    if size > capacity or (capacity and (capacity & (capacity - 1) or first >= capacity)):
        raise Trouble(f"{size} items in a ring of {capacity} from {first} on")
    for n in range(size):
        yield f"[{n}]", (ring["items_"] + ((first + n) & (capacity - 1))).dereference()


def listed(items):
    """The children of a printer, up to the first that cannot be read."""
    try:
        yield from items
    except (Trouble, gdb.error, RuntimeError) as error:
        yield "[...]", f"not to be read: {error}"


class ItemsPrinter(Printer):
    def children(self):
        return listed(self.items())

    def display_hint(self) -> str:
        return "array"


class QueuePrinter(ItemsPrinter):
    name = "Queue"

    def text(self) -> str:
        core = self.value["core_"]
        name = self.value.type.strip_typedefs().unqualified().name.split("<")[0].rsplit("::", 1)[-1]
        text = f"<{name} maxsize={int(core['maxsize_'])}"
        for mark, number in (("_queue", core["size_"]), ("_getters", core["getters_"]["size_"]),
                             ("_putters", core["putters_"]["size_"])):
            if int(number):
                text += f" {mark}[{int(number)}]"
        if int(core["unfinished_"]):
            text += f" tasks={int(core['unfinished_'])}"
        return text + (" shutdown>" if bool(core["shut_down_"]) else ">")

    def items(self):
        items = self.value["items_"]
        if gdb.types.has_field(items.type, "items_"):
            yield from ring_items(items["items_"])
            return
        heap = items["heap_"]["_M_impl"]
        first, last = heap["_M_start"], heap["_M_finish"]
        for n in range(int(last - first)):
            yield f"[{n}]", (first + n)["item"]


class ChannelPrinter(ItemsPrinter):
    name = "Channel"

    def text(self) -> str:
        core, size = self.value["core_"], int(self.value["items_"]["size_"])
        if not gdb.types.has_field(core.type, "capacity_"):  # clang's short debug information
            return f"<Channel {size} items>"
        text = f"<Channel {int(core['size_'])}/{int(core['capacity_'])}"
        for side in ("senders", "takers"):
            number = int(core[f"{side}_"]["line"]["size_"])
            text += f" {side}:{number}" if number else ""
        return text + (" closed>" if bool(core["closed_"]) else ">")

    def items(self):
        return ring_items(self.value["items_"])


class TaskGroupPrinter(Printer):
    name = "TaskGroup"

    def text(self) -> str:
        text, running = "<TaskGroup", int(self.value["running_"])
        errors = self.value["errors_"]["_M_impl"]
        failed = int(errors["_M_finish"] - errors["_M_start"])
        text += f" tasks={running}" if running else ""
        text += f" errors={failed}" if failed else ""
        if bool(self.value["aborting_"]):
            text += " cancelling"
        elif bool(self.value["entered_"]):
            text += " entered"
        return text + ">"


class DurationPrinter(Printer):
    name = "Duration"

    def text(self) -> str:
        return duration_text(int(self.value["nanoseconds_"]))


class TimePointPrinter(Printer):
    name = "TimePoint"

    def text(self) -> str:
        return "at " + duration_text(int(self.value["since_epoch_"]["nanoseconds_"]))


def duration_text(nanoseconds: int) -> str:
    """All of it, in the largest unit of which it is at least one."""
    if nanoseconds == (1 << 63) - 1:
        return "max()"
    for unit, name in ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us")):
        if abs(nanoseconds) >= unit:
            sign = "-" if nanoseconds < 0 else ""
            whole, rest = divmod(abs(nanoseconds), unit)
            fraction = f".{rest:0{len(str(unit)) - 1}}".rstrip("0") if rest else ""
            return f"{sign}{whole}{fraction}{name}"
    return f"{nanoseconds}ns"


PRINTERS = (("Coro<.*>", CoroPrinter), ("Task<.*>|AnyTask", TaskPrinter),
            ("Future<.*>|FutureBase", FuturePrinter), ("Lock", LockPrinter),
            ("Guard<.*>", GuardPrinter), ("(Lifo|Priority|)Queue<.*>", QueuePrinter),
            ("Event", EventPrinter), ("(Bounded|)Semaphore", SemaphorePrinter),
            ("Channel<.*>", ChannelPrinter), ("TaskGroup", TaskGroupPrinter),
            ("Duration", DurationPrinter), ("TimePoint", TimePointPrinter))


def register() -> None:
    collection = gdb.printing.RegexpCollectionPrettyPrinter("asyncio")
    for pattern, printer in PRINTERS:
        collection.add_printer(printer.name, f"^asyncio::({pattern})$", printer)
    gdb.printing.register_pretty_printer(gdb.current_objfile(), collection, replace=True)
    Prefix()
    for command in (ps, pstree, bt):
        Command(f"asyncio {command.__name__}", command)
    for event in (gdb.events.new_objfile, gdb.events.clear_objfiles, gdb.events.exited):
        event.connect(forget_layouts)


register()
