#pragma once

#include <asyncio/log.hpp>

#include <string_view>

namespace asyncio::detail {

/// To the sink that is set, or to standard error. Never throws: a sink that does is passed over.
void log(LogLevel level, std::string_view text) noexcept;

/// One more of that kind.
void count_report(std::uint64_t ReportCounts::* kind) noexcept;

}  // namespace asyncio::detail
