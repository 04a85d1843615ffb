// Tasks over Redis without a library: hiredis, connections that block, and per task the commands
// and scripts of RedisBroker, as many tasks by each as it has at most. bench/cluster.py has the
// modes.
#include "cluster/redis_script.hpp"
#include "redis.hpp"
#include "rows.hpp"

#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using asyncio::cluster::detail::redis_scripts;
using asyncio::cluster::detail::RedisScript;
using bench::at;
using bench::Command;
using bench::Connection;
using bench::Reply;
using bench::require;
using bench::text;

namespace {

constexpr long batch = 100;
constexpr long batches_ahead = 16;
constexpr std::string_view base = "asyncio:{default}";
constexpr std::string_view block_ms = "5000";

long following(long number) { return number + 1; }

long number_in(std::string_view digits) {
  long number = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  require(read.ec == std::errc() && !digits.empty(), "a number");
  return number;
}

double seconds(clockid_t clock) { return bench::clock_nanoseconds(clock) / 1e9; }

void load(Connection& to, const RedisScript& script) {
  const Reply sha = to.ask({"SCRIPT", "LOAD", script.source()});
  require(text(*sha) == script.sha(), "the name of a script");
}

// --- the client ----------------------------------------------------------------------------------

std::string client_name() { return "limit-" + std::to_string(getpid()); }

class Publisher {
 public:
  Publisher(std::string_view url, std::string_view client) : redis_(url), client_(client) {
    load(redis_, redis_scripts().publish);
  }

  /// A batch of the tasks from `first` on.
  void append(long first, long count) {
    const std::string asking = std::to_string(getpid()) + "-" + std::to_string(first);
    Command command{"EVALSHA", redis_scripts().publish.sha(), "1", base, "0", asking};
    std::vector<std::string> ids(static_cast<std::size_t>(count));
    std::vector<std::string> arguments(ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const long number = first + static_cast<long>(i);
      char id[33];
      std::snprintf(id, sizeof id, "%016lx%016lx", static_cast<long>(getpid()), number);
      ids[i] = id;
      arguments[i] = std::to_string(number);
      command.add({"0", ids[i], "following", "1:0123456789abcdef", arguments[i], client_, "1", "0",
                   "1", "1000", "60000", "3600000"});
    }
    redis_.append(std::move(command));
  }
  void send() { redis_.send(); }
  void get(long count) {
    const Reply reply = redis_.get();
    const redisReply& answers = at(*reply, 1);
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
      require(at(answers, i).integer == 0, "accepted");
    }
  }

  void publish(long first, long count) {
    const auto size = [count](long number) { return std::min(batch, count - number * batch); };
    const long batches = (count + batch - 1) / batch;
    long sent = 0;
    for (long got = 0; got < batches; ++got) {
      for (; sent < std::min(batches, got + batches_ahead); ++sent) {
        append(first + sent * batch, size(sent));
      }
      get(size(got));
    }
  }

 private:
  Connection redis_;
  std::string client_;
};

class Collector {
 public:
  Collector(std::string_view url, std::string_view client)
      : redis_(url), stream_(std::string(base) + ":reply:" + std::string(client)) {}

  /// Asks for results, and drops those that it has.
  void ask() {
    if (trims_) redis_.append({"XTRIM", stream_, "MINID", seen_});
    redis_.append({"XREAD", "COUNT", "1000", "BLOCK", block_ms, "STREAMS", stream_, seen_});
    redis_.send();
  }
  /// Returns: how many; their sum is added.
  long get(long& sum) {
    if (trims_) (void)redis_.get();
    const Reply streams = redis_.get();
    trims_ = streams->type == REDIS_REPLY_ARRAY;
    if (!trims_) return 0;  // nothing came for so long
    const redisReply& entries = at(at(*streams, 0), 1);
    for (std::size_t i = 0; i < entries.elements; ++i) {
      const redisReply& fields = at(at(entries, i), 1);
      require(text(at(fields, 2)) == "outcome" && text(at(fields, 3)) == "value", "a value");
      sum += number_in(text(at(fields, 5)));
    }
    seen_ = text(at(at(entries, entries.elements - 1), 0));
    return static_cast<long>(entries.elements);
  }

 private:
  Connection redis_;
  std::string stream_;
  std::string seen_ = "0-0";
  bool trims_ = false;
};

void collect(Collector& collector, long first, long count) {
  long sum = 0;
  for (long got = 0; got < count;) {
    collector.ask();
    got += collector.get(sum);
  }
  long expected = 0;
  for (long i = first; i < first + count; ++i) expected += following(i);
  require(sum == expected, "the results");
}

void throughput(std::string_view url, long count) {
  Publisher publisher(url, client_name());
  Collector collector(url, client_name());
  publisher.publish(0, 1);
  collect(collector, 0, 1);
  const double began = seconds(CLOCK_MONOTONIC);
  std::thread results([&] { collect(collector, 1, count); });
  publisher.publish(1, count);
  results.join();
  std::printf("{\"tasks\": %ld, \"seconds\": %.9f}\n", count, seconds(CLOCK_MONOTONIC) - began);
}

void publish(std::string_view url, long count) {
  Publisher publisher(url, "");
  const double began = seconds(CLOCK_MONOTONIC);
  const double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
  publisher.publish(0, count);
  std::printf("{\"tasks\": %ld, \"seconds\": %.9f, \"cpu_seconds\": %.9f}\n", count,
              seconds(CLOCK_MONOTONIC) - began, seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
}

template <class Once>
void print_median(long count, Once once) {
  std::vector<double> took;
  for (long i = 0; i < count + count / 10; ++i) {
    const double began = bench::clock_nanoseconds(CLOCK_MONOTONIC);
    once(i);
    took.push_back(bench::clock_nanoseconds(CLOCK_MONOTONIC) - began);
  }
  took.erase(took.begin(), took.end() - count);
  std::printf("{\"tasks\": %ld, \"nanoseconds\": %.0f}\n", count, bench::median(std::move(took)));
}

void latency(std::string_view url, long count) {
  Publisher publisher(url, client_name());
  Collector collector(url, client_name());
  print_median(count, [&](long i) {
    collector.ask();
    publisher.append(i, 1);
    publisher.send();
    long result = 0;
    require(collector.get(result) == 1 && result == following(i), "the result");
    publisher.get(1);
  });
}

void ping(std::string_view url, long count) {
  Connection redis(url);
  print_median(count, [&](long) { (void)redis.ask({"PING"}); });
}

// --- the worker ----------------------------------------------------------------------------------

class Worker {
 public:
  explicit Worker(std::string_view url)
      : redis_(url),
        name_("limit-" + std::to_string(getpid())),
        stream_(std::string(base)),
        control_(stream_ + ":control:" + name_) {
    stream_ += ":stream";
    load(redis_, redis_scripts().claim);
    load(redis_, redis_scripts().finish);
    append_claim(std::to_string(batch));  // which introduces it
  }

  /// Returns: how many it has done.
  long turn() {
    Reply reply = redis_.get();
    const redisReply* entries = &at(at(*reply, 0), 0);
    if (entries->elements == 0) {
      reply = redis_.ask({"XREADGROUP", "GROUP", "workers", name_, "COUNT", size_, "BLOCK",
                          block_ms, "STREAMS", stream_, control_, ">", ">"});
      if (reply->type != REDIS_REPLY_ARRAY) return append_claim(""), 0;
      entries = &at(at(*reply, 0), 1);
    }
    append_finish(*entries);
    append_claim("");
    (void)redis_.get();  // what was finished is
    return static_cast<long>(entries->elements);
  }

 private:
  void append_claim(std::string_view concurrency) {
    redis_.append(
        {"EVALSHA", redis_scripts().claim.sha(), "1", base, name_, size_, concurrency, "0-0"});
  }
  void append_finish(const redisReply& entries) {
    Command command{"EVALSHA", redis_scripts().finish.sha(), "1", base};
    std::vector<std::string> results(entries.elements);
    for (std::size_t i = 0; i < entries.elements; ++i) {
      const redisReply& fields = at(at(entries, i), 1);
      require(text(at(fields, 0)) == "id" && text(at(fields, 6)) == "args", "the fields");
      results[i] = std::to_string(following(number_in(text(at(fields, 7)))));
      command.add({text(at(fields, 1)), text(at(at(entries, i), 0)), "value", results[i]});
    }
    redis_.append(std::move(command));
  }

  Connection redis_;
  std::string name_;
  std::string stream_;
  std::string control_;
  std::string size_ = std::to_string(batch);
};

// 0: until it is ended.
void work(std::string_view url, long count) {
  Worker worker(url);
  std::puts("ready");
  std::fflush(stdout);
  const double began = seconds(CLOCK_MONOTONIC);
  const double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
  for (long done = 0; count == 0 || done < count;) done += worker.turn();
  std::printf("{\"tasks\": %ld, \"seconds\": %.9f, \"cpu_seconds\": %.9f}\n", count,
              seconds(CLOCK_MONOTONIC) - began, seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 3 ? argv[3] : "";
  const long count = argc > 4 ? std::atol(argv[4]) : 0;
  struct Mode {
    std::string_view name;
    void (*run)(std::string_view url, long count);
  };
  for (const Mode& known :
       {Mode{"worker", &work}, Mode{"throughput", &throughput}, Mode{"latency", &latency},
        Mode{"publish", &publish}, Mode{"ping", &ping}}) {
    if (mode != known.name || std::strcmp(argv[1], "--redis") != 0) continue;
    known.run(argv[2], count);
    return 0;
  }
  std::fprintf(stderr, "usage: %s --redis URL worker|throughput|latency|publish|ping [N]\n",
               argv[0]);
  return 2;
}
