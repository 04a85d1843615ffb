#pragma once

#include <asyncio/as_result.hpp>
#include <asyncio/wait_for.hpp>

#include "cluster_actions.hpp"

#include <stdexcept>
#include <string>
#include <utility>

namespace asyncio::command {

/// The broker has not answered in time. What it waits for it has said itself, as a warning.
class Unanswered : public std::runtime_error {
 public:
  explicit Unanswered(const ClusterOptions& options);
};

/// What a call of the broker gives, which tries for ever by itself.
///
/// Throws: Unanswered.
template <class T>
[[nodiscard]] Coro<T> answered(Coro<T> call, const ClusterOptions& options) {
  const auto limit = Duration::nanoseconds(static_cast<std::int64_t>(options.timeout * 1e9));
  auto answer = co_await as_result(wait_for(std::move(call), limit));
  if (!answer && detail::holds<TimeoutError>(answer.error())) throw Unanswered(options);
  co_return std::move(answer).value();
}

}  // namespace asyncio::command
