#pragma once

#include <cstdint>

namespace asyncio::detail {

/// Of who never has to wait: others want a turn, too.
class Fairness {
 public:
  /// It has waited, and so let them.
  void waited() noexcept { calls_ = 0; }
  /// True now and then: it is time to let them.
  [[nodiscard]] bool is_due() noexcept { return ++calls_ % calls_at_once == 0; }

 private:
  static constexpr unsigned calls_at_once = 64;
  std::uint8_t calls_ = 0;
};

}  // namespace asyncio::detail
