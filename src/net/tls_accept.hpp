#pragma once

#include <asyncio/address.hpp>
#include <asyncio/coroutine.hpp>

#include "loop/endpoint.hpp"
#include "net/tls_stream.hpp"

#include <memory>

namespace asyncio::detail {

/// The TLS handshake with a client that was accepted.
///
/// Returns: null if it fails; that was reported.
[[nodiscard]] Coro<std::unique_ptr<ByteStream>> accept_tls(LoopState& loop,
                                                           std::unique_ptr<Endpoint> endpoint,
                                                           Address peer, TlsSettings settings);

}  // namespace asyncio::detail
