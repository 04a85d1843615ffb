#pragma once

#include <asyncio/detail/promise.hpp>
#include <asyncio/detail/task_state.hpp>

#include <string>

namespace asyncio::detail {

/// "<lambda> at x.cpp:12:3" or a type's name, from what type_name<F>() gave.
[[nodiscard]] std::string callable_name(const char* pretty_type);

/// Where a coroutine stands: "NAME() running at FILE:LINE", "NAME() defined at FILE".
[[nodiscard]] std::string describe_coroutine(const PromiseBase& promise);

/// The coroutine that a task was made from; null when it has ended.
[[nodiscard]] const PromiseBase* root_of(const TaskState& task) noexcept;

}  // namespace asyncio::detail
