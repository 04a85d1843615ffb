#pragma once

#include "tasks.hpp"

#include <string>

namespace asyncio::command {

/// A task's frames, innermost first, what it waits for, who waits for it, and the deadlock that it
/// is part of.
[[nodiscard]] std::string stack_text(const Tasks& tasks, const Tasks::Entry& entry);

}  // namespace asyncio::command
