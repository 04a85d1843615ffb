#include "cluster/redis_core.hpp"

#include <asyncio/as_result.hpp>
#include <asyncio/error.hpp>
#include <asyncio/shield.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/wait_for.hpp>

#include "cluster/redis_backoff.hpp"

#include <fmt/format.h>

#include <array>
#include <random>

namespace asyncio::cluster::detail {

namespace {

// Errors that pass: it loads its file, is (or has become) a replica, a script runs for long, slots
// move, too few replicas are there.
constexpr std::array<std::string_view, 7> passing = {
    "LOADING", "READONLY", "MASTERDOWN", "TRYAGAIN", "BUSY ", "CLUSTERDOWN", "NOREPLICAS"};

// Before Redis 7, what a script has met stands in the middle of its error.
bool names(std::string_view error, std::string_view code) noexcept {
  if (error.starts_with(code)) return true;
  return error.starts_with("ERR Error running script") && error.find(code) != error.npos;
}

bool passes(std::string_view error) noexcept {
  for (const std::string_view code : passing) {
    if (names(error, code)) return true;
  }
  return false;
}

bool is_unknown_script(const RedisReply& reply) noexcept {
  return reply.is_error() && reply.text().starts_with("NOSCRIPT");
}

std::string random_name() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}", random(), random());
}

constexpr Duration call_again = Duration::nanoseconds(50'000'000);
constexpr int most_calls = 20;

}  // namespace

RedisCore::RedisCore(const RedisOptions& options)
    : settings_(std::make_shared<RedisSettings>()),
      prefix_(options.prefix),
      queues_key_(prefix_ + ":queues"),
      name_(random_name()) {
  settings_->address = parse_redis_url(options.url);
  settings_->connect_timeout = options.connect_timeout;
  if (options.ssl != nullptr) settings_->ssl = *options.ssl;
  if (settings_->address.tls && !settings_->ssl) settings_->ssl = ssl::create_default_context();
  link_ = new_link();
}

RedisCore::~RedisCore() {
  if (closed_) return;
  link_->drop();
  for (const auto& [name, inbox] : inboxes_) inbox->link->drop();
  for (const auto& [name, claimer] : claimers_) claimer->link->drop();
}

std::shared_ptr<RedisLink> RedisCore::new_link() { return std::make_shared<RedisLink>(settings_); }

std::string RedisCore::base_of(std::string_view queue) const {
  return fmt::format("{}:{{{}}}", prefix_, queue);
}

std::string RedisCore::next_name() { return fmt::format("{}-{}", name_, ++names_); }

RedisArguments RedisCore::arguments_for(std::string_view queue) const {
  RedisArguments arguments;
  arguments.view("EVALSHA");
  arguments.view("");  // the script, by begin()
  arguments.view("1");
  arguments.own(base_of(queue));
  return arguments;
}

Coro<bool> RedisCore::has_waited_out(RedisReply reply, RedisBackoff& backoff, RedisLink& link) {
  if (!reply.is_error()) co_return false;
  const std::string_view error = reply.text();
  if (!passes(error)) {
    asyncio::detail::throw_runtime_error(
        fmt::format("RedisBroker: {} says: {}", settings_->address.shown(), error));
  }
  // Another one may have become the master: by its name we find it.
  if (names(error, "READONLY")) link.restart();
  co_await sleep(backoff.next());
  co_return true;
}

Coro<RedisReply> RedisCore::ask(RedisCommand command) {
  RedisBackoff backoff;
  for (;;) {
    const RedisReply reply = co_await link_->submit(command);
    const bool again = co_await has_waited_out(reply, backoff, *link_);
    if (!again) co_return reply;
  }
}

RedisCall RedisCore::begin(const RedisScript& script, RedisArguments arguments) {
  return begin(RedisScriptCall(script, std::move(arguments)));
}

RedisCall RedisCore::begin(RedisScriptCall call) {
  auto shared = std::make_shared<RedisScriptCall>(std::move(call));
  shared->arguments.replace(1, shared->script->sha());
  Future<RedisReply> answer = link_->submit(shared);
  return {std::move(shared), std::move(answer)};
}

Coro<RedisReply> RedisCore::end(RedisCall& call) {
  RedisReply reply = co_await *call.answer_;
  if (!reply.is_error()) co_return reply;
  RedisScriptCall& sent = *call.call_;
  if (is_unknown_script(reply)) {
    sent.arguments.replace(0, "EVAL");
    sent.arguments.replace(1, sent.script->source());
  } else {
    RedisBackoff backoff;
    (void)co_await has_waited_out(reply, backoff, *link_);
  }
  sent.first = 0;  // alone
  RedisCommand command = sent.arguments.command();
  reply = co_await ask(std::move(command));
  co_return reply;
}

Coro<RedisReply> RedisCore::run(const RedisScript& script, RedisArguments arguments) {
  RedisCall call = begin(script, std::move(arguments));
  RedisReply reply = co_await end(call);
  co_return reply;
}

Coro<RedisWait> RedisCore::wait_for_answer(std::shared_ptr<RedisLink> link, RedisCommand command,
                                           std::shared_ptr<Event> woken) {
  woken->clear();
  Future<RedisReply> answer = link->submit(std::move(command));
  answer.add_done_callback([woken] { woken->set(); });
  auto waited = co_await as_result(woken->wait());
  RedisWait wait;
  if (waited && answer.done()) {
    wait.reply = answer.result();
    co_return wait;
  }
  wait.cancelled = waited.error();
  wait.reply = co_await call_back(*link, answer);
  co_return wait;
}

// It may not have reached Redis yet when it is called back: then it is called again. When Redis is
// silent, the connection is given up, so that it does not wait for messages that nobody takes.
Coro<std::optional<RedisReply>> RedisCore::call_back(RedisLink& link, Future<RedisReply> answer) {
  for (int i = 0; i < most_calls && link.is_connected() && !answer.done(); ++i) {
    const std::string id = std::to_string(link.client_id());
    link_->post(RedisCommand({"CLIENT", "UNBLOCK", id}));
    Future<RedisReply> shielded = shield(answer);
    auto waited = co_await as_result(wait_for(std::move(shielded), call_again));
    if (waited.cancelled()) break;
  }
  std::optional<RedisReply> reply;
  if (!answer.done()) {
    answer.cancel();
    link.restart();
  } else if (answer.exception() == nullptr) {
    reply = answer.result();
  }
  co_return reply;
}

std::shared_ptr<RedisInbox> RedisCore::inbox(std::string_view client) {
  auto& inbox = inboxes_[std::string(client)];
  if (inbox == nullptr) inbox = std::make_shared<RedisInbox>(new_link());
  return inbox;
}

std::shared_ptr<RedisClaimer> RedisCore::claimer(std::string_view consumer) {
  auto& claimer = claimers_[std::string(consumer)];
  if (claimer == nullptr) claimer = std::make_shared<RedisClaimer>(new_link());
  return claimer;
}

Coro<> RedisCore::forget_claimer(std::string_view consumer) {
  const auto found = claimers_.find(std::string(consumer));
  if (found == claimers_.end()) co_return;
  const std::shared_ptr<RedisLink> link = found->second->link;
  claimers_.erase(found);
  co_await RedisLink::close(link);
}

void RedisCore::check_open() const {
  if (closed_) asyncio::detail::throw_runtime_error("RedisBroker: it was closed");
}

Coro<> RedisCore::close() {
  closed_ = true;
  std::vector<std::shared_ptr<RedisLink>> links{link_};
  for (const auto& [name, inbox] : inboxes_) {
    links.push_back(inbox->link);
    inbox->woken.set();  // one that has not published yet has nothing to ask for
  }
  for (const auto& [name, claimer] : claimers_) links.push_back(claimer->link);
  for (const auto& link : links) co_await RedisLink::close(link);
}

}  // namespace asyncio::cluster::detail
