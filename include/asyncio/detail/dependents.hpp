#pragma once

namespace asyncio::detail {

/// What refers to a primitive and may outlive it; a neighbour of others in its Dependents.
struct Dependent {
  Dependent* previous = nullptr;
  Dependent* next = nullptr;
  bool linked = false;  ///< false also once the primitive is gone

  void unlink() noexcept {
    if (!linked) return;
    linked = false;
    previous->next = next;
    next->previous = previous;
  }
};

/// In a primitive: what learns of its death.
class Dependents {
 public:
  Dependents() noexcept { head_.previous = head_.next = &head_; }
  Dependents(const Dependents&) = delete;
  Dependents& operator=(const Dependents&) = delete;
  ~Dependents() {
    for (Dependent* at = head_.next; at != &head_; at = at->next) at->linked = false;
  }
  void add(Dependent& dependent) noexcept {
    dependent.previous = head_.previous;
    dependent.next = &head_;
    head_.previous->next = &dependent;
    head_.previous = &dependent;
    dependent.linked = true;
  }

 private:
  Dependent head_;
};

}  // namespace asyncio::detail
