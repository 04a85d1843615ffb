#include "io/stall_sample.hpp"

#include <asyncio/detail/promise.hpp>

#include "io/stall_signal.hpp"
#include "io/system.hpp"

#include <execinfo.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace asyncio::detail {
namespace {

/// idle → asked by the watchdog; → answering → answered or ended by the handler; back to idle by
/// the watchdog, also from asked, when it has waited long enough. Atomic. While it is answering,
/// the sample is the handler's.
enum State : int { idle, asked, answering, answered, ended };

int state = idle;
SampleRequest question;
StallSample sample;

void advance(State to) noexcept { __atomic_store_n(&state, to, __ATOMIC_RELEASE); }
State current() noexcept { return static_cast<State>(__atomic_load_n(&state, __ATOMIC_ACQUIRE)); }
bool advance_if(State from, State to) noexcept {
  int expected = from;
  return __atomic_compare_exchange_n(&state, &expected, to, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE);
}

// --- in the signal handler -----------------------------------------------------------------------
//
// The thread may be in the middle of changing what is read here. So every pointer that such a
// change could leave behind is tried, every link is checked against its other end, and every count
// is bounded.

void copy(std::string_view text, SampledText& into) noexcept {
  into.size = std::min(text.size(), into.bytes.size());
  into.cut = into.size < text.size();
  if (!read_own_memory(text.data(), into.bytes.data(), into.size)) into.size = 0;
}

void note_name(const TaskState& task) noexcept {
  sample.task_number = task.number();
  sample.task_name.size = 0;
  const TaskExtra* extra = task.extra_or_null();
  if (sample.task_number == 0 && extra != nullptr) copy(extra->name, sample.task_name);
}

struct RawPromise {
  alignas(PromiseBase) std::array<std::byte, sizeof(PromiseBase)> bytes;
  [[nodiscard]] const PromiseBase& get() const noexcept {
    return *reinterpret_cast<const PromiseBase*>(bytes.data());
  }
};

void note_coroutines(const PromiseBase* at) noexcept {
  sample.coroutine_count = 0;
  sample.more_coroutines = false;
  while (at != nullptr) {
    RawPromise raw;
    if (!read_own_memory(at, raw.bytes.data(), raw.bytes.size())) return;
    const PromiseBase& promise = raw.get();
    ChildLink link;
    if (promise.owner != nullptr) {
      if (!read_own_memory(promise.owner, &link, sizeof link) || link.child != at) return;
    }
    if (sample.coroutine_count == StallSample::most_coroutines) {
      sample.more_coroutines = true;
      return;
    }
    sample.coroutines[sample.coroutine_count++] = {promise.function, promise.location};
    at = link.parent;
  }
}

// Without the frames of the handler, which stand before what it has interrupted.
void note_frames(const void* context) noexcept {
  constexpr std::size_t handlers = 8;
  std::array<void*, StallSample::most_frames + handlers> found;
  const auto n =
      static_cast<std::size_t>(::backtrace(found.data(), static_cast<int>(found.size())));
  const auto end = found.begin() + static_cast<std::ptrdiff_t>(n);
  auto begin = std::find(found.begin(), end, interrupted_at(context));
  sample.exact = begin != end;
  if (!sample.exact) begin = found.begin();
  sample.frame_count = std::min(static_cast<std::size_t>(end - begin), StallSample::most_frames);
  std::copy_n(begin, sample.frame_count, sample.frames.begin());
}

void answer(const void* context) noexcept {
  if (!advance_if(asked, answering)) return;
  if (question.thread != sys::thread_id() ||
      __atomic_load_n(question.turns, __ATOMIC_RELAXED) != question.turn) {
    advance(ended);
    return;
  }
  copy(question.loop->name, sample.loop);
  // In a step another task's may run, which was started eagerly.
  const TaskState* inner = thread_state.task;
  const TaskState* task = inner != nullptr ? inner : question.entry.task();
  sample.in_task = task != nullptr;
  sample.coroutine_count = 0;
  if (task != nullptr) {
    note_name(*task);
    note_coroutines(task->top());
  }
  note_frames(context);
  advance(answered);
}

}  // namespace

// --- in the watchdog -----------------------------------------------------------------------------

void begin_sampling() noexcept {
  void* some[1];
  ::backtrace(some, 1);  // the first call loads the unwinder, which a handler may not
  take_stall_signal(&answer);
}

void end_sampling() noexcept { leave_stall_signal(); }

const StallSample& last_sample() noexcept { return sample; }

namespace {

// Returns: whether the handler is through.
bool wait_for_answer() noexcept {
  constexpr std::int64_t step = 200'000;
  constexpr int most_steps = 2'500;  // half a second: on a busy machine it waits for its turn
  for (int i = 0; i < most_steps; ++i) {
    if (current() == answered || current() == ended) return true;
    sys::nap(step);
  }
  return current() == answered || current() == ended;
}

}  // namespace

SampleAnswer take_sample(const SampleRequest& request, std::string& why_not) {
  const State before = current();
  if (before == answering) {
    why_not = "a thread that was asked before has not finished its answer";
    return SampleAnswer::none;
  }
  question = request;
  advance(asked);
  if (!send_stall_signal(request.thread, why_not)) {
    advance(idle);
    return SampleAnswer::none;
  }
  if (!wait_for_answer()) {
    why_not = why_no_answer(request.thread);
    // From here on it answers nobody; or it is at it, and the sample is its own until it is
    // through.
    advance_if(asked, idle);
    return SampleAnswer::none;
  }
  return current() == answered ? SampleAnswer::taken : SampleAnswer::ended;
}

}  // namespace asyncio::detail
