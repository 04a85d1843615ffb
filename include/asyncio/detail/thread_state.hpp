#pragma once

namespace asyncio::detail {

class ContextCell;
class Scheduler;
class TaskState;

/// What a thread is running at this moment.
struct ThreadState {
  Scheduler* scheduler = nullptr;            ///< the loop that runs on this thread
  TaskState* task = nullptr;                 ///< the task whose step runs
  ContextCell** callback_context = nullptr;  ///< where the running callback keeps its context
  ContextCell* own_context = nullptr;        ///< for what is neither; owned, see context.cpp
};

extern constinit thread_local ThreadState thread_state;

}  // namespace asyncio::detail
