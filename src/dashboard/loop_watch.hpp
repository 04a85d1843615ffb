#pragma once

#include "dashboard/source.hpp"
#include "loop/loop_state.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace asyncio::dashboard {

/// Counts the steps of a loop's tasks, and the time of the processor that they take, while somebody
/// looks. It is in the list of those who watch the loop only then.
///
/// Threads: the loop's thread counts, into a table of its own; that changes hands when the
/// dashboard's thread has asked for it and the loop has come to it. Nobody waits for the other: a
/// loop that is blocked simply gives nothing.
class LoopWatch final : public detail::StepWatch, public std::enable_shared_from_this<LoopWatch> {
 public:
  /// What was counted of a task since it was asked for last.
  struct Count {
    std::uint64_t steps = 0;
    std::int64_t cpu = 0;
    std::uint32_t order = 0;  ///< of the task, since its address may be another one's later
  };
  struct Counts {
    std::unordered_map<std::uint64_t, Count> tasks;
    std::vector<std::uint64_t> ended;  ///< tasks; not all of them, if they are many
    std::int64_t longest = 0;          ///< step, ns
  };

  /// While the loop is not destroyed; it may be after that.
  explicit LoopWatch(detail::LoopState& loop) noexcept;
  ~LoopWatch();

  // --- the dashboard's thread ---

  /// Takes effect when the loop comes to it.
  void set_watching(bool on);
  /// What the loop has handed over, and asks for what comes.
  [[nodiscard]] Counts take();

 private:
  class Note;
  enum class Request : std::uint8_t { start, stop, hand_over };

  void begins(const detail::ReadyEntry& entry, std::int64_t now) noexcept override;
  void ended(detail::TaskState* task, std::int64_t now) noexcept override;
  void read_cpu(std::int64_t now) noexcept;
  std::int64_t cpu_of_step(std::int64_t now) noexcept;
  void count(detail::TaskState& task, std::int64_t cpu);
  void post(Request request);
  void answer(Request request);
  void hand_over();

  detail::LoopState& loop_;  // pinned
  bool watching_ = false;    // as it was asked for; the dashboard's thread

  // The loop's thread.
  std::shared_ptr<LoopWatch> in_list_;  // itself, while the loop knows it
  Counts counts_;
  std::int64_t began_ = 0;
  std::int64_t cpu_ = 0;       // of the thread
  std::int64_t cpu_read_ = 0;  // when that was so
  bool has_begun_ = false;

  std::mutex mutex_;
  Counts handed_over_;
  bool asked_ = false;
};

}  // namespace asyncio::dashboard
