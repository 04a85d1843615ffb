"""Random numbers that are the same on every version of Python."""

_MASK = (1 << 64) - 1


class Random:
    """splitmix64."""

    def __init__(self, seed):
        self._state = seed & _MASK

    def bits(self):
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        z = self._state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def below(self, n):
        return self.bits() % n

    def between(self, low, high):
        return low + self.bits() % (high - low + 1)

    def chance(self, percent):
        return self.bits() % 100 < percent

    def pick(self, items):
        return items[self.bits() % len(items)]

    def some(self, items, count):
        """`count` of them, in any order, none twice."""
        items = list(items)
        self.shuffle(items)
        return items[:count]

    def shuffle(self, items):
        for i in range(len(items) - 1, 0, -1):
            j = self.bits() % (i + 1)
            items[i], items[j] = items[j], items[i]
