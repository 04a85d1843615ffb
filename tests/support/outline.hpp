#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/traceback.hpp>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace support {

/// What a traceback says, without what depends on the machine: see outline().
using Outline = std::vector<std::string>;

/// A frame that awaits at `line`.
inline std::string at(std::string_view function, unsigned line) {
  return std::string(function) + ":" + std::to_string(line);
}
/// The innermost frame, whose last co_await was at `line`.
inline std::string after(std::string_view function, unsigned line) {
  return std::string(function) + " after " + std::to_string(line);
}
/// The innermost frame, which has not awaited yet.
inline std::string at_start(std::string_view function) {
  return std::string(function) + " at its start";
}
/// The line below frames of a recursion.
inline std::string more(unsigned n) { return std::to_string(n) + " more"; }

/// Between two errors.
inline const std::string caused = "caused";
inline const std::string while_handling = "while handling";

namespace detail {

inline void append(Outline& all, std::string line) { all.push_back(std::move(line)); }
inline void append(Outline& all, const Outline& lines) {
  all.insert(all.end(), lines.begin(), lines.end());
}

inline std::string_view without_margin(std::string_view line) {
  const std::size_t margin = line.find_first_not_of(' ');
  const bool is_one = margin != std::string_view::npos && margin >= 2 &&
                      (line[margin] == '|' || line[margin] == '+');
  return is_one ? line.substr(std::min(margin + 2, line.size())) : line;
}

/// "A ... FROM x TO ..." gives "x"; up to the end if TO is empty.
inline std::string between(std::string_view line, std::string_view from, std::string_view to) {
  const std::size_t begin = line.find(from) + from.size();
  return std::string(line.substr(begin, to.empty() ? to.npos : line.find(to, begin) - begin));
}

/// Nothing for a line that is left out.
inline std::string outline_of_line(std::string_view whole) {
  const std::string_view line = without_margin(whole);
  const auto has = [&](std::string_view part) { return line.find(part) != line.npos; };
  if (line.starts_with("    ") || has("Traceback (most recent call last):")) return {};
  if (line.starts_with("  File ")) {
    return between(line, ", in ", "") + ":" + between(line, ", line ", ",");
  }
  if (line.starts_with("  [Previous line")) return between(line, "repeated ", " time");
  if (line.starts_with("  in ") && has("after line")) {
    return between(line, "in ", " (") + " after " + between(line, "after line ", "");
  }
  if (line.starts_with("  in ")) return at_start(between(line, "in ", " ("));
  if (line.starts_with("The above exception was the direct cause")) return caused;
  if (line.starts_with("During handling of the above")) return while_handling;
  if (has("------------ ")) return between(line, "------------ ", " ");
  return std::string(has("------------------") ? "" : line);
}

}  // namespace detail

/// These lines, and lines of these; g++ 12 takes no braced list where there is a co_await, too.
template <class... Lines>
Outline lines(const Lines&... each) {
  Outline all;
  (detail::append(all, each), ...);
  return all;
}

/// A line per frame, as at(), after() and at_start() write them; errors as they are; `caused` or
/// `while_handling` between two; "1", "2", ... before the members of a group. Heads, source lines
/// and margins are left out.
inline Outline outline(std::string_view text) {
  Outline lines;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = detail::outline_of_line(text.substr(begin, end - begin));
    if (!line.empty()) lines.push_back(std::move(line));
    begin = end + 1;
  }
  return lines;
}
inline Outline outline(const std::exception_ptr& error) {
  return outline(asyncio::format_exception(error));
}

/// What the traceback says of what an awaitable throws, in the handler around the co_await. The
/// frame of this is left out.
template <class A>
asyncio::Coro<Outline> caught(A awaitable) {
  try {
    co_await std::move(awaitable);
  } catch (...) {
    Outline lines = outline(std::current_exception());
    std::erase_if(lines, [](const std::string& line) { return line.starts_with("support::"); });
    co_return lines;
  }
  co_return Outline(1, "nothing was thrown");
}

}  // namespace support
