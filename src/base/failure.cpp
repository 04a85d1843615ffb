#include <asyncio/detail/failure.hpp>

#include <array>
#include <cstddef>
#include <new>
#include <string_view>

namespace asyncio::detail {
namespace {

using Kind = Traceback::Kind;

// Enough for an error to be found that went through a few handlers on its way; few enough that
// what they hold is not kept for long.
constexpr std::size_t remembered = 16;
// A loop whose every turn fails while it handles the failure before would keep them all.
constexpr unsigned most_chained = 50;

class Memory {
 public:
  // Newest first. Two tracks of one error: the one that goes through `function` is meant.
  [[nodiscard]] const Failure* find(const std::exception_ptr& error,
                                    const char* function) const noexcept {
    const Failure* found = nullptr;
    for (std::size_t back = 1; back <= remembered; ++back) {
      const Failure& known = ring_[(next_ - back) % remembered];
      if (known.error != error) continue;
      if (function == nullptr || is_in(known.traceback, function)) return &known;
      if (found == nullptr) found = &known;
    }
    return found;
  }

  void add(const Failure& failure) noexcept {
    Failure& newest = ring_[(next_ - 1) % remembered];
    const bool goes_on =
        newest.error == failure.error && (newest.traceback.get() == failure.traceback.get() ||
                                          newest.traceback.get() == failure.traceback->inner.get());
    (goes_on ? newest : ring_[next_++ % remembered]) = failure;
  }

  void clear() noexcept { ring_ = {}; }

 private:
  static bool is_in(const Ref<const Traceback>& traceback, const char* function) noexcept {
    return traceback && traceback->function.function_name() == std::string_view(function);
  }

  std::array<Failure, remembered> ring_;
  std::size_t next_ = remembered;
};

// Null until an error is remembered, and again when the thread ends.
constinit thread_local Memory* memory = nullptr;

struct MemoryOwner {
  MemoryOwner() : memory_here(new(std::nothrow) Memory) { memory = memory_here; }
  ~MemoryOwner() {
    memory = nullptr;
    delete memory_here;
  }
  Memory* memory_here;
};

bool same_place(std::source_location a, std::source_location b) noexcept {
  return a.line() == b.line() && a.column() == b.column() &&
         std::string_view(a.file_name()) == b.file_name();
}

Ref<const Traceback> frame(Kind kind, std::source_location function, std::source_location location,
                           Ref<const Traceback> inner) noexcept {
  const Traceback* below = inner.get();
  const bool repeats = below != nullptr && below->kind == kind &&
                       same_place(below->location, location) &&
                       same_place(below->function, function);
  auto* node =
      new (std::nothrow) Traceback(kind, function, location, repeats ? below->inner : inner);
  if (node == nullptr) return inner;
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
  failure.traceback = Ref<const Traceback>(node);
  return failure;
}

Failure failure_of(std::exception_ptr error) noexcept {
  const Failure* known = memory == nullptr ? nullptr : memory->find(error, nullptr);
  return known != nullptr ? *known : Failure(std::move(error));
}

Failure current_failure() noexcept { return failure_of(std::current_exception()); }

Failure failure_leaving(std::source_location function, std::source_location location) noexcept {
  Failure failure(std::current_exception());
  const Failure* known =
      memory == nullptr ? nullptr : memory->find(failure.error, function.function_name());
  if (known != nullptr) {
    failure.traceback = known->traceback;
    const Traceback* top = failure.traceback.get();
    // raise_at() has put this coroutine there already, if it is the await that has thrown.
    if (top != nullptr && top->kind == Kind::awaiting && same_place(top->function, function) &&
        same_place(top->location, location)) {
      return failure;
    }
  }
  failure.traceback = frame(Kind::thrown, function, location, std::move(failure.traceback));
  return failure;
}

void remember(const Failure& failure) noexcept {
  if (!failure.traceback) return;
  static thread_local MemoryOwner owner;
  (void)owner;
  if (memory != nullptr) memory->add(failure);
}

void forget_failures() noexcept {
  if (memory != nullptr) memory->clear();
}

void raise(Failure failure) {
  remember(failure);
  std::rethrow_exception(std::move(failure.error));
}

void raise_after(Failure failure, const Failure& earlier) {
  raise(earlier ? instead_of(std::move(failure), earlier, Kind::replaced) : std::move(failure));
}

void raise_at(std::source_location function, std::source_location location, Failure failure) {
  failure.traceback = seen_from(function, location, std::move(failure.traceback));
  raise(std::move(failure));
}

}  // namespace asyncio::detail
