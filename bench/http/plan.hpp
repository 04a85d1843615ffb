#pragma once

#include <time.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

/// What a client of this benchmark is asked, and what it answers.
///
///     PROGRAM PORT PATH TASKS CONNECTIONS AMOUNT
///
/// TASKS ask at the same time, each for one answer after the other, over so many connections at
/// most; AMOUNT is how long, such as 0.5s, or how many requests all together, such as 600 or 600w.
/// The program prints READY once it has made a request or, unless it is asked for a bare number, as
/// many as there are tasks, so that its connections are open. It begins at a line on its input,
/// prints {"operations": N, "nanoseconds": N} and ends with its input.
namespace bench::http {

/// The body of each answer.
constexpr std::size_t body_size = 100;

inline double seconds_now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

struct Plan {
  std::string url;
  std::string warm_url;  ///< answered at once
  std::size_t tasks = 0;
  std::size_t connections = 0;
  std::size_t warming = 1;  ///< requests before it begins
  long requests = 0;
  double seconds = 0;  ///< if not 0
};

inline Plan plan_of(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: %s PORT PATH TASKS CONNECTIONS AMOUNT\n", argv[0]);
    std::exit(2);
  }
  Plan plan;
  const std::string origin = std::string("http://127.0.0.1:") + argv[1];
  plan.url = origin + argv[2];
  plan.warm_url = origin + "/";
  plan.tasks = std::strtoul(argv[3], nullptr, 10);
  plan.connections = std::strtoul(argv[4], nullptr, 10);
  const std::string_view amount = argv[5];
  if (amount.ends_with('s')) {
    plan.seconds = std::atof(argv[5]);
  } else {
    plan.requests = std::atol(argv[5]);
  }
  if (amount.ends_with('s') || amount.ends_with('w')) plan.warming = plan.tasks;
  return plan;
}

/// The requests of a plan: how many may still begin, how many have been answered.
class Quota {
 public:
  explicit Quota(const Plan& plan) : left_(plan.requests), seconds_(plan.seconds) {}
  explicit Quota(std::size_t requests) : left_(static_cast<long>(requests)) {}

  bool take() { return seconds_ > 0 ? seconds_now() - began_ < seconds_ : left_-- > 0; }
  void answered(long status, std::size_t bytes) {
    if (status != 200 || bytes != body_size) {
      std::fprintf(stderr, "an answer with status %ld and %zu bytes\n", status, bytes);
      std::exit(1);
    }
    ++answered_;
  }
  void report() const {
    std::printf("{\"operations\": %ld, \"nanoseconds\": %.0f}\n", answered_,
                (seconds_now() - began_) * 1e9);
    std::fflush(stdout);
  }

 private:
  long left_;
  double seconds_ = 0;
  double began_ = seconds_now();
  long answered_ = 0;
};

inline void wait_for_line() {
  for (int c = 0; c != '\n' && c != EOF;) c = std::getchar();
}

inline void wait_for_start() {
  std::puts("READY");
  std::fflush(stdout);
  wait_for_line();
}

}  // namespace bench::http
