#pragma once

#include "loop.hpp"

#include <coroutine>

namespace limit {

/// A coroutine's place in a line; in the awaiter, so that waiting allocates nothing.
struct Place {
  std::coroutine_handle<> coroutine;
  Place* next = nullptr;
};

/// Those who wait, first come, first served.
class WaitLine {
 public:
  [[nodiscard]] bool empty() const { return first_ == nullptr; }

  void join(Place& place, std::coroutine_handle<> coroutine) {
    place.coroutine = coroutine;
    (empty() ? first_ : last_->next) = &place;
    last_ = &place;
  }

  /// If not empty().
  void resume_first() {
    loop.resume_soon(first_->coroutine);
    first_ = first_->next;
  }

  /// Nobody goes on, and nobody joins again, before this is over.
  void resume_all() {
    while (!empty()) resume_first();
  }

 private:
  Place* first_ = nullptr;
  Place* last_ = nullptr;
};

}  // namespace limit
