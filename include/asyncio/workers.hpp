#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/detail/unique_function.hpp>
#include <asyncio/run.hpp>

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

namespace asyncio {

namespace detail {

/// A worker's main, on its thread.
using WorkerMain = UniqueFunction<Coro<>(std::size_t)>;

template <class F>
WorkerMain worker_main(F fn) {
  if constexpr (std::invocable<F&, std::size_t>) {
    return WorkerMain(std::move(fn));
  } else {
    return WorkerMain([fn = std::move(fn)](std::size_t) mutable { return fn(); });
  }
}

int run_worker_mains(std::vector<WorkerMain> mains, const RunOptions& options);

}  // namespace detail

/// Runs `async_main` in `n` loops, each on a thread of its own; the first one is the caller's. When
/// one ends, whatever way, or SIGINT or SIGTERM comes, the others are cancelled; it returns when
/// all have ended. Servers share a port by ServerOptions::reuse_port.
///
///     asyncio::run_workers(2, [](std::size_t) -> asyncio::Coro<> { co_await serve(); });
///
/// Python: a process for each core, which multiprocessing starts
/// `async_main`: a callable of the worker's number, from 0, or of nothing, that returns Coro<>.
/// Each thread has a copy. Returns: 0; 130 after ^C, 143 after SIGTERM, both only on the main
/// thread. Throws: the first error; std::invalid_argument for n == 0; std::system_error if a thread
/// cannot be made. RuntimeError if a loop runs on this thread.
template <class F>
int run_workers(std::size_t n, const F& async_main, const RunOptions& options = {}) {
  std::vector<detail::WorkerMain> mains;
  for (std::size_t i = 0; i < n; ++i) mains.push_back(detail::worker_main(F(async_main)));
  return detail::run_worker_mains(std::move(mains), options);
}

}  // namespace asyncio
