#pragma once

#include <cstddef>

namespace asyncio::detail {

/// Why an entry's function is called: to do its work; only to let go of what it holds, because its
/// turn will never come; or (for a WaitNode other than a task's) because it was queued just now, so
/// that it makes sure to live until its turn.
enum class ReadyAction : unsigned char { run, discard, queued };

using ReadyFn = void (*)(void* object, ReadyAction action);

struct ReadyEntry {
  ReadyFn fn;
  void* object;
};

/// The ring of what is ready. Whoever may become ready (a task, a timer, a callback) reserves its
/// slot when it is made, where std::bad_alloc can be reported; so that push() never grows the ring
/// and waking never fails.
class ReadyQueue {
 public:
  ReadyQueue() = default;
  ReadyQueue(const ReadyQueue&) = delete;
  ReadyQueue& operator=(const ReadyQueue&) = delete;
  ~ReadyQueue();

  void reserve() {
    if (reserved_ >= capacity_) grow(reserved_ + 1);
    ++reserved_;
  }
  void reserve(std::size_t slots) {
    if (reserved_ + slots > capacity_) grow(reserved_ + slots);
    reserved_ += slots;
  }
  /// For something whose `discard` gives the slot back and which pushes nothing: cannot fail.
  void reserve_to_discard() noexcept { ++reserved_; }
  void unreserve(std::size_t slots = 1) noexcept { reserved_ -= slots; }

  void push(ReadyFn fn, void* object) noexcept {
    entries_[tail_++ & (capacity_ - 1)] = ReadyEntry{fn, object};
  }
  [[nodiscard]] ReadyEntry pop() noexcept { return entries_[head_++ & (capacity_ - 1)]; }
  /// The entry that `n` more pops come to.
  [[nodiscard]] ReadyEntry& at(std::size_t n) noexcept {
    return entries_[(head_ + n) & (capacity_ - 1)];
  }
  [[nodiscard]] std::size_t size() const noexcept { return tail_ - head_; }
  [[nodiscard]] bool empty() const noexcept { return tail_ == head_; }

 private:
  void grow(std::size_t needed);

  ReadyEntry* entries_ = nullptr;
  std::size_t capacity_ = 0;  // a power of two, or 0
  std::size_t reserved_ = 0;  // never below size(), nor above capacity_ but while discarding
  std::size_t head_ = 0;
  std::size_t tail_ = 0;
};

}  // namespace asyncio::detail
