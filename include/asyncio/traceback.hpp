#pragma once

#include <exception>
#include <string>

namespace asyncio {

/// What Python prints for an exception: the coroutines that it came through, outermost first, then
/// its type and text; an ExceptionGroup as a tree; the errors that it was made of or has replaced
/// above it.
///
///     Traceback (most recent call last):
///       File "crawl.cpp", line 12, in fetch_all
///         co_await fetch(url);
///       in parse (crawl.cpp), after line 40
///     invalid_argument: no such tag
///
/// The innermost coroutine is given by its last co_await, since C++ does not know where it threw;
/// coroutines of this library are left out; source lines appear where the files can be read.
///
/// Python: traceback.format_exception, as one string without a line break at its end
/// Returns: "no exception" for a null pointer. The track is known of errors that came out of run()
/// or of a coroutine on this thread and are among its last sixteen; of others type and text remain.
[[nodiscard]] std::string format_exception(const std::exception_ptr& error);

/// Writes format_exception() to standard error. Python: traceback.print_exception
void print_exception(const std::exception_ptr& error);

}  // namespace asyncio
