#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/duration.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace asyncio::dashboard {

/// Where it is served, and how often it looks.
struct Options {
  /// An address of this machine. Whoever reaches it and has the token sees the names of tasks and
  /// where they wait. Copied.
  std::string_view host = "127.0.0.1";
  /// 0: a free one.
  std::uint16_t port = 0;
  /// Between two looks, while somebody has the page open; longer if a look takes long.
  ///
  /// Units: any chrono duration; 50 ms to 60 s.
  Duration every = Duration::nanoseconds(500'000'000);
};
static_assert(std::is_trivially_destructible_v<Options>);

/// A web page that shows the tasks of this process while they run: where they wait, since when, and
/// for whom. It is served by a thread with a loop of its own, so it also shows a loop that is
/// blocked.
///
///     asyncio::dashboard::Dashboard dashboard({.port = 8080});
///     std::cout << dashboard.url() << std::endl;
///
/// The URL has a random token; without it, or from another site, everything is refused. Nothing of
/// the process can be changed through it.
///
/// Threads: any.
/// Lifetime: destroying it closes it.
/// Cost: nothing while nobody looks; then it reads the memory of the process at every look, and
/// each step is counted and timed, which takes a fifth of a microsecond.
class Dashboard {
 public:
  /// Listens; blocks for that long.
  ///
  /// Throws: std::invalid_argument for `every` out of range; std::system_error if it cannot listen.
  explicit Dashboard(Options options = {});
  Dashboard(Dashboard&& other) noexcept;
  Dashboard& operator=(Dashboard&& other) noexcept;
  ~Dashboard();

  /// With the token: "http://127.0.0.1:8080/?token=3f..."; also after close().
  [[nodiscard]] const std::string& url() const noexcept;
  /// Ends the connections and the thread, and waits for that. Idempotent. Does nothing in a forked
  /// child, which has no such thread.
  void close() noexcept;

 private:
  class Served;
  Served* served_;
};

/// Prints the URL to standard error and serves the page until it is cancelled.
///
///     auto dashboard = asyncio::create_task(asyncio::dashboard::serve({.port = 8080}));
///
/// Throws: as Dashboard.
[[nodiscard]] Coro<> serve(Options options = {});

}  // namespace asyncio::dashboard
