#pragma once

// Everything but the optional parts, such as testing.hpp.

#include <asyncio/as_completed.hpp>
#include <asyncio/as_result.hpp>
#include <asyncio/async_timed.hpp>
#include <asyncio/concurrent_future.hpp>
#include <asyncio/context.hpp>
#include <asyncio/coroutine.hpp>
#include <asyncio/duration.hpp>
#include <asyncio/error.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/exception_context.hpp>
#include <asyncio/executor.hpp>
#include <asyncio/finally.hpp>
#include <asyncio/future.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/handle.hpp>
#include <asyncio/log.hpp>
#include <asyncio/moved.hpp>
#include <asyncio/result.hpp>
#include <asyncio/run.hpp>
#include <asyncio/shield.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/task_group.hpp>
#include <asyncio/threads.hpp>
#include <asyncio/timeout.hpp>
#include <asyncio/traceback.hpp>
#include <asyncio/wait.hpp>
#include <asyncio/wait_for.hpp>
#include <asyncio/with.hpp>
