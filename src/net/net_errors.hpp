#pragma once

#include <asyncio/address.hpp>

#include "loop/byte_stream.hpp"

#include <exception>
#include <string>
#include <string_view>

namespace asyncio::detail {

/// Empty if it cannot be told.
[[nodiscard]] Address local_address(int fd);
[[nodiscard]] Address peer_address(int fd);

/// "OPERATION: text of errno", as a std::system_error.
[[nodiscard]] std::exception_ptr system_error(int error, std::string_view operation);
/// "OPERATION ADDRESS", with the peer's address.
[[nodiscard]] std::string with_peer(std::string_view operation, const Address& peer);
[[nodiscard]] std::string with_peer(std::string_view operation, int fd);
/// Of a call that has ended with `result`: the stream's own, or "OPERATION ADDRESS: text of errno".
[[nodiscard]] std::exception_ptr error_of(ByteStream& stream, IoResult result,
                                          std::string_view operation, const Address& peer);

}  // namespace asyncio::detail
