#pragma once

#include <string>
#include <string_view>

namespace asyncio::detail {

/// A descriptor that is written to without waiting for its reader, and whose errors end it in
/// silence. What was taken in part is sent on before anything else.
class ProgressOutput {
 public:
  explicit ProgressOutput(int fd) noexcept : fd_(fd), broken_(fd < 0) {}

  [[nodiscard]] int fd() const noexcept { return fd_; }
  /// True after an error: nothing is written any more.
  [[nodiscard]] bool broken() const noexcept { return broken_; }

  /// True if nothing is left of what was posted and some bytes would be taken now.
  [[nodiscard]] bool ready() noexcept;
  /// Writes it now, or before what is posted later.
  void post(std::string_view text);
  /// Writes it, and waits for that if the descriptor blocks.
  void write(std::string_view text);

 private:
  enum class If : unsigned char { it_need_not_wait, it_may_wait };
  void keep(std::string_view text);
  void flush(If when) noexcept;

  int fd_;
  bool broken_;
  std::string unsent_;
};

}  // namespace asyncio::detail
