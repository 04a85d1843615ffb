// A worker that is killed at a stage of a task's life: worker_program URL STAGE MARK. Where a stage
// is for one process only, it is the one that makes the file MARK. With "slow" as the stage tasks
// take a while, and with "client" it submits MARK tasks instead, checks what they give, and prints
// what the queue has counted.
#include <asyncio/asyncio.hpp>
#include <asyncio/cluster.hpp>

#include "cluster/kill_tasks.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using namespace asyncio::cluster;
using asyncio::Coro;
using asyncio::Duration;

namespace {

std::string stage;
const char* mark = "";

void die() { ::raise(SIGKILL); }

void die_once_at(std::string_view reached) {
  if (stage != reached) return;
  const int fd = ::open(mark, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (fd >= 0) die();
}

Coro<int> twice(int number) {
  die_once_at("running");
  if (stage == "one in a hundred" && number % 100 == 0 && current_job()->redelivered == 0) die();
  const bool is_slow = stage == "slow";
  co_await asyncio::sleep(is_slow ? Duration(20ms) : Duration());
  co_return 2 * number;
}
const auto twice_task = task(kill_tests::twice.text(), twice);

/// One that dies on the way.
class Mortal final : public Broker {
 public:
  explicit Mortal(Broker& broker) noexcept : broker_(broker) {}

  Coro<Claimed> claim(const Consumer& consumer, std::uint32_t most) override {
    Claimed claimed = co_await broker_.claim(consumer, most);
    if (!claimed.deliveries.empty()) die_once_at("claimed");
    co_return claimed;
  }
  Coro<> finish(std::vector<Finished> ends) override {
    die_once_at("done");
    auto finishing = asyncio::create_task(broker_.finish(std::move(ends)));
    for (int i = 0; i < 3; ++i) co_await asyncio::sleep(Duration());
    die_once_at("result written");  // or on its way
    co_await finishing;
    die_once_at("acknowledged");
  }

  Coro<std::vector<Accepted>> publish(std::vector<Message> m, std::uint64_t most) override {
    return broker_.publish(std::move(m), most);
  }
  Coro<std::vector<Reply>> replies(std::string client) override {
    return broker_.replies(std::move(client));
  }
  Coro<> cancel(std::string queue, std::string id, std::string client) override {
    return broker_.cancel(std::move(queue), std::move(id), std::move(client));
  }
  Coro<std::vector<Lease>> extend(const Consumer& c, std::vector<Lease> leases) override {
    return broker_.extend(c, std::move(leases));
  }
  Coro<> fail(Delivery delivery, std::string reason, std::string payload) override {
    return broker_.fail(std::move(delivery), std::move(reason), std::move(payload));
  }
  Coro<> delay(Delivery delivery, Duration by) override {
    return broker_.delay(std::move(delivery), by);
  }
  Coro<> report(Lease lease, std::int64_t done, std::int64_t total) override {
    return broker_.report(std::move(lease), done, total);
  }
  Coro<Duration> tend(const Consumer& consumer) override { return broker_.tend(consumer); }
  Coro<> leave(const Consumer& consumer) override { return broker_.leave(consumer); }
  Coro<std::vector<std::string>> queues() override { return broker_.queues(); }
  Coro<QueueStatus> status(std::string queue) override { return broker_.status(std::move(queue)); }
  Coro<std::vector<Message>> queued(std::string queue, std::uint64_t most) override {
    return broker_.queued(std::move(queue), most);
  }
  Coro<std::vector<DeadLetter>> dead(std::string queue, std::string after,
                                     std::uint64_t most) override {
    return broker_.dead(std::move(queue), std::move(after), most);
  }
  Coro<std::uint64_t> requeue(std::string queue, std::vector<std::string> entries) override {
    return broker_.requeue(std::move(queue), std::move(entries));
  }
  Coro<std::uint64_t> drain(std::string queue) override { return broker_.drain(std::move(queue)); }
  Coro<> limit_rate(std::string queue, double rate) override {
    return broker_.limit_rate(std::move(queue), rate);
  }
  Coro<> close() override { return broker_.close(); }

 private:
  Broker& broker_;
};

Coro<> work(const char* url) {
  RedisBroker redis(url);
  Mortal broker(redis);
  WorkerOptions options;
  options.concurrency = 10;
  options.visibility = 500ms;
  options.max_deliveries = 100;  // the others of a worker that is killed are not to blame
  options.grace = 5s;
  Worker worker(broker, options);
  asyncio::get_running_loop().add_signal_handler(SIGTERM, [&worker] { worker.stop(); });
  co_await worker.run();
  co_await redis.close();
}

Coro<> submit(const char* url, int count) {
  Cluster cluster(url);
  std::vector<int> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  const std::vector<int> results = co_await cluster.map(kill_tests::twice, numbers);
  for (int i = 0; i < count; ++i) {
    if (results.at(i) != 2 * i) throw std::runtime_error("a wrong result");
  }
  const QueueStatus status = co_await cluster.broker().status("default");
  std::printf("accepted %lu finished %lu failed %lu dead %lu redelivered %lu\n", status.accepted,
              status.finished, status.failed, status.dead, status.redelivered);
  co_await cluster.close();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  stage = argv[2];
  mark = argv[3];
  asyncio::run(stage == "client" ? submit(argv[1], std::atoi(mark)) : work(argv[1]));
}
