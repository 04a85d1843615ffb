// The same by Boost.Asio.
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

namespace {

boost::asio::awaitable<void> async_main() { co_return; }

}  // namespace

int main() {
  boost::asio::io_context context;
  boost::asio::co_spawn(context, async_main(), boost::asio::detached);
  context.run();
}
