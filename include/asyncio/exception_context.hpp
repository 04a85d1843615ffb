#pragma once

#include <asyncio/future.hpp>
#include <asyncio/handle.hpp>
#include <asyncio/task.hpp>

#include <exception>
#include <optional>
#include <source_location>
#include <string>

namespace asyncio {

/// What an exception handler is told.
///
/// Python: the `context` dict of loop.call_exception_handler; a missing key is an empty optional.
struct ExceptionContext {
  std::string message;
  std::exception_ptr exception = nullptr;
  std::optional<AnyTask> task = {};
  std::optional<FutureBase> future = {};
  std::optional<Handle> handle = {};
  /// Where the task, future or handle was created; line 0 where that is not known.
  std::source_location source = {};
};

}  // namespace asyncio
