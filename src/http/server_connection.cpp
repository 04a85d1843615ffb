#include "http/server_connection.hpp"

#include <asyncio/error.hpp>

#include "http/text.hpp"
#include "loop/loop_state.hpp"
#include "net/reader_state.hpp"
#include "net/stream_state.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace asyncio::http::detail {

using asyncio::detail::IoWait;
using asyncio::detail::ReaderState;
using asyncio::detail::StreamAccess;
using asyncio::detail::StreamReadBase;
using asyncio::detail::StreamState;

namespace {

// One request of a usual size and many small ones; so much may be kept of what follows the first.
constexpr std::size_t received_at_once = std::size_t{64} * 1024;
// Answers to requests that have come together are sent together up to this.
constexpr std::size_t sent_at_once = std::size_t{32} * 1024;
// Memory that an idle connection may keep.
constexpr std::size_t kept_for_answers = 1024;

constexpr auto head_ops = IoWait::ops_of<StreamReadBase>("http::Server: the next request");
constexpr auto body_ops = IoWait::ops_of<StreamReadBase>("http::Request: the body");

Ref<ReaderState> state_of(const StreamReader& reader) {
  return Ref<ReaderState>(&StreamAccess::state(reader));
}

}  // namespace

ServerConnection::HeadWait::HeadWait(ServerConnection& connection) noexcept
    : StreamReadBase(head_ops, state_of(connection.reader_)), connection_(connection) {}

ServerConnection::BodyWait::BodyWait(ServerConnection& connection, std::string* into) noexcept
    : StreamReadBase(body_ops, state_of(connection.reader_)),
      connection_(connection),
      into_(into) {}

ServerConnection::ServerConnection(ServerCore& core, const StreamReader& reader,
                                   const StreamWriter& writer)
    : core_(core),
      reader_(reader),
      writer_(writer),
      loop_(StreamAccess::state(writer).loop()),
      task_(asyncio::detail::running_task()),
      requests_(core.limits.header_bytes),
      alarm_(loop_, *this) {
  core.connections.enter(*this);
}

ServerConnection::~ServerConnection() { core_.connections.leave(*this); }

StreamState& ServerConnection::stream() const noexcept { return StreamAccess::state(writer_); }

Coro<> serve(Ref<ServerCore> core, StreamReader reader, StreamWriter writer) {
  ServerConnection connection(*core, reader, writer);
  while (connection.goes_on()) {
    co_await ServerConnection::HeadWait(connection);
    const Handler* handler = connection.begin_request();
    Request request(connection);
    if (handler != nullptr && handler->plain) {
      connection.answer(*handler, request);
    } else if (handler != nullptr) {
      std::optional<Reply> reply;
      Failure failure;
      try {
        connection.begin_handler();
        if (handler->awaited) {
          Reply given = co_await handler->awaited(request);
          reply.emplace(std::move(given));
        } else {
          co_await handler->streaming(request);
        }
      } catch (...) {
        failure = asyncio::detail::current_failure();
      }
      connection.end_handler(reply ? &*reply : nullptr, failure);
    }
    if (connection.must_settle()) co_await connection.settle();
  }
  if (connection.takes_leave()) co_await connection.take_leave();
}

// --- receiving ----------------------------------------------------------------------------------

// Returns: false to wait. `fresh` is empty at the end.
bool ServerConnection::receive(ReaderState& reader, std::size_t most, std::string_view& fresh) {
  const std::span<std::byte> scratch = loop_.make_scratch();
  const std::span<std::byte> into = scratch.first(std::min(most, scratch.size()));
  const std::optional<std::size_t> got = reader.receive_into(into);
  if (!got) return false;
  fresh = {reinterpret_cast<const char*>(into.data()), *got};
  return true;
}

bool ServerConnection::look_for_head(ReaderState& reader) {
  try {
    std::string_view fresh;
    while (leaving_ || !requests_.take_head(fresh)) {
      if (!leaving_) wait_for_head();
      if (over_ || lost_) return true;
      if (!receive(reader, received_at_once, fresh)) return false;
      idle_ = false;
      if (leaving_) dropped_ += fresh.size();
      if (!fresh.empty() && dropped_ <= dropped_at_most) continue;
      over_ = true;  // the client has ended it, perhaps in the middle of a head
      return true;
    }
    idle_ = false;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {
    lost_ = true;  // nobody waits for an answer
  }
  return true;
}

// Also before what is there is received: it costs little, and nothing is left unsent then.
void ServerConnection::wait_for_head() {
  flush();
  const bool begun = requests_.has_more();
  if (!begun) {
    if (core_.closing()) over_ = true;
    requests_.save_memory();
    if (out_.capacity() > kept_for_answers) std::string().swap(out_);
  }
  idle_ = !begun;
  const Limit wanted = begun ? Limit::head : Limit::idle;
  if (limit_ == wanted) return;
  const ServerLimits& limits = core_.limits;
  watch(wanted, begun || served_ == 0 ? limits.header_time : limits.idle_time);
}

bool ServerConnection::look_for_body(ReaderState& reader, std::string* into) {
  try {
    std::string_view fresh;
    while (!takes_body(fresh, into)) {
      if (!receive(reader, std::string_view::npos, fresh)) return false;
      at_end_ = fresh.empty();
      if (at_end_) break;
    }
    return true;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {
    note_loss(std::current_exception());
    throw;
  }
}

// Whatever comes at the end is dropped, were it a body or not.
bool ServerConnection::takes_body(std::string_view fresh, std::string* into) {
  if (into == nullptr) dropped_ += fresh.size();
  if (over_) return !fresh.empty();
  return requests_.take_body(fresh, into);
}

void ServerConnection::note_loss(std::exception_ptr error) noexcept {
  lost_ = true;
  lost_with_ = std::move(error);
}

// --- a request ----------------------------------------------------------------------------------

const Handler* ServerConnection::begin_request() {
  unwatch();
  if (over_ || lost_) {
    over_ = true;
    return nullptr;
  }
  forget_request();
  if (requests_.error()) {
    refuse(requests_.error());
    return nullptr;
  }
  ++served_;
  stays_ = head().keep_alive && !core_.closing();
  if (core_.limits.max_requests && served_ >= *core_.limits.max_requests) {
    stays_ = false;
    linger_ = true;
  }
  asks_for_body_ = head().expects_continue && !requests_.has_more() && !requests_.body_over();
  head_only_ = head().method == "HEAD";
  path_ = head().path;
  if (path_.find('%') != std::string_view::npos) path_ = decoded_path_ = percent_decode(path_);
  const Handler* handler = find_handler();
  if (handler == nullptr) answer_without_handler();
  return handler;
}

void ServerConnection::forget_request() noexcept {
  headers_.clear();
  match_.clear();
  body_limit_ = core_.limits.body_bytes;
  body_received_ = 0;
  dropped_ = 0;
  asks_for_body_ = too_much_ = head_only_ = false;
  answer_ = Answer::none;
  declared_.reset();
  written_ = 0;
  late_status_ = 0;
}

void ServerConnection::refuse(const RequestError& error) {
  stays_ = false;
  linger_ = true;
  send_after_error(error.status, std::string(error.why) + "\n");
  over_ = true;
}

const Handler* ServerConnection::find_handler() {
  core_.router.find(head().method, head().path, match_);
  if (match_.route != nullptr) return &match_.route->handler;
  if (core_.fallbacks.empty() || match_.path_known || head().path == "*") return nullptr;
  return &core_.fallbacks.front();
}

void ServerConnection::answer_without_handler() {
  const bool known = match_.path_known || head().path == "*";
  const std::string methods = known ? core_.router.methods_of(head().path) : "";
  Reply reply(404, "there is nothing here\n");
  if (head().method == "OPTIONS" && !methods.empty()) {
    reply = Reply(204);
  } else if (!methods.empty()) {
    reply = Reply(405, "there is only " + methods + "\n");
  }
  if (!methods.empty()) reply.headers.set("Allow", methods);
  send(reply);
  end_request();
}

void ServerConnection::answer(const Handler& handler, Request& request) {
  Failure failure;
  try {
    const Reply reply = handler.plain(request);
    if (answer_ != Answer::hung_up) send(reply);
  } catch (...) {
    failure = asyncio::detail::current_failure();
  }
  if (failure) fail(failure);
  end_request();
}

void ServerConnection::begin_handler() {
  flush();  // who knows how long it takes
  cancelling_ = task_->cancelling();
  if (!core_.limits.request_time) return;
  const TimePoint now(Duration::nanoseconds(alarm_.now()));
  handler_until_ = (now + *core_.limits.request_time).since_epoch().nanoseconds();
  alarm_.ring_by(handler_until_);
}

void ServerConnection::end_handler(const Reply* reply, const Failure& failure) {
  handler_until_ = ConnectionAlarm::never;
  unwatch();
  if (failure) {
    fail(failure);
  } else {
    (void)take_back_cancellation();
    if (answer_ == Answer::hung_up) return end_request();
    if (reply != nullptr && answer_ == Answer::begun) {
      fail(Failure(std::make_exception_ptr(
          RuntimeError("a handler that has called start_reply() returns no Reply"))));
    } else if (reply != nullptr) {
      send(*reply);
    } else if (answer_ == Answer::begun) {
      end_streamed();
    } else {
      fail(Failure(std::make_exception_ptr(
          RuntimeError("a handler that returns no Reply awaits start_reply()"))));
    }
  }
  end_request();
}

// What is left of the request is read later, or never.
void ServerConnection::end_request() {
  answer_ = Answer::done;
  if (!requests_.has_more() || out_.size() > sent_at_once) flush();
  if (!stays_ || lost_) over_ = true;
}

const Headers& ServerConnection::headers() {
  if (headers_.empty()) {
    for (const RequestHead::Field& field : head().fields) headers_.add(field.name, field.value);
  }
  return headers_;
}

}  // namespace asyncio::http::detail
