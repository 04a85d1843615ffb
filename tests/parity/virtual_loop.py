"""CPython's event loop on a virtual clock, and sets that keep their order.

The clock counts whole nanoseconds, so that no rounding can differ. It jumps to the next timer when
nothing is ready; when there is none, nothing can ever happen: Deadlock.
"""

import asyncio
import asyncio.runners
import asyncio.tasks
from asyncio import base_events, events


class Deadlock(BaseException):
    """Out of the loop, past every `except Exception`."""


class VirtualLoop(base_events.BaseEventLoop):
    def __init__(self):
        super().__init__()
        self._clock_resolution = 1
        self._selector = self
        self._asyncgens = OrderedSet()
        self.now = 0
        self.tasks = []  # every one, in the order of creation; also keeps them alive

    def time(self):
        return self.now

    def select(self, timeout):
        if timeout is None:
            raise Deadlock
        if timeout > 0:
            self.now = self._scheduled[0]._when
        return ()

    def _process_events(self, event_list):
        pass

    def _write_to_self(self):
        pass

    def create_task(self, coro, **options):
        place = self._new_place()
        self.tasks[place] = super().create_task(coro, **options)
        return self.tasks[place]

    def create_eager_task(self, coro, name):
        place = self._new_place()  # before those that its first step creates
        self.tasks[place] = asyncio.Task(coro, loop=self, name=name, eager_start=True)
        return self.tasks[place]

    def _new_place(self):
        self.tasks.append(None)
        return len(self.tasks) - 1

    def pending_tasks(self):
        return [task for task in self.tasks if task is not None and not task.done()]


class OrderedSet(dict):
    """A set that is iterated in the order of insertion, which is also asyncio's wherever the order
    is not that of addresses. `mattered` tells whether one with several members was iterated."""

    mattered = False

    def __init__(self, items=()):
        super().__init__((item, None) for item in items)

    def __iter__(self):
        if len(self) > 1:
            OrderedSet.mattered = True
        return super().__iter__()

    def add(self, item):
        self[item] = None

    def discard(self, item):
        self.pop(item, None)

    def remove(self, item):
        del self[item]


def _as_completed_init(self, aws, timeout):
    # As in CPython 3.13, but for the two sets.
    self._done = asyncio.Queue()
    self._timeout_handle = None
    loop = events.get_event_loop()
    todo = OrderedSet(asyncio.ensure_future(aw, loop=loop) for aw in OrderedSet(aws))
    for f in todo:
        f.add_done_callback(self._handle_completion)
    if todo and timeout is not None:
        self._timeout_handle = loop.call_later(timeout, self._handle_timeout)
    self._todo = todo
    self._todo_left = len(todo)


def _all_tasks(loop=None):
    return OrderedSet((loop or asyncio.get_running_loop()).pending_tasks())


_group_init = asyncio.TaskGroup.__init__


def _ordered_group_init(self):
    _group_init(self)
    self._tasks = OrderedSet()


def patch():
    """Gives asyncio ordered sets where it has sets ordered by address."""
    asyncio.tasks.set = OrderedSet  # of wait()
    asyncio.tasks._AsCompletedIterator.__init__ = _as_completed_init
    asyncio.tasks.all_tasks = _all_tasks  # of Runner.close()
    asyncio.TaskGroup.__init__ = _ordered_group_init


_originals = (asyncio.tasks._AsCompletedIterator.__init__, asyncio.tasks.all_tasks)


def unpatch():
    """CPython as it is: the control that what we compare with is no other asyncio."""
    vars(asyncio.tasks).pop("set", None)
    asyncio.tasks._AsCompletedIterator.__init__, asyncio.tasks.all_tasks = _originals
    asyncio.TaskGroup.__init__ = _group_init
