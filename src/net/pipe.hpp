#pragma once

#include "io/system.hpp"
#include "net/protocol_transport.hpp"

namespace asyncio::detail {

// Each takes over the descriptor, which is made non-blocking. Throw: std::system_error,
// std::bad_alloc; then it is still the caller's. `who` begins what they say.

[[nodiscard]] Ref<ProtocolTransport> make_read_pipe(LoopState& loop, const AnyProtocol& protocol,
                                                    int fd, sys::FileKind kind, const char* who);
[[nodiscard]] Ref<ProtocolTransport> make_write_pipe(LoopState& loop, const AnyProtocol& protocol,
                                                     int fd, sys::FileKind kind, const char* who);

}  // namespace asyncio::detail
