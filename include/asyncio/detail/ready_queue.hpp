#pragma once

#include <cstddef>
#include <cstdint>

namespace asyncio::detail {

class TaskState;

/// Why a ReadyCall is called: to do its work; only to let go of what it holds, because its turn
/// will never come; or (from a WaitNode) because it was queued just now, so that it makes sure to
/// live until its turn.
enum class ReadyAction : unsigned char { run, discard, queued };

/// A base of what can become ready, other than a task. The function casts it to what it is.
struct ReadyCall {
  using Fn = void (*)(ReadyCall& self, ReadyAction action);
  Fn fn;
};

/// What becomes ready: a task, whose step runs, or a ReadyCall. One word, since a million tasks may
/// be ready at once.
class ReadyEntry {
 public:
  ReadyEntry() noexcept = default;
  ReadyEntry(ReadyCall& call) noexcept  // NOLINT(google-explicit-constructor): a call is an entry
      : bits_(reinterpret_cast<std::uintptr_t>(&call)) {}
  explicit ReadyEntry(TaskState* task) noexcept
      : bits_(reinterpret_cast<std::uintptr_t>(task) | task_bit) {}

  [[nodiscard]] bool is_task() const noexcept { return (bits_ & task_bit) != 0; }
  /// Null if it is no task.
  [[nodiscard]] TaskState* task() const noexcept {
    return is_task() ? reinterpret_cast<TaskState*>(bits_ - task_bit) : nullptr;
  }
  /// Only if it is no task.
  [[nodiscard]] ReadyCall& call() const noexcept { return *reinterpret_cast<ReadyCall*>(bits_); }
  [[nodiscard]] bool calls(ReadyCall::Fn fn) const noexcept {
    return !is_task() && call().fn == fn;
  }
  /// Its turn will never come. A task needs no telling: the registry holds it.
  void tell(ReadyAction action) const {
    if (!is_task()) call().fn(call(), action);
  }
  /// Its turn comes soon.
  void prefetch() const noexcept {
    const auto* object = reinterpret_cast<const char*>(bits_ & ~task_bit);
    constexpr std::size_t line = 64;
    __builtin_prefetch(object);
    __builtin_prefetch(object + line);
  }

 private:
  static constexpr std::uintptr_t task_bit = 1;  // both are aligned to a pointer
  std::uintptr_t bits_;  // no initial value: a million of them are made at once
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

  void push(ReadyEntry entry) noexcept { entries_[tail_++ & (capacity_ - 1)] = entry; }
  [[nodiscard]] ReadyEntry pop() noexcept { return entries_[head_++ & (capacity_ - 1)]; }
  /// The entry that `n` more pops come to.
  [[nodiscard]] ReadyEntry& at(std::size_t n) noexcept {
    return entries_[(head_ + n) & (capacity_ - 1)];
  }
  [[nodiscard]] std::size_t size() const noexcept { return tail_ - head_; }
  [[nodiscard]] bool empty() const noexcept { return tail_ == head_; }

 private:
  friend struct MemberOffsets;
  void grow(std::size_t needed);
  void move(std::size_t from, std::size_t to, std::size_t count) noexcept;

  ReadyEntry* entries_ = nullptr;
  std::size_t capacity_ = 0;  // a power of two, or 0
  std::size_t reserved_ = 0;  // never below size(), nor above capacity_ but while discarding
  std::size_t head_ = 0;      // of all that were ever pushed, as tail_: it counts the loop's steps
  std::size_t tail_ = 0;
};

}  // namespace asyncio::detail
