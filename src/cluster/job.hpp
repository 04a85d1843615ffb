#pragma once

#include <asyncio/cluster_broker.hpp>
#include <asyncio/cluster_task.hpp>
#include <asyncio/cluster_worker.hpp>
#include <asyncio/context.hpp>
#include <asyncio/event_loop.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace asyncio::cluster::detail {

class Execution;

/// A task that runs. A function on a thread is left to finish when its execution is cancelled, so
/// it shares what it needs.
///
/// Threads: the loop's, but for what is atomic, and the call, which is its thread's while it runs.
struct Job {
  Job(const Message& message, const void* target, EventLoop& on_loop, Execution* by)
      : id(message.id),
        queue(message.queue),
        arguments(message.arguments),
        call(target, arguments),
        current{id, queue, message.attempt, message.redelivered},
        loop(on_loop),
        execution(by) {}
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  const std::string id;
  const std::string queue;
  const std::string arguments;
  RunningCall call;
  const CurrentJob current;
  EventLoop& loop;       // run() waits for its threads
  Execution* execution;  // null: it has ended
  // Atomic:
  std::int64_t done = 0;
  std::int64_t total = 0;
  bool reported = false;  // and the loop's thread has not taken it yet
};

using JobRef = std::shared_ptr<Job>;

/// The one that whoever asks belongs to.
extern ContextVar<JobRef> running_job;

}  // namespace asyncio::cluster::detail
