#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/dashboard.hpp>
#include <asyncio/event.hpp>
#include <asyncio/http_server.hpp>

#include "dashboard/guard.hpp"
#include "dashboard/sampler.hpp"
#include "dashboard/wait_graph.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <string_view>

namespace asyncio::dashboard {

/// What viewers may cost.
struct SiteLimits {
  std::size_t viewers = 8;
  /// In which one takes nothing of what is sent. Above, the connection ends.
  Duration write_time = Duration::nanoseconds(30'000'000'000);
  /// How long it goes on to look without a viewer: a page is reloaded, a filter changed.
  Duration remembered = Duration::nanoseconds(10'000'000'000);
};

/// The web site: its pages, its viewers, and the looks at the process while there are some.
///
/// Every viewer is a coroutine that sends what the newest look has shown and waits until that is
/// taken; a viewer who is slow misses looks, and nothing is kept for it.
///
/// Threads: the loop's that runs it.
class Site {
 public:
  Site(Source& source, const Options& options, SiteLimits limits = {});

  /// Listens, gives the URL, and serves until it is cancelled.
  [[nodiscard]] Coro<> serve(std::function<void(const std::string& url)> listening);

 private:
  class Seat;
  [[nodiscard]] Coro<> handle(http::Request& request);
  [[nodiscard]] Coro<> answer(http::Request& request, int status, http::Headers& headers,
                              std::string_view content);
  [[nodiscard]] Coro<> show(http::Request& request);
  [[nodiscard]] Coro<> look_while_watched();
  [[nodiscard]] Coro<> close();
  void look();

  Source& source_;
  const std::string host_;
  const std::uint16_t port_;
  const Duration every_;
  const SiteLimits limits_;
  http::Server server_;
  std::optional<Guard> guard_;  // once the port is known
  Sampler sampler_;
  WaitGraph graph_;
  std::list<asyncio::Event*> seats_;  // of viewers: set when there is something new
  asyncio::Event watched_;            // there are viewers, or were a moment ago
  bool closing_ = false;
  TimePoint left_;  // when the last one went
};

}  // namespace asyncio::dashboard
