#pragma once

namespace asyncio::cluster::detail {

/// If `asyncio worker` has started this program, this process is a worker from here on, and ends as
/// one.
void become_worker_if_asked();

}  // namespace asyncio::cluster::detail
