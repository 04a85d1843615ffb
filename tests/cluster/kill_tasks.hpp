#pragma once

#include <asyncio/cluster_task.hpp>

/// What the tests that kill workers have in common with the program whose processes they kill.
namespace kill_tests {

/// Twice the number. One in a hundred kills the worker that runs it first, if workers are told so.
inline constexpr asyncio::cluster::Name<int(int)> twice("twice");

}  // namespace kill_tests
