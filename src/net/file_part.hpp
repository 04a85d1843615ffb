#pragma once

#include <asyncio/coroutine.hpp>

#include "io/open_file.hpp"
#include "net/transport_state.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

namespace asyncio {
class EventLoop;
}  // namespace asyncio

namespace asyncio::detail {

inline constexpr std::size_t whole_file = std::numeric_limits<std::int64_t>::max();

/// What is to be sent of a file, and how much of that was.
struct FilePart {
  Ref<OpenFile> owner;  ///< null: whoever asks for it keeps it open
  int fd = -1;
  std::int64_t offset = 0;
  std::size_t most = whole_file;
  std::size_t sent = 0;

  FilePart(Ref<OpenFile> who, int file, std::int64_t from, std::size_t count) noexcept
      : owner(std::move(who)), fd(file), offset(from), most(count) {}
};

/// By the system or, where that cannot, by copying, when all that was written before is sent.
/// Nobody else writes meanwhile.
///
/// Returns: how many bytes.
[[nodiscard]] Coro<std::size_t> send_file_part(EventLoop& loop, Ref<TransportState> transport,
                                               FilePart part);
/// Throws: std::invalid_argument.
void check_file_part(std::int64_t offset, std::optional<std::size_t> count);

}  // namespace asyncio::detail
