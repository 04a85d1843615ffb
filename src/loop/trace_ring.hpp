#pragma once

#include "loop/trace_record.hpp"

#include <memory>

namespace asyncio::detail {

/// Records on their way from one thread to another. Whoever adds them never waits: without room it
/// is told so.
class TraceRing {
 public:
  /// A power of two. Throws: std::bad_alloc.
  explicit TraceRing(std::size_t slots)
      : records_(std::make_unique_for_overwrite<TraceRecord[]>(slots)), slots_(slots) {}

  // --- the loop's thread ---

  [[nodiscard]] bool has_room(std::size_t count = 1) noexcept {
    if (written_ + count - seen_read_ <= slots_ / 2) [[likely]]
      return true;
    seen_read_ = __atomic_load_n(&read_, __ATOMIC_ACQUIRE);
    return written_ + count - seen_read_ <= slots_;
  }
  /// After has_room(): to be filled.
  [[nodiscard]] TraceRecord& next(std::size_t ahead = 0) noexcept {
    return records_[(written_ + ahead) & (slots_ - 1)];
  }
  void publish(std::size_t count = 1) noexcept {
    __atomic_store_n(&written_, written_ + count, __ATOMIC_RELEASE);
  }
  /// As far as this side knows.
  [[nodiscard]] bool half_full() const noexcept { return written_ - seen_read_ > slots_ / 2; }

  // --- the other one ---

  [[nodiscard]] std::size_t available() noexcept {
    return static_cast<std::size_t>(__atomic_load_n(&written_, __ATOMIC_ACQUIRE) - read_);
  }
  [[nodiscard]] const TraceRecord& at(std::size_t index) const noexcept {
    return records_[(read_ + index) & (slots_ - 1)];
  }
  void release(std::size_t count) noexcept {
    __atomic_store_n(&read_, read_ + count, __ATOMIC_RELEASE);
  }

 private:
  const std::unique_ptr<TraceRecord[]> records_;
  const std::size_t slots_;
  // Each side has its own line, or every record would carry both to and fro.
  alignas(64) std::uint64_t written_ = 0;
  std::uint64_t seen_read_ = 0;
  alignas(64) std::uint64_t read_ = 0;
};

}  // namespace asyncio::detail
