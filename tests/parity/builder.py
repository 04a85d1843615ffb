"""What a random program is made of, and the names that its statements may use."""

from prng import Random
from program import node

_SLOTS = 3  # of each kind of thing that has no declaration


class Scope:
    """Where statements are generated."""

    def __init__(self, body, depth=0, groups=(), timeouts=(), callbacks=()):
        self.body = body  # number of the task body; 0 for `run`, None for what runs anywhere
        self.callbacks = callbacks  # those that may be scheduled
        self.depth = depth
        self.groups = groups
        self.timeouts = timeouts

    def inner(self, group=None, timeout=None):
        return Scope(self.body, self.depth + 1, self.groups + ((group,) if group else ()),
                     self.timeouts + ((timeout,) if timeout else ()), self.callbacks)


class Builder:
    """One program in the making."""

    def __init__(self, seed):
        self.r = Random(seed)
        self.numbers = 0
        self.tasks = self.r.between(2, 7)
        self.unused = list(range(1, self.tasks + 1))
        # A joint future is made of tasks with at least this number, and awaited by lower bodies.
        self.floors = {f"j{i}": self.r.between(1, self.tasks + 1) for i in range(_SLOTS)}
        self.objects = {kind: [] for kind in "lefcsbqda"}
        self.declarations = []
        self._declare()

    def number(self):
        self.numbers += 1
        return self.numbers

    def delay(self):
        return self.r.between(1, 10**12)

    def limit(self):
        choice = self.r.below(10)
        if choice == 0:
            return "none"
        if choice == 1:
            return 0
        return -self.delay() if choice == 2 else self.delay()

    def object(self, kind):
        return self.pick(self.objects[kind])

    def _declare(self):
        make = {
            "l": lambda name: f"lock {name}",
            "e": lambda name: f"event {name}",
            "f": lambda name: f"future {name}",
            "s": lambda name: self.r.pick([f"semaphore {name} {self.r.below(3)}",
                                           f"bounded {name} {self.r.between(1, 2)}"]),
            "b": lambda name: f"barrier {name} {self.r.between(1, 3)}",
            "q": lambda name: f"queue {name} {self.r.pick(['fifo', 'lifo', 'priority'])} "
                              f"{self.r.below(3)}",
            "c": lambda name: f"condition {name}" + (
                " l0" if self.objects["l"] and self.r.chance(50) else ""),
        }
        for kind, text in make.items():
            least = 1 if kind == "f" else 0
            for i in range(self.r.between(least, 2)):
                self.declarations.append(node(text(f"{kind}{i}")))
                self.objects[kind].append(f"{kind}{i}")
        self.objects["d"] = [f"d{i}" for i in range(self.r.below(3))]
        self.objects["a"] = [f"a{i}" for i in range(self.r.below(2))]

    # --- what statements refer to ---

    def new_coroutine(self, scope):
        """The name of a body that nobody else runs, above the one where it is used."""
        least = 0 if scope.body is None else scope.body
        fitting = [n for n in self.unused if n > least]
        if not fitting:
            return None
        number = fitting[0] if self.r.chance(70) else self.r.pick(fitting)
        self.unused.remove(number)
        return f"p{number}"

    def any_future(self):
        choice = self.r.below(10)
        if choice < 6:
            return f"t{self.r.between(1, self.tasks)}"
        if choice < 9:
            return self.object("f")
        return f"j{self.r.below(_SLOTS)}"

    def awaitable(self, scope, new=True):
        """The name of something that a statement there may wait for."""
        choice = self.r.below(10)
        if new and choice < 3:
            return self.new_coroutine(scope) or self.object("f")
        if choice < 7 and scope.body is not None and scope.body < self.tasks:
            return f"t{self.r.between(scope.body + 1, self.tasks)}"
        if choice == 7 and scope.body is not None:
            joints = [name for name, floor in self.floors.items() if scope.body < floor]
            return self.pick(joints) or self.object("f")
        return self.object("f")

    def awaitables(self, scope, most, new):
        """Several, as gather() and its like take: coroutines together with others only in pairs."""
        items = [self.awaitable(scope, new) for _ in range(self.r.between(1, most))]
        coroutines = [name for name in items if name[0] == "p"]
        if coroutines and len(coroutines) < len(items) and len(items) != 2:
            return coroutines
        return items

    def floor(self, items):
        """The lowest number of a task that these wait for."""
        floors = [self.floors[name] if name[0] == "j" else int(name[1:])
                  for name in items if name[0] in "tpj"]
        return min(floors, default=self.tasks + 1)

    def new_joint(self, items):
        floor = self.floor(items)
        return self.pick([name for name, least in self.floors.items() if least <= floor])

    def pick(self, items):
        """One of them; None if there are none."""
        return self.r.pick(items) if items else None
