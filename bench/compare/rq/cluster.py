"""Tasks on RQ's workers, as bench/cluster.py asks for them.

A worker is a SimpleWorker, which runs the function in its own process: Worker forks for every one.
It waits for tasks; as a burst it would run them as fast. A client sends all by enqueue_many(), in
one pipeline, and asks for the results of many at once, in another.
"""
import argparse
import json
import os
import statistics
import sys
import time

from redis import Redis
from rq import Queue, SimpleWorker
from rq.results import Result

POLL = 0.005  # seconds, while many are waited for
AT_ONCE = 100


def following(number: int) -> int:
    return number + 1


NAME = "cluster.following"  # as the worker imports it


def results(redis: Redis, ids: list[str], poll: float) -> list[int]:
    """Waits for them. Result.fetch_latest() asks for one at a time."""
    found = {}
    while missing := [name for name in ids if name not in found][:AT_ONCE]:
        with redis.pipeline(transaction=False) as pipeline:
            for name in missing:
                pipeline.xrevrange(Result.get_key(name), count=1)
            answers = pipeline.execute()
        for name, answer in zip(missing, answers, strict=True):
            if answer:
                entry, fields = answer[0]
                found[name] = Result.restore(name, entry.decode(), fields, redis).return_value
        if not all(answers):
            time.sleep(poll)
    return [found[name] for name in ids]


def run(redis: Redis, numbers: range, poll: float) -> None:
    queue = Queue(connection=redis)
    jobs = queue.enqueue_many([Queue.prepare_data(NAME, (i,)) for i in numbers])
    found = results(redis, [job.id for job in jobs], poll)
    assert found == [i + 1 for i in numbers], "wrong results"


def throughput(redis: Redis, count: int) -> dict:
    run(redis, range(1), POLL)
    began = time.monotonic()
    run(redis, range(count), POLL)
    return {"tasks": count, "seconds": time.monotonic() - began}


def latency(redis: Redis, count: int) -> dict:
    took = []
    for i in range(count + count // 10):
        began = time.monotonic_ns()
        run(redis, range(i, i + 1), 0)
        took.append(time.monotonic_ns() - began)
    return {"tasks": count, "nanoseconds": statistics.median(took[-count:])}


class ReadyWorker(SimpleWorker):
    def bootstrap(self, *arguments) -> None:
        super().bootstrap(*arguments)
        print("ready", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--redis")
    parser.add_argument("mode", choices=("worker", "throughput", "latency"))
    parser.add_argument("count", type=int, nargs="?")
    arguments = parser.parse_args()
    redis = Redis.from_url(arguments.redis)
    if arguments.mode == "worker":
        sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
        ReadyWorker([Queue(connection=redis)], connection=redis).work(logging_level="ERROR")
        return
    print(json.dumps({"throughput": throughput, "latency": latency}[arguments.mode](
        redis, arguments.count)))


if __name__ == "__main__":
    main()
