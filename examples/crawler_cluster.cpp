// The crawler as tasks for three worker processes, over a redis-server of its own. One of the
// workers is killed on the way, and nothing is lost.
#include <asyncio/asyncio.hpp>
#include <asyncio/cluster.hpp>
#include <asyncio/http.hpp>
#include <asyncio/progress.hpp>
#include <asyncio/subprocess.hpp>

#include <chrono>
#include <csignal>
#include <deque>
#include <filesystem>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crawler/crawl.hpp"
#include "crawler/markdown_list.hpp"
#include "crawler/own_redis.hpp"
#include "crawler/practice_server.hpp"

using namespace std::chrono_literals;
namespace cluster = asyncio::cluster;
using asyncio::subprocess::Process;

// --- the task -----------------------------------------------------------------------------------

namespace crawler {

// What a worker sends back.
void asyncio_encode(asyncio::codec::Encoder& out, const Answer& answer) {
  out.encode(answer.stars);
  out.encode(answer.error);
  out.encode(answer.took);
}

Answer asyncio_decode(asyncio::codec::Decoder& in, asyncio::codec::Type<Answer>) {
  Answer answer;
  answer.stars = in.decode<std::int64_t>();
  answer.error = in.decode<std::string>();
  answer.took = in.decode<asyncio::Duration>();
  return answer;
}

}  // namespace crawler

namespace {

asyncio::Coro<crawler::Answer> ask(std::string_view api, std::string path) {
  const asyncio::http::Client client({.base_url = api, .follow_redirects = true});
  co_return co_await crawler::ask(client, std::move(path));
}
const auto ask_task = cluster::task("ask", ask);

// --- who gives the tasks ------------------------------------------------------------------------

constexpr int workers = 3;
constexpr int at_once = 50;  // tasks of one worker
constexpr auto visibility = 2s;
constexpr std::size_t answers_before_the_kill = 200;
constexpr int victim_number = 2;

std::string worker_name(int number) { return "worker-" + std::to_string(number); }

struct Crawl {
  cluster::Cluster& cluster;
  std::string api;
  asyncio::Duration took;
  std::size_t answers = 0;
  asyncio::Event well_under_way;

  asyncio::Coro<crawler::Ranked> stars(crawler::Project project) {
    const std::string path = crawler::path_of(project);
    const crawler::Answer answer = co_await cluster.submit(ask, api, path);
    took += answer.took;
    if (++answers == answers_before_the_kill) well_under_way.set();
    co_return crawler::ranked(std::move(project), answer);
  }
};

// Without a word: it cannot give back what it has.
asyncio::Coro<> kill_on_the_way(Crawl& crawl, std::optional<Process> victim,
                                const asyncio::Progress& screen) {
  if (!victim) co_return;
  co_await crawl.well_under_way.wait();
  const auto status = co_await crawl.cluster.broker().status("default");
  victim->kill();
  for (const cluster::WorkerStatus& worker : status.workers) {
    if (worker.name != worker_name(victim_number)) continue;
    screen.print(worker.name + " was killed with " + std::to_string(worker.running) +
                 " tasks in its hands; others get them when it has been silent for 2 seconds\n");
  }
}

asyncio::Coro<crawler::Crawled> crawl_all(std::vector<crawler::Project> projects, std::string api,
                                          cluster::Cluster& on, std::optional<Process> victim) {
  Crawl crawl{.cluster = on, .api = std::move(api), .took = {}, .well_under_way = {}};
  const asyncio::Progress screen;
  std::vector<asyncio::Coro<crawler::Ranked>> requests;
  for (auto& project : projects) requests.push_back(crawl.stars(std::move(project)));
  auto answers =
      asyncio::progress::gather(asyncio::return_exceptions, std::move(requests),
                                {.description = "asking for stars", .progress = &screen});
  auto killing = kill_on_the_way(crawl, std::move(victim), screen);
  auto both = asyncio::gather(std::move(answers), std::move(killing));
  auto [results, unused] = co_await std::move(both);
  co_return crawler::collect(std::move(results), crawl.took);
}

// As the crawler without a cluster does it.
asyncio::Coro<> practise(cluster::Cluster& on, std::optional<Process> victim) {
  crawler::PracticeServer server;
  co_await server.start();
  const std::string list = server.url() + "/list.md";
  const std::string markdown = co_await crawler::load_list(list);
  std::vector<crawler::Project> projects = crawler::parse_list(markdown);
  std::cout << projects.size() << " projects in " << list << std::endl;

  asyncio::EventLoop& loop = asyncio::get_running_loop();
  const asyncio::TimePoint began = loop.time();
  auto crawling = crawl_all(std::move(projects), server.url(), on, std::move(victim));
  const crawler::Crawled crawled = co_await asyncio::wait_for(std::move(crawling), 60s);
  std::cout << "\n" << crawler::to_text(crawled, 10, loop.time() - began);

  const cluster::QueueStatus status = co_await on.broker().status("default");
  std::cout << status.accepted << " tasks were accepted, " << status.redelivered
            << " of them were redelivered, " << status.finished << " are done" << std::endl;
  co_await server.stop();
}

// --- workers that are processes -----------------------------------------------------------------

// This program again: where it reaches run_main() it becomes a worker, by its environment.
asyncio::Coro<Process> start_worker(std::string url, int number) {
  auto environment = asyncio::Environment::current();
  environment.set("ASYNCIO_WORKER", url);
  environment.set("ASYNCIO_WORKER_NAME", worker_name(number));
  environment.set("ASYNCIO_WORKER_CONCURRENCY", std::to_string(at_once));
  environment.set("ASYNCIO_WORKER_VISIBILITY", std::to_string(visibility.count()));
  const asyncio::Args program(std::filesystem::read_symlink("/proc/self/exe"));
  const asyncio::subprocess::Options options{.stdin_ = asyncio::subprocess::DEVNULL,
                                             .stderr_ = asyncio::subprocess::PIPE,
                                             .env = &environment,
                                             .start_new_session = true};
  Process worker = co_await asyncio::create_subprocess_exec(program, options);
  const std::string said = co_await worker.stderr_->readline();
  if (said.find("takes from") == std::string::npos) {
    throw std::runtime_error(worker_name(number) + " did not begin: " + said);
  }
  co_return worker;
}

asyncio::Coro<> stop_worker(Process worker) {
  if (!worker.returncode()) worker.terminate();
  const auto output = co_await worker.communicate();
  const int code = worker.returncode().value();
  if (code == 0 || code == -SIGKILL) co_return;
  throw std::runtime_error("a worker has ended with the code " + std::to_string(code) + ": " +
                           output.stderr_.value());
}

// What is left after an error is killed with its handle.
asyncio::Coro<> on_processes(std::string url) {
  std::vector<Process> processes;
  for (int i = 1; i <= workers; ++i) processes.push_back(co_await start_worker(url, i));
  std::cout << "redis-server on " << url.substr(url.rfind('/') + 1) << ", " << workers
            << " worker processes, " << at_once << " tasks at the same time in each" << std::endl;
  cluster::Cluster on(url);
  co_await practise(on, processes[victim_number - 1]);
  co_await on.close();
  for (const Process& worker : processes) co_await stop_worker(worker);
}

// --- workers in this process --------------------------------------------------------------------

asyncio::Coro<> in_this_process() {
  std::cout << "there is no redis-server (on Debian and Ubuntu: apt install redis-server), so the "
               "queue and its workers are in this process, and none is killed"
            << std::endl;
  cluster::MemoryBroker broker;
  std::deque<cluster::Worker> all;
  for (int i = 0; i < workers; ++i)
    all.emplace_back(broker, cluster::WorkerOptions{.concurrency = at_once});
  asyncio::TaskGroup group;
  const auto body = [&](asyncio::TaskGroup& tasks) -> asyncio::Coro<> {
    for (cluster::Worker& worker : all) tasks.create_task(worker.run());
    cluster::Cluster on(broker);
    co_await practise(on, std::nullopt);
    co_await on.close();
    for (cluster::Worker& worker : all) worker.stop();
  };
  co_await asyncio::with(group, body);
  co_await broker.close();
}

asyncio::Coro<int> async_main() {
  try {
    crawler::OwnRedis redis;
    if (const bool started = co_await redis.start(); !started) {
      co_await in_this_process();
      co_return 0;
    }
    co_await on_processes(redis.url());
    co_await redis.stop();
    std::cout << "workers and redis-server are stopped" << std::endl;
    co_return 0;
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << std::endl;
    co_return 1;
  }
}

}  // namespace

int main(int argc, char** argv) { return asyncio::run_main(argc, argv, async_main); }
