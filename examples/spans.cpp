// A span for each task, as OpenTelemetry has them: which task was made by which, and how it ended.
#include <asyncio/asyncio.hpp>
#include <asyncio/observer.hpp>

#include <chrono>
#include <iostream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

struct Span {
  std::string name;
  std::string end = "still running";
  int steps = 0;
  std::vector<std::shared_ptr<Span>> children;
};

// Each task has a copy of the context of the one that makes it: so spans nest.
asyncio::ContextVar<std::shared_ptr<Span>> current_span("span");

class Spans : public asyncio::Observer {
 public:
  explicit Spans(std::shared_ptr<Span> root) : root_(std::move(root)) {}

  void created(const asyncio::AnyTask& task) override {
    auto parent = current_span.get(root_);  // here that of the task that makes this one
    auto span = std::make_shared<Span>();
    span->name = task.get_name();
    parent->children.push_back(span);
    task.get_context().run([&] { current_span.set(span); });
  }
  void step_begins(const asyncio::AnyTask&) override {
    if (auto span = current_span.get(nullptr)) ++span->steps;  // and here its own
  }
  void done(const asyncio::AnyTask& task) override {
    if (auto span = current_span.get(nullptr)) {
      span->end = task.cancelled() ? "cancelled" : task.exception() ? "failed" : "done";
    }
  }

 private:
  std::shared_ptr<Span> root_;
};

void print(const Span& span, const std::string& indent = "") {
  std::cout << indent << span.name << ": " << span.end;
  if (span.steps > 0) std::cout << ", " << span.steps << " steps";
  std::cout << std::endl;
  for (const auto& child : span.children) print(*child, indent + "  ");
}

asyncio::Coro<std::string> query(std::string table) {
  co_await asyncio::sleep(20ms);
  if (table == "prices") throw std::runtime_error("no such table");
  co_return table;
}

asyncio::Coro<> request(int pause) {
  auto users = asyncio::create_task(query("users"), {.name = "query users"});
  auto prices = asyncio::create_task(query("prices"), {.name = "query prices"});
  co_await users;
  const auto found = co_await asyncio::as_result(prices);
  if (!found) co_await asyncio::sleep(std::chrono::seconds(pause));  // tries again, later
}

asyncio::Coro<> serve() {
  auto first = asyncio::create_task(request(0), {.name = "request 1"});
  auto second = asyncio::create_task(request(60), {.name = "request 2"});
  co_await first;
  co_await asyncio::sleep(10ms);
  second.cancel();
  const std::vector<asyncio::Task<>> last(1, second);
  co_await asyncio::wait(last);
}

int main() {
  auto root = std::make_shared<Span>();
  root->name = "program";
  Spans spans(root);
  asyncio::run([](Spans& observer) -> asyncio::Coro<> {
    asyncio::get_running_loop().add_observer(observer);
    co_await serve();
    asyncio::get_running_loop().remove_observer(observer);
  }(spans));
  root->end = "ended";
  print(*root);
}
