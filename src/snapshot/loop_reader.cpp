#include "snapshot/loop_reader.hpp"

#include "snapshot/bytes.hpp"
#include "snapshot/pieces.hpp"

#include <algorithm>
#include <bit>

namespace asyncio::snapshot {
namespace {

constexpr std::size_t most_loops = 10'000;
constexpr std::size_t most_chunks = std::size_t{1} << 17;  // of tasks: 134 million
constexpr std::size_t most_ready = std::size_t{1} << 27;
constexpr std::size_t longest_name = 1024;
constexpr std::size_t most_chunks_at_once = 1024;  // 8 MiB
constexpr int attempts = 3;
constexpr std::uint64_t mark = 1;  // of a hole in the registry, of a task in the ready queue

}  // namespace

// A loop's object, as it was copied.
class LoopReader::Head {
 public:
  Head(Memory& memory, const detail::Layout::Loop& at, std::uint64_t address)
      : at_(at), bytes_(at.size) {
    there_ = memory.read(address, bytes_.data(), bytes_.size());
  }

  [[nodiscard]] bool there() const noexcept { return there_; }
  [[nodiscard]] std::uint64_t word(std::uint32_t detail::Layout::Loop::* member) const noexcept {
    return bytes_.at<std::uint64_t>(at_.*member);
  }
  [[nodiscard]] bool flag(std::uint32_t detail::Layout::Loop::* member) const noexcept {
    return bytes_.at<std::uint8_t>(at_.*member) != 0;
  }
  [[nodiscard]] std::uint32_t half(std::uint32_t detail::Layout::Loop::* member) const noexcept {
    return bytes_.at<std::uint32_t>(at_.*member);
  }
  [[nodiscard]] std::uint64_t word_behind(std::uint32_t detail::Layout::Loop::* member,
                                          std::uint32_t offset) const noexcept {
    return bytes_.at<std::uint64_t>(at_.*member + offset);
  }

 private:
  detail::Layout::Loop at_;
  Bytes bytes_;
  bool there_ = false;
};

using Loop = detail::Layout::Loop;

void LoopReader::read(std::vector<LoopView>& loops) {
  std::uint64_t address = 0;
  memory_.read(library_.loops, address);
  // The list may be changed while it is followed, even into a ring.
  for (std::size_t n = 0; n < most_loops && may_be_object(address); ++n) {
    const Head head(memory_, library_.layout.loop, address);
    if (!head.there()) return;
    LoopView view;
    view.id = address;
    read_loop(address, head, view);
    loops.push_back(std::move(view));
    address = head.word(&Loop::next_open);
  }
}

void LoopReader::read_loop(std::uint64_t address, const Head& head, LoopView& view) {
  const detail::Layout& layout = library_.layout;
  const std::uint64_t size =
      std::min<std::uint64_t>(head.word_behind(&Loop::name, layout.string.size), longest_name);
  view.name.resize(size);
  if (!memory_.read(head.word_behind(&Loop::name, layout.string.data), view.name.data(), size)) {
    view.name = "loop-" + std::to_string(head.word(&Loop::number));
  }
  view.thread = head.half(&Loop::kernel_thread);
  view.running = head.flag(&Loop::running);
  view.asleep = view.running && head.flag(&Loop::asleep);
  view.ready = head.word(&Loop::ready_tail) - head.word(&Loop::ready_head);
  if (view.ready > most_ready) view.ready = 0;
  const std::uint64_t unused = head.word(&Loop::timers_cancelled) + layout.loop.timers_unused;
  const std::uint64_t timers = head.word(&Loop::timer_entries);
  view.timers = timers > unused ? timers - unused : 0;
  const std::uint64_t backend = head.word(&Loop::backend);
  if (may_be_object(backend)) memory_.read(backend + layout.backend.watched, view.descriptors);
  view.iterations = head.word(&Loop::iterations);
  view.steps = head.word(&Loop::ready_head);

  const std::vector<TaskHead> heads = pending(address, head, view);
  view.torn += tasks_.read(heads, address, view.tasks);
  tell_states(head, view);
}

// In order of creation. The registry may have grown, which moves it, while it was read.
std::vector<TaskHead> LoopReader::pending(std::uint64_t address, Head head, LoopView& view) {
  std::vector<TaskHead> heads;
  for (int i = 0; i < attempts; ++i) {
    view.live_tasks = head.word(&Loop::live_tasks);
    heads = tasks_.heads(registered(head), address);
    // What has ended and begun meanwhile accounts for a few.
    if (heads.size() + heads.size() / 4 + 64 >= view.live_tasks) break;
    head = Head(memory_, library_.layout.loop, address);
  }
  const auto older = [](const TaskHead& a, const TaskHead& b) {
    return static_cast<std::int32_t>(a.order - b.order) < 0;  // the counter may wrap
  };
  std::sort(heads.begin(), heads.end(), older);
  // One that has changed its place while the registry was read may be seen twice.
  heads.erase(std::unique(heads.begin(), heads.end(),
                          [](const TaskHead& a, const TaskHead& b) { return a.order == b.order; }),
              heads.end());
  return heads;
}

std::vector<std::uint64_t> LoopReader::registered(const Head& head) {
  const std::uint64_t begin = head.word_behind(&Loop::chunks, library_.layout.vector.begin);
  const std::uint64_t end = head.word_behind(&Loop::chunks, library_.layout.vector.end);
  const std::size_t count = (end - begin) / sizeof(std::uint64_t);
  if (!may_be_object(begin) || end < begin || count > most_chunks) return {};
  std::vector<std::uint64_t> chunks(count);
  if (!memory_.read(begin, chunks.data(), count * sizeof(std::uint64_t))) return {};

  const std::size_t chunk_size = library_.layout.chunk_size;
  std::vector<std::uint64_t> tasks;
  for (std::size_t first = 0; first < count; first += most_chunks_at_once) {
    const std::size_t some = std::min(most_chunks_at_once, count - first);
    Pieces entries(some, chunk_size * sizeof(std::uint64_t));
    for (std::size_t i = 0; i < some; ++i) entries.add(chunks[first + i]);
    entries.read(memory_);
    for (std::size_t i = 0; i < some * chunk_size; ++i) {
      const auto entry =
          entries.get<std::uint64_t>(i / chunk_size, i % chunk_size * sizeof(std::uint64_t));
      if ((entry & mark) == 0 && may_be_object(entry)) tasks.push_back(entry);
    }
  }
  return tasks;
}

// Sorted.
std::vector<std::uint64_t> LoopReader::ready_tasks(const Head& head) {
  const std::uint64_t capacity = head.word(&Loop::ready_capacity);
  const std::uint64_t first = head.word(&Loop::ready_head);
  const std::uint64_t entries = head.word(&Loop::ready_entries);
  const std::uint64_t size = std::min(head.word(&Loop::ready_tail) - first, capacity);
  if (!std::has_single_bit(capacity) || size > most_ready || !may_be_object(entries)) return {};

  std::vector<std::uint64_t> ready(size);
  const std::uint64_t begin = first & (capacity - 1);
  const std::uint64_t before_end = std::min(size, capacity - begin);
  constexpr std::size_t word = sizeof(std::uint64_t);
  memory_.read(entries + begin * word, ready.data(), before_end * word);
  memory_.read(entries, ready.data() + before_end, (size - before_end) * word);
  std::erase_if(ready, [](std::uint64_t entry) { return (entry & mark) == 0; });
  for (std::uint64_t& entry : ready) entry -= mark;
  std::sort(ready.begin(), ready.end());
  return ready;
}

void LoopReader::tell_states(const Head& head, LoopView& view) {
  const std::vector<std::uint64_t> ready = ready_tasks(head);
  const detail::Layout& layout = library_.layout;
  std::uint64_t stepping = 0;
  const std::uint64_t thread = head.word(&Loop::thread);
  if (view.running && may_be_object(thread)) {
    std::uint64_t loop = 0;
    memory_.read(thread + layout.thread.loop, loop);
    if (loop == view.id) memory_.read(thread + layout.thread.task, stepping);
  }
  for (TaskView& task : view.tasks) {
    if (task.id == stepping) {
      task.state = TaskView::State::running;
    } else if (std::binary_search(ready.begin(), ready.end(), task.id)) {
      task.state = TaskView::State::ready;
    }
    if (task.state != TaskView::State::waiting) task.waits_for.clear();
  }
}

}  // namespace asyncio::snapshot
