#pragma once

#include "base/symbols.hpp"

#include <array>
#include <cstdint>
#include <string>

namespace asyncio::detail {

/// The native call stack at some place, for debug mode: cheap to take, named only when it is shown.
struct NativeBacktrace {
  static constexpr std::size_t most = 10;  // as many as CPython keeps

  std::array<void*, most> frames;
  std::uint32_t size = 0;

  /// Of the caller, without its `skip` innermost frames.
  [[gnu::noinline]] static NativeBacktrace here(std::size_t skip) noexcept;
  /// "\n  FUNCTION (PROGRAM+0xOFFSET)" for each frame, innermost last; for addr2line -e PROGRAM.
  [[nodiscard]] std::string text() const;
};

/// A line of that, for an address inside a function; null: by the names that its file exports.
[[nodiscard]] std::string native_frame_text(const void* address, Symbols* symbols);

}  // namespace asyncio::detail
