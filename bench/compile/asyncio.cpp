// The same by this library.
#include <asyncio/asyncio.hpp>

namespace {

asyncio::Coro<> async_main() { co_return; }

}  // namespace

int main() { asyncio::run(async_main()); }
