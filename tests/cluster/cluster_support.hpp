#pragma once

#include <asyncio/as_result.hpp>
#include <asyncio/cluster.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "support/errors.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace cluster_tests {

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::cluster::Broker;
using asyncio::cluster::Cluster;
using asyncio::cluster::ClusterOptions;
using asyncio::cluster::MemoryBroker;
using asyncio::cluster::QueueStatus;
using asyncio::cluster::SubmitOptions;
using asyncio::cluster::Worker;
using asyncio::cluster::WorkerOptions;

/// A broker, a client and a worker, in one loop.
class Site {
 public:
  explicit Site(const WorkerOptions& worker = {}, const ClusterOptions& options = {})
      : cluster(broker, options),
        worker_(broker, worker),
        working_(asyncio::create_task(worker_.run())) {}

  /// Every test ends with it.
  Coro<> close() {
    co_await cluster.close();
    worker_.stop();
    co_await working_;
    co_await broker.close();
  }
  [[nodiscard]] Worker& worker() noexcept { return worker_; }
  [[nodiscard]] Coro<QueueStatus> status() { return broker.status("default"); }

  MemoryBroker broker;
  Cluster cluster;

 private:
  Worker worker_;
  asyncio::Task<> working_;
};

/// Its type and text.
template <class T>
Coro<std::string> error_of(Coro<T> awaited) {
  const auto result = co_await asyncio::as_result(std::move(awaited));
  co_return result ? "nothing" : asyncio::detail::describe(result.error());
}

}  // namespace cluster_tests
