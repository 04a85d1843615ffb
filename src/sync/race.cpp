#include <asyncio/race.hpp>

#include <asyncio/traceback.hpp>

#include "base/log.hpp"
#include "base/traceback.hpp"

#include <fmt/format.h>

namespace asyncio::detail {

RaceCore::RaceCore(std::size_t runners) {
  if (runners == 0) {
    throw_invalid_argument("race(): nobody runs: give it at least one awaitable");
  }
  errors_.reserve(runners);
}

void RaceCore::lose(Failure failure) {
  if (is_cancelled_error(failure.error) || is_keyboard_interrupt(failure.error)) raise(failure);
  if (!won_) {
    errors_.push_back(std::move(failure));
    return;
  }
  count_report(&ReportCounts::lost_errors);
  log(LogLevel::warning, fmt::format("race(): an awaitable failed when another one had won\n{}",
                                     format_failure(failure)));
}

void RaceCore::throw_lost() {
  if (errors_.empty()) throw CancelledError();
  raise(Failure(make_group("race(): no awaitable gave a value", Members(std::move(errors_)))));
}

}  // namespace asyncio::detail
