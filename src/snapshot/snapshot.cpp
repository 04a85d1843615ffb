#include "snapshot/snapshot.hpp"

#include "snapshot/find_layout.hpp"

#include <algorithm>
#include <ctime>

namespace asyncio::snapshot {
namespace {

std::int64_t monotonic_now() noexcept {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

void Program::find_libraries() {
  const bool known = !libraries_.empty() &&
                     std::all_of(libraries_.begin(), libraries_.end(), [this](const auto& reader) {
                       return is_there(*memory_, reader->library());
                     });
  if (known) return;
  libraries_.clear();
  for (const Library& library : find_layout(*memory_)) {
    libraries_.push_back(std::make_unique<LoopReader>(*memory_, library));
  }
}

ProcessView Program::take_snapshot() {
  find_libraries();
  ProcessView view;
  view.pid = memory_->pid();
  view.at = monotonic_now();
  for (const auto& reader : libraries_) reader->read(view.loops);
  return view;
}

ProcessView take_snapshot(std::int64_t pid) { return Program::of_process(pid).take_snapshot(); }

}  // namespace asyncio::snapshot
