#include "core/origin.hpp"

#include "base/native_backtrace.hpp"

#include <memory>
#include <new>

namespace asyncio::detail {
namespace {

struct Origin {
  const void* frame = nullptr;
  NativeBacktrace stack;
};

// Where the coroutines of this thread were made: the latest for each hash of an address, so that it
// is bounded.
struct Origins {
  static constexpr std::size_t slots = 4096;
  std::unique_ptr<Origin[]> table{new (std::nothrow) Origin[slots]};

  [[nodiscard]] Origin* place_of(const void* frame) const noexcept {
    constexpr std::size_t granule = 16;  // of addresses
    const std::size_t hash = reinterpret_cast<std::size_t>(frame) / granule;
    return table == nullptr ? nullptr : &table[hash % slots];
  }
};

constinit thread_local bool in_use = false;

Origins& origins() {
  static thread_local Origins of_thread;
  in_use = true;
  return of_thread;
}

bool wanted() noexcept {
  return thread_state.scheduler != nullptr && thread_state.scheduler->debug;
}

// The compiler may put the frame of a coroutine that is dropped at once on the stack, where no
// allocator sees it: then it was made where it is dropped.
[[gnu::noinline]] std::string dropped_text() {
  if (!wanted()) return {};
  return "\nCoroutine dropped at (most recent call last):" + NativeBacktrace::here(3).text();
}

}  // namespace

void note_origin(const void* frame) noexcept {
  if (!wanted()) return;
  Origin* place = origins().place_of(frame);
  if (place == nullptr) return;
  place->frame = frame;
  place->stack = NativeBacktrace::here(2);  // this function and the allocator's
}

void forget_origin(const void* frame) noexcept {
  if (!in_use) return;
  Origin* place = origins().place_of(frame);
  if (place != nullptr && place->frame == frame) place->frame = nullptr;
}

bool origins_in_use() noexcept { return in_use; }

std::string origin_text(const PromiseBase& promise) {
  if (!in_use) return dropped_text();
  const void* frame = const_cast<PromiseBase&>(promise).handle().address();
  Origin* place = origins().place_of(frame);
  if (place == nullptr || place->frame != frame) return dropped_text();
  place->frame = nullptr;  // what is at this address next may be unknown here
  return "\nCoroutine created at (most recent call last):" + place->stack.text();
}

}  // namespace asyncio::detail
