#include "dashboard/site.hpp"

#include <asyncio/event_loop.hpp>
#include <asyncio/finally.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>

#include "dashboard/page.hpp"
#include "dashboard/token.hpp"
#include "dashboard/viewer.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

using namespace std::chrono_literals;

namespace asyncio::dashboard {
namespace {

// Nothing from elsewhere, nothing within the page's own text, in nobody's frame, remembered
// nowhere.
http::Headers guarded_headers() {
  return {{"Content-Security-Policy",
           "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
           "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
          {"X-Content-Type-Options", "nosniff"},
          {"X-Frame-Options", "DENY"},
          {"Referrer-Policy", "no-referrer"},
          {"Cross-Origin-Opener-Policy", "same-origin"},
          {"Cross-Origin-Resource-Policy", "same-origin"},
          {"Cache-Control", "no-store"}};
}

// A redirect would still be part of the visit that another program or page has begun, and a
// SameSite=Strict cookie is not sent with those; a page of ours that goes on by itself is not.
constexpr std::string_view welcome =
    "<!DOCTYPE html><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"0;url=/\">"
    "<link rel=\"icon\" href=\"/icon.svg\"><title>asyncio</title><a href=\"/\">the dashboard</a>\n";

std::string hello(const Source& source, Duration every) {
  using Json = nlohmann::ordered_json;
  const Json json = {{"title", source.title()}, {"every", every.nanoseconds() / 1'000'000}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

/// A viewer's place: told of every look, and counted.
class Site::Seat {
 public:
  Seat(Site& site, asyncio::Event& fresh) : site_(site) {
    site_.seats_.push_front(&fresh);
    place_ = site_.seats_.begin();
    site_.watched_.set();
    if (site_.sampler_.looks() > 0) fresh.set();
  }
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;
  ~Seat() {
    site_.seats_.erase(place_);
    site_.left_ = get_running_loop().time();
  }

 private:
  Site& site_;
  std::list<asyncio::Event*>::iterator place_;
};

Site::Site(Source& source, const Options& options, SiteLimits limits)
    : source_(source),
      host_(options.host),
      port_(options.port),
      every_(options.every),
      limits_(limits),
      server_({.header_bytes = 8 * 1024,
               .header_time = 5s,
               .body_bytes = 0,
               .idle_time = 30s,
               .write_time = limits.write_time}),
      sampler_(source) {
  server_.fallback([this](http::Request& request) { return handle(request); });
}

Coro<> Site::serve(std::function<void(const std::string& url)> listening) {
  co_await server_.start(host_, port_);
  const std::uint16_t port = server_.sockets().at(0).port();
  guard_.emplace(make_token(), host_, port);
  listening(guard_->url());
  auto stop = [this]() -> Coro<> { co_await close(); };
  co_await finally(look_while_watched(), stop);
}

// Viewers end by themselves; only who does not take what was sent has to be cut off, and reported.
Coro<> Site::close() {
  closing_ = true;
  for (asyncio::Event* fresh : seats_) fresh->set();
  co_await server_.shutdown(500ms);
}

// --- looking ------------------------------------------------------------------------------------

Coro<> Site::look_while_watched() {
  EventLoop& loop = get_running_loop();
  for (;;) {
    co_await watched_.wait();
    source_.set_watched(true);
    while (!seats_.empty() || loop.time() - left_ < limits_.remembered) {
      const TimePoint began = loop.time();
      look();
      const Duration took = loop.time() - began;
      co_await sleep(std::max(every_, took * 4));  // a fifth of one processor at most
    }
    source_.set_watched(false);
    sampler_.forget();
    graph_ = {};
    watched_.clear();
  }
}

void Site::look() {
  sampler_.look();
  graph_ = WaitGraph(sampler_.sample());
  for (asyncio::Event* fresh : seats_) fresh->set();
}

// --- answering ----------------------------------------------------------------------------------

Coro<> Site::handle(http::Request& request) {
  const Guard::Verdict verdict = guard_->judge(request);
  http::Headers headers = guarded_headers();
  if (verdict.status != 200) {
    if (verdict.status == 405) headers.set("Allow", "GET, HEAD");
    co_return co_await answer(request, verdict.status, headers, verdict.reason);
  }
  if (verdict.arrived) {
    headers.set("Set-Cookie", guard_->cookie());
    headers.set("Content-Type", "text/html; charset=utf-8");
    co_return co_await answer(request, 200, headers, welcome);
  }
  if (request.path() == "/events") co_return co_await show(request);
  for (const PageFile& file : page_files()) {
    if (request.path() != file.path) continue;
    headers.set("Content-Type", file.type);
    co_return co_await answer(request, 200, headers, file.content);
  }
  co_await answer(request, 404, headers, "the dashboard has no such page\n");
}

Coro<> Site::answer(http::Request& request, int status, http::Headers& headers,
                    std::string_view content) {
  headers.set_default("Content-Type", "text/plain; charset=utf-8");
  headers.set("Content-Length", std::to_string(content.size()));
  http::ReplyStream out = co_await request.start_reply(status, headers);
  co_await out.write(content);
}

Coro<> Site::show(http::Request& request) {
  http::Headers headers = guarded_headers();
  if (seats_.size() >= limits_.viewers) {
    headers.set("Retry-After", "5");
    co_return co_await answer(
        request, 503, headers,
        fmt::format("the dashboard has {} viewers already; close one of them\n", limits_.viewers));
  }
  http::EventStream events = co_await request.start_events(headers);
  if (request.method() == "HEAD") co_return;
  asyncio::Event fresh;
  const Seat seat(*this, fresh);
  Viewer viewer(Query::parse(request.params()));
  co_await events.send(hello(source_, every_), {.event = "hello"});
  for (;;) {
    co_await fresh.wait();
    if (closing_) co_return;
    fresh.clear();
    const std::string text = viewer.describe(sampler_, graph_);
    co_await events.send(text, {.event = "look"});
  }
}

}  // namespace asyncio::dashboard
