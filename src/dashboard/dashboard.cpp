#include <asyncio/dashboard.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/error.hpp>
#include <asyncio/event.hpp>
#include <asyncio/run.hpp>

#include "base/log.hpp"
#include "dashboard/own_process.hpp"
#include "dashboard/site.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

using namespace std::chrono_literals;

namespace asyncio::dashboard {
namespace {

void check(const Options& options) {
  if (options.every >= Duration(50ms) && options.every <= Duration(60s)) return;
  throw std::invalid_argument(fmt::format("dashboard: `every` is 50 ms to 60 s, not {} ms",
                                          options.every.nanoseconds() / 1'000'000));
}

}  // namespace

/// The thread, and how to end it.
class Dashboard::Served {
 public:
  explicit Served(const Options& options)
      : host_(options.host), source_(std::make_unique<OwnProcess>()) {
    options_ = options;
    options_.host = host_;
    std::promise<std::string> listening;
    std::future<std::string> url = listening.get_future();
    thread_ = std::thread([this, &listening] { run(listening); });
    try {
      url_ = url.get();
    } catch (...) {
      thread_.join();
      throw;
    }
  }
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;
  ~Served() { close(); }

  [[nodiscard]] const std::string& url() const noexcept { return url_; }

  void close() noexcept {
    if (!thread_.joinable()) return;
    if (::getpid() != pid_) {  // the thread is the parent's
      thread_.detach();
      [[maybe_unused]] const OwnProcess* left = source_.release();
      return;
    }
    {
      const std::lock_guard lock(mutex_);
      if (main_) main_->get_loop().call_soon_threadsafe([main = *main_] { main.cancel(); });
    }
    thread_.join();
  }

 private:
  void run(std::promise<std::string>& listening) {
    bool told = false;
    const auto tell = [&](const std::string& url) {
      told = true;
      listening.set_value(url);  // which is gone after this
    };
    try {
      Site site(*source_, options_);
      asyncio::run(serve(site, tell), {.name = "dashboard", .backend = "epoll"});
    } catch (const CancelledError&) {
      // As asked for.
    } catch (const std::exception& error) {
      if (told) {
        detail::log(LogLevel::error, fmt::format("dashboard: it has ended: {}", error.what()));
      } else {
        listening.set_exception(std::current_exception());
      }
    }
  }

  // The loop lives while `main_` is there.
  Coro<> serve(Site& site, std::function<void(const std::string& url)> tell) {
    source_->hide(reinterpret_cast<std::uintptr_t>(detail::thread_state.scheduler));
    set_main(current_task());
    auto served = co_await as_result(site.serve(std::move(tell)));
    set_main(std::nullopt);
    std::move(served).value();
  }
  void set_main(std::optional<AnyTask> main) {
    const std::lock_guard lock(mutex_);
    main_ = std::move(main);
  }

  const std::string host_;
  Options options_;
  std::unique_ptr<OwnProcess> source_;
  std::mutex mutex_;
  std::optional<AnyTask> main_;
  std::string url_;
  const int pid_ = ::getpid();
  std::thread thread_;
};

Dashboard::Dashboard(Options options) : served_((check(options), new Served(options))) {}

Dashboard::Dashboard(Dashboard&& other) noexcept : served_(std::exchange(other.served_, nullptr)) {}

Dashboard& Dashboard::operator=(Dashboard&& other) noexcept {
  std::swap(served_, other.served_);
  return *this;
}

Dashboard::~Dashboard() { delete served_; }

const std::string& Dashboard::url() const noexcept {
  static const std::string none;
  return served_ == nullptr ? none : served_->url();
}

void Dashboard::close() noexcept {
  if (served_ != nullptr) served_->close();
}

Coro<> serve(Options options) {
  const Dashboard dashboard(options);
  fmt::print(stderr, "dashboard: {}\n", dashboard.url());
  asyncio::Event never;
  co_await never.wait();
}

}  // namespace asyncio::dashboard
