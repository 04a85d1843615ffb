#pragma once

#include "loop/backend.hpp"
#include "loop/repeated_call.hpp"

#include <map>
#include <utility>

namespace asyncio::detail {

/// The callbacks of add_reader() and add_writer(), by descriptor and direction.
class Watchers {
 public:
  explicit Watchers(Scheduler& scheduler) noexcept : scheduler_(scheduler) {}
  Watchers(const Watchers&) = delete;
  Watchers& operator=(const Watchers&) = delete;

  /// Takes over the caller's reference. Replaces and cancels the one that was there.
  void add(Backend& backend, int fd, bool writing, HandleState* handle);
  bool remove(Backend& backend, int fd, bool writing) noexcept;
  void clear(Backend& backend) noexcept;
  /// For either direction.
  [[nodiscard]] bool has(int fd) const noexcept {
    return watches_.contains({fd, false}) || watches_.contains({fd, true});
  }

 private:
  struct Watch;
  using Key = std::pair<int, bool>;

  /// Returns: the one that was in its place. Throws: then nothing has changed.
  Watch* install(Backend& backend, Key key, Watch& watch);
  void drop(Backend& backend, Watch* watch) noexcept;

  Scheduler& scheduler_;
  std::map<Key, Watch*> watches_;
};

}  // namespace asyncio::detail
