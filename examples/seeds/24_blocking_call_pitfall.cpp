// Three blocking fetches take three times as long as tasks, since the loop has one thread. By
// to_thread() they run at the same time, and so do three that never block.
#include "util.hpp"

#include <asyncio/http.hpp>
#include <asyncio/http_server.hpp>

#include <curl/curl.h>

#include <future>
#include <thread>

using namespace std::chrono_literals;
namespace http = asyncio::http;

/// Stands for https://example.com: every answer takes a third of a second. It has a thread of its
/// own, as it would have a machine of its own.
class Example {
 public:
  Example() : thread_([this] { asyncio::run(serve()); }) { url_ = started_.get_future().get(); }
  Example(const Example&) = delete;
  Example& operator=(const Example&) = delete;
  ~Example() {
    loop_->call_soon_threadsafe([this] { stop_.set(); });
    thread_.join();
  }
  const std::string& url() const { return url_; }

 private:
  static asyncio::Coro<http::Reply> answer(http::Request&) {
    co_await asyncio::sleep(333ms);
    co_return http::Reply("Example Domain\n");
  }
  asyncio::Coro<> serve() {
    http::Server server;
    server.get("/", answer);
    co_await server.start("127.0.0.1", 0);
    loop_ = &asyncio::get_running_loop();
    started_.set_value("http://" + server.sockets().at(0).str() + "/");
    co_await stop_.wait();
    co_await server.shutdown(1s);
  }

  asyncio::Event stop_;
  asyncio::EventLoop* loop_ = nullptr;
  std::promise<std::string> started_;
  std::string url_;
  std::thread thread_;
};

const std::string& example() {
  static const Example server;
  return server.url();
}

// As requests.get(url).status_code: this thread does nothing else until the answer is there.
long get_blocking() {
  CURL* const request = curl_easy_init();
  curl_easy_setopt(request, CURLOPT_URL, example().c_str());
  curl_easy_setopt(request, CURLOPT_PROXY, "");
  curl_easy_setopt(
      request, CURLOPT_WRITEFUNCTION,
      +[](char*, std::size_t size, std::size_t n, void*) { return size * n; });
  curl_easy_perform(request);
  long status = 0;
  curl_easy_getinfo(request, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_cleanup(request);
  return status;
}

asyncio::Coro<long> get_status() { co_return get_blocking(); }

asyncio::Coro<long> get_status_on_a_thread() {
  co_return co_await asyncio::to_thread(get_blocking);
}

asyncio::Coro<long> get_status_asynchronously(http::Client client) {
  const http::Response response = co_await client.get(example());
  co_return response.status_code;
}

const auto get_example_status = asyncio::async_timed("get_example_status", get_status);

asyncio::Coro<> blocking_main() {
  auto task1 = asyncio::create_task(get_example_status());
  auto task2 = asyncio::create_task(get_example_status());
  auto task3 = asyncio::create_task(get_example_status());
  co_await task1;
  co_await task2;
  co_await task3;
}

asyncio::Coro<> threaded_main() {
  auto [a, b, c] = co_await asyncio::gather(get_status_on_a_thread(), get_status_on_a_thread(),
                                            get_status_on_a_thread());
  print(a, b, c);
}

asyncio::Coro<> asynchronous_main() {
  const http::Client client;
  auto [a, b, c] =
      co_await asyncio::gather(get_status_asynchronously(client), get_status_asynchronously(client),
                               get_status_asynchronously(client));
  print(a, b, c);
}

asyncio::Coro<> async_main() {
  co_await asyncio::async_timed("main", blocking_main)();
  co_await asyncio::async_timed("threaded_main", threaded_main)();
  co_await asyncio::async_timed("asynchronous_main", asynchronous_main)();
}

int main() {
  example();  // serves from here on
  asyncio::run(async_main());
}
