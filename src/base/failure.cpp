#include <asyncio/detail/failure.hpp>
#include <asyncio/detail/thread_state.hpp>
#include <asyncio/error.hpp>

#include <array>
#include <cstddef>
#include <cstring>
#include <new>
#include <utility>

namespace asyncio::detail {
namespace {

using Kind = Traceback::Kind;

// Enough for an error to be found that went through a few handlers on its way; few enough that
// what they hold is not kept for long.
constexpr std::size_t remembered = 16;
// A longer track is cut in the middle; an error that is kept and thrown again and again would get
// longer for ever.
constexpr unsigned deepest = 600;
constexpr unsigned kept_of_each_end = 200;
// A loop whose every turn fails while it handles the failure before would keep them all.
constexpr unsigned most_chained = 50;

// Mostly one literal, else one of each translation unit.
bool same_text(const char* a, const char* b) noexcept { return a == b || std::strcmp(a, b) == 0; }

bool same_place(std::source_location a, std::source_location b) noexcept {
  return a.line() == b.line() && a.column() == b.column() &&
         same_text(a.file_name(), b.file_name());
}

/// The errors that this thread has given out as bare pointers, the last ones.
class Memory {
 public:
  // Newest first. Two tracks of one error: the one that was given out in this task is meant.
  [[nodiscard]] const Failure* find(const std::exception_ptr& error) const noexcept {
    const Failure* found = nullptr;
    for (std::size_t back = 1; back <= remembered; ++back) {
      const Entry& known = ring_[(next_ - back) % remembered];
      if (known.failure.error != error) continue;
      if (known.task == thread_state.task) return &known.failure;
      if (found == nullptr) found = &known.failure;
    }
    return found;
  }

  // The one that the await at `location` has just thrown in this task; null if none has.
  [[nodiscard]] const Failure* find_thrown(const std::exception_ptr& error,
                                           std::source_location function,
                                           std::source_location location) const noexcept {
    for (std::size_t back = 1; back <= remembered; ++back) {
      const Entry& known = ring_[(next_ - back) % remembered];
      const Traceback* top = known.failure.traceback.get();
      if (known.failure.error == error && known.task == thread_state.task && top != nullptr &&
          top->kind == Kind::awaiting && same_place(top->location, location) &&
          same_place(top->function, function)) {
        return &known.failure;
      }
    }
    return nullptr;
  }

  void add(Failure failure) noexcept {
    if (ended_) return;
    Entry& newest = ring_[(next_ - 1) % remembered];
    const bool goes_on = newest.failure.error == failure.error &&
                         extends(failure.traceback.get(), newest.failure.traceback.get());
    Entry& entry = goes_on ? newest : ring_[next_++ % remembered];
    entry.failure = std::move(failure);
    entry.task = thread_state.task;
  }

  void clear() noexcept {
    for (Entry& entry : ring_) entry.failure = Failure();
  }
  /// Nothing is remembered from here on.
  void end() noexcept {
    ended_ = true;
    clear();
  }

 private:
  struct Entry {
    Failure failure;
    const void* task = nullptr;  // that was running; only to compare
  };

  static bool extends(const Traceback* now, const Traceback* before) noexcept {
    if (now == before) return true;
    if (now == nullptr || before == nullptr) return false;
    return now->inner.get() == before ||
           (now->repeats > before->repeats && now->inner.get() == before->inner.get());
  }

  std::array<Entry, remembered> ring_;
  std::size_t next_ = remembered;
  bool ended_ = false;
};

// Null until an error is remembered.
constinit thread_local Memory* memory = nullptr;

// It is emptied when the thread ends, not destroyed: what runs after that may still throw.
struct EmptiedAtEnd {
  ~EmptiedAtEnd() { memory->end(); }
};

[[gnu::noinline]] void make_memory() noexcept {
  alignas(Memory) static constinit thread_local unsigned char place[sizeof(Memory)] = {};
  memory = ::new (static_cast<void*>(place)) Memory;
  static thread_local EmptiedAtEnd emptied;
  (void)emptied;
}

Memory& memory_for_writing() noexcept {
  if (memory == nullptr) make_memory();
  return *memory;
}

// The outermost and the innermost frames of a track, with a note of how many are left out between.
Ref<const Traceback> without_the_middle(const Ref<const Traceback>& track) noexcept {
  std::array<const Traceback*, kept_of_each_end> outer;
  const Traceback* at = track.get();
  for (const Traceback*& node : outer) node = std::exchange(at, at->inner.get());
  unsigned left_out = 0;
  for (; at->depth >= kept_of_each_end; at = at->inner.get()) left_out += 1 + at->left_out;
  Ref<const Traceback> shorter(at);
  for (auto node = outer.rbegin(); node != outer.rend(); ++node) {
    auto* copy = (*node)->is_link()
                     ? new (std::nothrow) Traceback((*node)->kind, (*node)->other, shorter)
                     : new (std::nothrow)
                           Traceback((*node)->kind, (*node)->function, (*node)->location, shorter);
    if (copy == nullptr) return track;
    copy->repeats = (*node)->repeats;
    copy->chained = (*node)->chained;
    copy->left_out = (*node)->left_out + std::exchange(left_out, 0);
    copy->depth = shorter->depth + 1;
    shorter = Ref<const Traceback>(copy);
  }
  return shorter;
}

Ref<const Traceback> frame(Kind kind, std::source_location function, std::source_location location,
                           Ref<const Traceback> inner) noexcept {
  if (inner && inner->depth >= deepest) inner = without_the_middle(inner);
  const Traceback* below = inner.get();
  const bool repeats = below != nullptr && below->kind == kind && below->left_out == 0 &&
                       same_place(below->location, location) &&
                       same_place(below->function, function);
  auto* node =
      new (std::nothrow) Traceback(kind, function, location, repeats ? below->inner : inner);
  if (node == nullptr) return inner;
  if (below != nullptr) node->depth = below->depth + (repeats ? 0 : 1);
  if (repeats) node->repeats = below->repeats + 1;
  return Ref<const Traceback>(node);
}

}  // namespace

void Traceback::drop_ref() const noexcept {
  // In a loop, not by recursion: an error may have come through a million coroutines.
  for (const Traceback* node = this; node != nullptr && node->users_.drop();) {
    const Traceback* next = node->inner.release();
    delete node;
    node = next;
  }
}

Ref<const Traceback> seen_from(std::source_location function, std::source_location location,
                               Ref<const Traceback> inner) noexcept {
  return frame(Kind::awaiting, function, location, std::move(inner));
}

Failure instead_of(Failure failure, Failure earlier, Kind kind) noexcept {
  if (failure.error == earlier.error) return failure;
  for (const Traceback* t = failure.traceback.get(); t != nullptr; t = t->inner.get()) {
    if (t->is_link()) return failure;  // what it says itself goes first
  }
  unsigned chained = 0;
  for (const Traceback* t = earlier.traceback.get(); t != nullptr; t = t->inner.get()) {
    if (t->other) chained = t->chained + 1;
  }
  if (chained > most_chained) return failure;
  auto* node = new (std::nothrow) Traceback(kind, std::move(earlier), failure.traceback);
  if (node == nullptr) return failure;
  node->chained = chained;
  if (failure.traceback) node->depth = failure.traceback->depth + 1;
  failure.traceback = Ref<const Traceback>(node);
  return failure;
}

Failure failure_of(std::exception_ptr error) noexcept {
  const Failure* known = memory == nullptr ? nullptr : memory->find(error);
  return known != nullptr ? *known : Failure(std::move(error));
}

Failure current_failure() noexcept { return failure_of(std::current_exception()); }

Failure failure_leaving(std::source_location function, std::source_location location) noexcept {
  Failure failure(std::current_exception());
  if (memory != nullptr) {
    // It has put this coroutine there already.
    if (const Failure* thrown = memory->find_thrown(failure.error, function, location)) {
      return *thrown;
    }
  }
  const Failure* known = memory == nullptr ? nullptr : memory->find(failure.error);
  // A cancellation that nobody has passed on comes out of the await that was cancelled.
  const bool awaiting = known == nullptr && is_cancelled_error(failure.error);
  if (known != nullptr) failure.traceback = known->traceback;
  failure.traceback = frame(awaiting ? Kind::awaiting : Kind::thrown, function, location,
                            std::move(failure.traceback));
  return failure;
}

void remember(const Failure& failure) noexcept {
  if (failure.traceback) memory_for_writing().add(failure);
}

void forget_failures() noexcept {
  if (memory != nullptr) memory->clear();
}

std::exception_ptr raised_at(std::source_location function, std::source_location location,
                             Failure failure) noexcept {
  failure.traceback = seen_from(function, location, std::move(failure.traceback));
  std::exception_ptr error = failure.error;
  memory_for_writing().add(std::move(failure));
  return error;
}

void raise(Failure failure) {
  remember(failure);
  std::rethrow_exception(std::move(failure.error));
}

void raise_after(Failure failure, const Failure& earlier) {
  raise(earlier ? instead_of(std::move(failure), earlier, Kind::replaced) : std::move(failure));
}

}  // namespace asyncio::detail
