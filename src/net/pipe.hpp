#pragma once

#include "io/owned_fd.hpp"
#include "net/protocol_transport.hpp"

namespace asyncio::detail {

// Each takes the descriptor out of `fd` as soon as it is watched, also when it throws after that.
// Throw: std::system_error, beginning with `who`; std::bad_alloc.

[[nodiscard]] Ref<ProtocolTransport> make_read_pipe(LoopState& loop, const AnyProtocol& protocol,
                                                    OwnedFd& fd, sys::FileKind kind,
                                                    const char* who);
[[nodiscard]] Ref<ProtocolTransport> make_write_pipe(LoopState& loop, const AnyProtocol& protocol,
                                                     OwnedFd& fd, sys::FileKind kind,
                                                     const char* who);

}  // namespace asyncio::detail
