#pragma once

#include "http/curl_owned.hpp"
#include "http/outgoing.hpp"

#include <exception>

namespace asyncio::http::detail {

enum class TimedOut { pool, connect, write, read, total };

[[nodiscard]] std::exception_ptr timeout_error(const Outgoing& request, TimedOut which);
/// Of curl's code and what it has written about it.
[[nodiscard]] std::exception_ptr transfer_error(const Outgoing& request, CURL* easy, CURLcode code,
                                                const char* text, bool proxied);

}  // namespace asyncio::http::detail
