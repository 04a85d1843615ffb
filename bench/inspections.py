#!/usr/bin/env python3
"""What it costs to look into a program from outside.

Usage: inspections.py [--rounds N] [--seconds S] [--only ps|churn] COMMAND INSPECTED BUILD_DIR

COMMAND is the asyncio command, INSPECTED what inspect/target.cpp builds. The results are in
BUILD_DIR/bench/inspections.json.

ps of 1,000,000 tasks: how long it takes, wall clock and CPU time, its output thrown away.
churn: a program that creates and ends tasks as fast as it can, read ten times a second in every
other interval of a second. Compared are the tasks per second of its CPU time in an interval and in
its neighbour; the ratio is the median over all pairs, with a bootstrap interval of 95 %. The program
is held on one CPU and the readers on the others.
"""
import argparse
import bisect
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import threading
import time

TASKS = 1_000_000
AT_MOST = 2.0  # seconds
AT_LEAST = 0.99
READS_PER_SECOND = 10


def hold_on(cpus):
    return lambda: os.sched_setaffinity(0, cpus)


def ps_of_a_million(command, inspected, rounds):
    target = subprocess.Popen([inspected, "many", str(TASKS)], stdout=subprocess.PIPE, text=True)
    try:
        assert target.stdout.readline() == "ready\n"
        wall, cpu = [], []
        for _ in range(rounds):
            before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
            subprocess.run([command, "ps", str(target.pid)], stdout=subprocess.DEVNULL, check=True)
            wall.append(time.monotonic() - began)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    finally:
        target.kill()
        target.wait()
    return {"tasks": TASKS, "rounds": rounds, "seconds": statistics.median(wall),
            "least seconds": min(wall), "cpu seconds": statistics.median(cpu),
            "least cpu seconds": min(cpu), "bar": AT_MOST, "met": statistics.median(wall) < AT_MOST}


def read_for_a_second(command, pid, cpus):
    """Returns: how often."""
    end, reads = time.monotonic() + 1, 0
    while True:
        due = end - 1 + reads / READS_PER_SECOND
        if due >= end:
            return reads
        time.sleep(max(0.0, due - time.monotonic()))
        if time.monotonic() >= end:
            return reads
        subprocess.run([command, "ps", str(pid)], stdout=subprocess.DEVNULL, check=True,
                       preexec_fn=hold_on(cpus))
        reads += 1


def throughput(samples, begin, end):
    """Tasks per second of CPU time between two moments."""
    times = [at for at, _, _ in samples]
    first = samples[bisect.bisect_left(times, begin)]
    last = samples[bisect.bisect_right(times, end) - 1]
    return (last[2] - first[2]) / ((last[1] - first[1]) / 1e9)


def interval_of(ratios):
    chosen = random.Random(1)
    medians = sorted(statistics.median(chosen.choices(ratios, k=len(ratios))) for _ in range(2000))
    return medians[50], medians[-51]


def churn(command, inspected, seconds):
    cpus = sorted(os.sched_getaffinity(0))
    others = cpus[1:] or cpus
    target = subprocess.Popen([inspected, "churn"], stdout=subprocess.PIPE, text=True,
                              preexec_fn=hold_on(cpus[:1]))
    samples = []

    def collect():
        for line in target.stdout:
            samples.append(tuple(int(word) for word in line.split()))

    collector = threading.Thread(target=collect)
    collector.start()
    intervals, reads = [], 0
    try:
        time.sleep(1)
        for pair in range(seconds // 2):
            # Which of the two comes first changes, so that a trend falls on both.
            for read in (True, False) if pair % 2 else (False, True):
                begin = time.monotonic_ns()
                if read:
                    reads += read_for_a_second(command, target.pid, others)
                else:
                    time.sleep(1)
                intervals.append((read, begin, time.monotonic_ns()))
        time.sleep(0.2)
    finally:
        target.kill()
        target.wait()
        collector.join()
    ratios = []
    for one, other in zip(intervals[::2], intervals[1::2]):
        rates = {read: throughput(samples, begin, end) for read, begin, end in (one, other)}
        ratios.append(rates[True] / rates[False])
    low, high = interval_of(ratios)
    return {"pairs": len(ratios), "reads per second": reads / len(ratios),
            "tasks per second": statistics.median(
                throughput(samples, begin, end) for read, begin, end in intervals if not read),
            "ratio": statistics.median(ratios), "low": low, "high": high, "bar": AT_LEAST,
            "met": high >= AT_LEAST}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--only", choices=["ps", "churn"])
    parser.add_argument("command")
    parser.add_argument("inspected")
    parser.add_argument("build")
    wanted = parser.parse_args()
    results = {}
    if wanted.only != "churn":
        results["ps"] = ps_of_a_million(wanted.command, wanted.inspected, wanted.rounds)
    if wanted.only != "ps":
        results["churn"] = churn(wanted.command, wanted.inspected, wanted.seconds)
    folder = os.path.join(wanted.build, "bench")
    os.makedirs(folder, exist_ok=True)
    name = "inspections.json" if wanted.only is None else "inspections-part.json"
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)
    json.dump(results, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
