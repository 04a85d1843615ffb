#pragma once

#include "loop/byte_stream.hpp"

#include <cstddef>
#include <optional>
#include <string>

namespace asyncio::detail {

/// Receives up to `most` bytes behind what `text` has, without a buffer between, if much is to be
/// expected of the source; small pieces would get a string that is too large for them.
///
/// Returns: as ByteStream::receive(); nothing if nothing was tried: for want of memory, too.
[[nodiscard]] std::optional<IoResult> receive_in_place(ByteStream& source, std::string& text,
                                                       std::size_t most) noexcept;

}  // namespace asyncio::detail
