#include <asyncio/detail/thread_state.hpp>

namespace asyncio::detail {

constinit thread_local ThreadState thread_state;

}  // namespace asyncio::detail
