#include "cluster/run_worker.hpp"

#include <asyncio/cluster_redis.hpp>
#include <asyncio/cluster_worker.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/run.hpp>
#include <asyncio/task.hpp>
#include <asyncio/traceback.hpp>

#include "cluster/registry.hpp"

#include <fmt/format.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>

namespace asyncio::cluster {
namespace {

constexpr const char* url_variable = "ASYNCIO_WORKER";
constexpr std::int64_t second = 1'000'000'000;

std::string environment(const char* name) {
  const char* text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before there are threads
  return text == nullptr ? "" : text;
}

// Seconds, or a count. `now`: what is taken if the variable is not set.
template <class N>
N number_of(const char* name, N now) {
  const std::string text = environment(name);
  if (text.empty()) return now;
  N number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size() && number > 0) return number;
  throw std::invalid_argument(fmt::format("{}={} is no number above 0", name, text));
}

Duration seconds_of(const char* name, Duration now) {
  const double seconds = static_cast<double>(now.nanoseconds()) / second;
  return Duration::nanoseconds(static_cast<std::int64_t>(number_of(name, seconds) * second));
}

// The texts outlive what is made of them.
struct Environment {
  std::string url = environment(url_variable);
  std::string queues = environment("ASYNCIO_WORKER_QUEUES");
  std::string name = environment("ASYNCIO_WORKER_NAME");
};

WorkerOptions with_environment(WorkerOptions options, const Environment& environment) {
  if (!environment.queues.empty()) options.queues = environment.queues;
  if (options.name.empty()) options.name = environment.name;
  options.concurrency = number_of("ASYNCIO_WORKER_CONCURRENCY", options.concurrency);
  options.visibility = seconds_of("ASYNCIO_WORKER_VISIBILITY", options.visibility);
  options.grace = seconds_of("ASYNCIO_WORKER_GRACE", options.grace);
  return options;
}

// The first signal lets it stop, a second one does not wait for what runs.
void obey_signals(Worker& worker) {
  EventLoop& loop = get_running_loop();
  const AnyTask self = *current_task();
  for (const int signal : {SIGTERM, SIGINT}) {
    loop.add_signal_handler(signal, [&worker, self, asked = false]() mutable {
      if (std::exchange(asked, true)) {
        self.cancel();
        return;
      }
      worker.stop();
      fmt::print(stderr, "asyncio worker {}: stops when its {} tasks have ended\n", worker.name(),
                 worker.counts().running);
    });
  }
}

Coro<> work(std::string_view url, const WorkerOptions& options) {
  RedisBroker broker(url);
  Worker worker(broker, options);
  obey_signals(worker);
  fmt::print(stderr, "asyncio worker {}: takes from {}; it knows {}\n", worker.name(),
             options.queues, detail::known_tasks());
  co_await worker.run();
  co_await broker.close();
  const WorkerCounts& counts = worker.counts();
  fmt::print(stderr, "asyncio worker {}: has ended: {} done, {} failed, {} given back\n",
             worker.name(), counts.done, counts.failed, counts.returned);
}

}  // namespace

int run_worker(std::string_view url, const WorkerOptions& options) {
  try {
    const Environment environment;
    // The program that runs is a worker now, and what it starts is not.
    ::unsetenv(url_variable);  // NOLINT(concurrency-mt-unsafe)
    const std::string_view from = url.empty() ? std::string_view(environment.url) : url;
    if (from.empty()) {
      throw std::invalid_argument(
          "run_worker(): it is not said where the broker is; give a URL, redis://HOST, or start "
          "the program by asyncio worker PROGRAM --redis URL");
    }
    asyncio::run(work(from, with_environment(options, environment)));
    return 0;
  } catch (const CancelledError&) {
    return 0;
  } catch (...) {
    fmt::print(stderr, "asyncio worker: {}\n", format_exception(std::current_exception()));
    return 1;
  }
}

namespace detail {

void become_worker_if_asked() {
  if (environment(url_variable).empty()) return;
  const int status = run_worker();
  std::fflush(nullptr);
  std::_Exit(status);  // what the program has begun is not to be ended: it has not run
}

}  // namespace detail

}  // namespace asyncio::cluster
