"""Tasks on Celery's workers, as bench/cluster.py asks for them.

Broker and results are in Redis. A worker has one process (prefork) and acknowledges late, since
ours are delivered at least once; without gossip, mingling, heartbeat, events, rate limits. More
than 64 tasks ahead make it no faster. A client that sends much has one producer and asks for many
results at once (MGET): subscribing to the result of each, as Celery does by itself, is slower.
"""
import argparse
import json
import os
import statistics
import time

from celery import Celery, signals
from celery.backends.base import BaseKeyValueStoreBackend
from celery.result import AsyncResult

app = Celery("cluster")
app.conf.update(task_acks_late=True, worker_prefetch_multiplier=64,
                worker_disable_rate_limits=True, worker_send_task_events=False,
                task_ignore_result=False, worker_redirect_stdouts=False)
WORKER = ("--quiet", "worker", "--pool=prefork", "--concurrency=1", "--without-gossip",
          "--without-mingle", "--without-heartbeat", "--loglevel=ERROR",
          f"--hostname=worker-{os.getpid()}@%h")
POLL = 0.005  # seconds


@app.task(name="next")
def following(number: int) -> int:
    return number + 1


@signals.worker_ready.connect
def say_ready(**_) -> None:
    print("ready", flush=True)


def send(count: int) -> list[AsyncResult]:
    with app.producer_or_acquire() as producer:
        return [following.apply_async((i,), producer=producer) for i in range(count)]


def check(found: list[int]) -> None:
    assert found == list(range(1, len(found) + 1)), "wrong results"


def throughput(count: int) -> dict:
    app.backend.on_task_call = lambda *_: None  # which would subscribe
    check([following.delay(0).get(timeout=30)])
    began = time.monotonic()
    ids = [sent.id for sent in send(count)]
    found = dict(BaseKeyValueStoreBackend.get_many(app.backend, ids, interval=POLL))
    check([found[name]["result"] for name in ids])
    return {"tasks": count, "seconds": time.monotonic() - began}


def latency(count: int) -> dict:
    took = []
    for i in range(count + count // 10):
        began = time.monotonic_ns()
        assert following.delay(i).get() == i + 1, "wrong result"
        took.append(time.monotonic_ns() - began)
    return {"tasks": count, "nanoseconds": statistics.median(took[-count:])}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--redis")
    parser.add_argument("mode", choices=("worker", "throughput", "latency"))
    parser.add_argument("count", type=int, nargs="?")
    arguments = parser.parse_args()
    app.conf.update(broker_url=arguments.redis, result_backend=arguments.redis)
    if arguments.mode == "worker":
        app.worker_main(WORKER)
        return
    print(json.dumps({"throughput": throughput, "latency": latency}[arguments.mode](
        arguments.count)))


if __name__ == "__main__":
    main()
