#pragma once

#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "dashboard/made_up.hpp"
#include "dashboard/site.hpp"
#include "support/http.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace support {

/// A dashboard of a process that was never there, on the loop of the test.
class DashboardSite {
 public:
  explicit DashboardSite(std::string host = "127.0.0.1", asyncio::snapshot::ProcessView view = {})
      : DashboardSite([view = std::move(view)](int) { return view; }, std::move(host)) {}
  explicit DashboardSite(std::function<asyncio::snapshot::ProcessView(int)> look,
                         std::string host = "127.0.0.1")
      : host_(std::move(host)), process_(std::move(look)), site_(process_, options(), limits()) {}

  asyncio::Coro<> start() {
    asyncio::Event listening;
    const auto tell = [&](const std::string& url) {
      url_ = url;
      listening.set();
    };
    served_ = asyncio::create_task(site_.serve(tell));
    co_await listening.wait();
  }
  asyncio::Coro<> stop() {
    served_->cancel();
    (void)co_await asyncio::as_result(*served_);
  }

  [[nodiscard]] const std::string& url() const { return url_; }
  [[nodiscard]] std::string token() const { return url_.substr(url_.find('=') + 1); }
  [[nodiscard]] std::uint16_t port() const {
    return static_cast<std::uint16_t>(std::stoi(url_.substr(url_.rfind(':') + 1)));
  }
  [[nodiscard]] std::string bearer() const { return "Authorization: Bearer " + token() + "\r\n"; }
  [[nodiscard]] std::string cookie_name() const {
    return "asyncio_dashboard_" + std::to_string(port());
  }
  [[nodiscard]] made_up::Process& process() { return process_; }

  [[nodiscard]] asyncio::Coro<HttpClient> connect() const {
    co_return co_await HttpClient::to(asyncio::Address("127.0.0.1", port()));
  }
  /// With a Host of its own.
  [[nodiscard]] asyncio::Coro<Answer> ask_host(std::string host, std::string method,
                                               std::string target, std::string lines) const {
    const HttpClient client = co_await connect();
    client.send(method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\n" + lines + "\r\n");
    Answer answer = co_await client.answer(method == "HEAD");
    co_await client.close();
    co_return answer;
  }
  [[nodiscard]] asyncio::Coro<Answer> ask(std::string method, std::string target,
                                          std::string lines) const {
    return ask_host("127.0.0.1:" + std::to_string(port()), std::move(method), std::move(target),
                    std::move(lines));
  }
  [[nodiscard]] asyncio::Coro<Answer> get(std::string target) const {
    return ask("GET", std::move(target), bearer());
  }

 private:
  [[nodiscard]] asyncio::dashboard::Options options() const {
    return {.host = host_, .every = std::chrono::milliseconds(1)};
  }
  // Their time is real: there are connections.
  [[nodiscard]] static asyncio::dashboard::SiteLimits limits() {
    return {.write_time = std::chrono::milliseconds(300),
            .remembered = std::chrono::milliseconds(50)};
  }

  std::string host_;
  made_up::Process process_;
  asyncio::dashboard::Site site_;
  std::optional<asyncio::Task<>> served_;
  std::string url_;
};

}  // namespace support
