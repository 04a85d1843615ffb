#include "cluster/redis_link.hpp"

#include <asyncio/as_result.hpp>
#include <asyncio/error.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/wait_for.hpp>

#include "base/log.hpp"
#include "cluster/redis_backoff.hpp"

#include <fmt/format.h>

#include <array>
#include <iterator>
#include <span>
#include <system_error>
#include <utility>

namespace asyncio::cluster::detail {

namespace {

// Nothing that is asked of Redis takes so long, not even what waits there: it waits for less. A
// host that has vanished without a word is noticed by this.
constexpr Duration longest_silence = Duration::nanoseconds(30'000'000'000);

// hiredis moves what is left of its buffer after each reply: with little in it that costs little.
constexpr std::size_t feed_size = 16384;

}  // namespace

Future<RedisReply> RedisLink::submit(RedisCommand command) {
  RedisRequest request;
  request.command = std::move(command);
  Future<RedisReply> answer = request.answers.emplace_back();
  ask(std::move(request));
  return answer;
}

Future<RedisReply> RedisLink::submit(std::shared_ptr<RedisScriptCall> call) {
  RedisRequest request;
  request.call = std::move(call);
  Future<RedisReply> answer = request.answers.emplace_back();
  ask(std::move(request));
  return answer;
}

void RedisLink::post(RedisCommand command) {
  RedisRequest request;
  request.command = std::move(command);
  ask(std::move(request));
}

void RedisLink::ask(RedisRequest request) {
  if (closed_) asyncio::detail::throw_runtime_error("RedisBroker: it was closed");
  requests_.push_back(std::move(request));
  if (!runner_) {
    runner_ = create_task(run(shared_from_this()));
  } else if (stream_ != nullptr && !flushing_) {
    flushing_ = true;
    get_running_loop().call_soon([self = shared_from_this()] { self->flush(); });
  }
}

void RedisLink::flush() {
  flushing_ = false;
  if (stream_ == nullptr) return;
  if (sent_ == 0) heard_ = get_running_loop().time();
  const auto unsent = requests_.begin() + static_cast<std::ptrdiff_t>(sent_);
  std::vector<RedisRequest> next(std::make_move_iterator(unsent),
                                 std::make_move_iterator(requests_.end()));
  requests_.erase(unsent, requests_.end());
  make_commands(next);
  parts_.clear();
  for (RedisRequest& request : next) {
    parts_.push_back(request.command.bytes());
    requests_.push_back(std::move(request));
  }
  sent_ = requests_.size();
  if (!parts_.empty()) stream_->connection.writer.writelines(std::span(std::as_const(parts_)));
}

void RedisLink::restart() noexcept {
  if (stream_ != nullptr) stream_->connection.writer.abort();
}

bool RedisLink::has_work() {
  std::erase_if(requests_, [](const RedisRequest& request) { return request.is_given_up(); });
  return !requests_.empty();
}

void RedisLink::fail_all(const std::exception_ptr& error) {
  sent_ = 0;
  for (const RedisRequest& request : std::exchange(requests_, {})) {
    for (const auto& answer : request.answers) {
      if (!answer.done()) answer.set_exception(error);
    }
  }
}

void RedisLink::answer(const RedisReply& reply) {
  if (sent_ == 0) asyncio::detail::throw_runtime_error("RedisBroker: a reply to no question");
  const RedisRequest request = std::move(requests_.front());
  requests_.pop_front();
  --sent_;
  answered_ = true;
  for (const auto& answer : request.answers) {
    if (!answer.done()) answer.set_result(reply);
  }
}

// Until the connection ends, by which error or none.
Coro<> RedisLink::receive() {
  std::array<char, 4 * feed_size> buffer;  // NOLINT: read_into() fills it
  for (;;) {
    auto read = co_await as_result(
        wait_for(stream_->connection.reader.read_into(std::span(buffer)), longest_silence));
    const TimePoint now = get_running_loop().time();
    if (!read && asyncio::detail::holds<TimeoutError>(read.error())) {
      if (sent_ > 0 && now - heard_ >= longest_silence) {
        throw std::system_error(std::make_error_code(std::errc::timed_out),
                                "it has not answered for 30 seconds");
      }
      continue;
    }
    const std::size_t size = std::move(read).value();
    if (size == 0) co_return;
    heard_ = now;
    for (std::size_t at = 0; at < size; at += feed_size) {
      stream_->replies.feed(std::string_view(buffer.data(), size).substr(at, feed_size));
      while (const auto reply = stream_->replies.next()) answer(*reply);
    }
  }
}

// Once for all connections and attempts of an outage.
void RedisLink::complain(const std::exception_ptr& error) {
  if (std::exchange(settings_->complained, true)) return;
  asyncio::detail::log(
      LogLevel::warning,
      fmt::format(
          "RedisBroker: {}: {}; it is tried again until it works", settings_->address.shown(),
          error == nullptr ? "the connection has ended" : asyncio::detail::describe(error)));
}

Coro<> RedisLink::keep_connected(std::shared_ptr<RedisLink> self) {
  RedisBackoff backoff;
  while (self->has_work()) {
    auto opened = co_await as_result(open_redis(*self->settings_));
    if (opened.cancelled()) co_return;
    if (!opened) {
      if (!self->settings_->reached && is_final(opened.error())) {
        self->fail_all(opened.error());
        co_return;
      }
      self->complain(opened.error());
      co_await sleep(backoff.next());
      continue;
    }
    self->stream_ = std::move(opened).value();
    self->settings_->reached = true;
    self->settings_->complained = false;
    self->answered_ = false;
    self->flush();
    auto ended = co_await as_result(self->receive());
    self->stream_.reset();
    self->sent_ = 0;
    if (ended.cancelled()) co_return;
    if (!self->has_work()) co_return;
    self->complain(ended.error());
    if (self->answered_) backoff.reset();  // one that breaks before, again and again, is no success
    co_await sleep(backoff.next());
  }
}

Coro<> RedisLink::run(std::shared_ptr<RedisLink> self) {
  auto ended = co_await as_result(keep_connected(self));
  self->stream_.reset();
  self->sent_ = 0;
  if (!ended && !ended.cancelled()) self->fail_all(ended.error());
  self->runner_.reset();
}

void RedisLink::drop() noexcept {
  closed_ = true;
  if (runner_) runner_->cancel();
}

Coro<> RedisLink::close(std::shared_ptr<RedisLink> self) {
  self->closed_ = true;
  self->fail_all(std::make_exception_ptr(RuntimeError("RedisBroker: it was closed")));
  if (!self->runner_) co_return;
  const Task<> runner = *self->runner_;
  std::optional<StreamWriter> writer;
  if (self->stream_ != nullptr) writer = self->stream_->connection.writer;
  runner.cancel();
  (void)co_await as_result(runner);
  if (writer) (void)co_await as_result(writer->wait_closed());
}

}  // namespace asyncio::cluster::detail
