#include <asyncio/detail/stream_ops.hpp>
#include <asyncio/error.hpp>

#include "net/reader_state.hpp"
#include "net/separator_search.hpp"
#include "net/stream_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace asyncio::detail {

// --- what all reads have ------------------------------------------------------------------------

StreamReadBase::StreamReadBase(const Ops& ops, Ref<ReaderState> reader) noexcept
    : IoWait(ops), reader_(std::move(reader)) {}
StreamReadBase::StreamReadBase(StreamReadBase&&) noexcept = default;
StreamReadBase::~StreamReadBase() = default;

IoSource* StreamReadBase::source() noexcept { return reader_.get(); }

bool StreamReadBase::attempt() noexcept {
  if (over_) return true;
  reader_->begin_turn();
  try {
    over_ = advance(*reader_);
  } catch (...) {
    failure_ = current_failure();
    over_ = true;
  }
  return over_;
}

bool StreamReadBase::await_ready() {
  if (reader_->awaited(Way::read)) throw_awaited_already();
  // Before it takes anything: that would be lost if a cancellation comes while others run.
  if (reader_->fairness.is_due()) {
    take_turns();
    return false;
  }
  return attempt();
}

void StreamReadBase::throw_awaited_already() const {
  throw_runtime_error(
      fmt::format("{} called while another coroutine is already waiting for incoming data; let one "
                  "task do the reading, or use a Lock",
                  ops().what));
}

void StreamReadBase::suspend() {
  if (takes_turns()) {
    yield();
  } else {
    reader_->fairness.waited();
    park(*reader_, Way::read);
  }
}

void StreamReadBase::end() {
  if (parked()) running_task()->throw_delivery_if_any();
  if (failure_) raise(std::move(failure_));
  if (!over_) throw_awaited_already();  // another task took its place
}

namespace {

using Until = StreamRead::Until;

constexpr auto read_ops = IoWait::ops_of<StreamReadBase>("StreamReader.read()");
constexpr auto exactly_ops = IoWait::ops_of<StreamReadBase>("StreamReader.readexactly()");
constexpr auto until_ops = IoWait::ops_of<StreamReadBase>("StreamReader.readuntil()");
constexpr auto line_ops = IoWait::ops_of<StreamReadBase>("StreamReader.readline()");
constexpr auto into_ops = IoWait::ops_of<StreamReadBase>("StreamReader.read_into()");

const Waiter::Ops& ops_for(Until until) noexcept {
  if (until == Until::line) return line_ops;
  return until == Until::size ? exactly_ops : read_ops;
}

}  // namespace

// --- strings ------------------------------------------------------------------------------------

StreamRead::StreamRead(Ref<ReaderState> reader, Until until, std::size_t size)
    : StreamReadBase(ops_for(until), std::move(reader)), size_(size), until_(until) {}

StreamRead::StreamRead(Ref<ReaderState> reader, std::vector<std::string> separators)
    : StreamReadBase(until_ops, std::move(reader)),
      separators_(std::move(separators)),
      until_(Until::separator) {
  if (separators_.empty()) {
    throw_invalid_argument("readuntil(): Separator should contain at least one element");
  }
  if (std::any_of(separators_.begin(), separators_.end(),
                  [](const std::string& s) { return s.empty(); })) {
    throw_invalid_argument("readuntil(): Separator should be at least one-byte string");
  }
}

bool StreamRead::advance(ReaderState& reader) {
  if (std::exchange(taken_, reader.taken()) != reader.taken()) searched_ = 0;
  switch (until_) {
    case Until::end: return advance_to_end(reader);
    case Until::size: return advance_to_size(reader);
    case Until::separator: return advance_to_separator(reader);
    case Until::line: return advance_line(reader);
    case Until::some: break;
  }
  while (reader.bytes().empty() && size_ > 0 && !reader.ended()) {
    if (!reader.receive(size_)) return false;
  }
  result_ = reader.take(std::min(size_, reader.bytes().size()));
  return true;
}

bool StreamRead::advance_to_end(ReaderState& reader) {
  while (!reader.ended()) {
    if (!reader.receive(0)) return false;
  }
  result_ = reader.take(reader.bytes().size());
  return true;
}

bool StreamRead::advance_to_size(ReaderState& reader) {
  while (reader.bytes().size() < size_) {
    if (reader.ended()) {
      throw IncompleteReadError(reader.take(reader.bytes().size()), size_);
    }
    if (!reader.receive(size_ - reader.bytes().size())) return false;
  }
  result_ = reader.take(size_);
  return true;
}

bool StreamRead::advance_to_separator(ReaderState& reader) {
  while (true) {
    const SeparatorMatch match = find_first_end(reader.bytes(), separators_, searched_);
    if (match.found()) {
      if (match.begin > reader.limit()) {
        throw LimitOverrunError("Separator is found, but chunk is longer than limit", match.begin);
      }
      result_ = reader.take(match.end);
      return true;
    }
    searched_ = match.begin;
    if (searched_ > reader.limit()) {
      throw LimitOverrunError("Separator is not found, and chunk exceed the limit", searched_);
    }
    if (reader.ended()) {
      throw IncompleteReadError(reader.take(reader.bytes().size()), std::nullopt);
    }
    if (!reader.receive(0)) return false;
  }
}

bool StreamRead::advance_line(ReaderState& reader) {
  while (true) {
    const std::string_view bytes = reader.bytes();
    const std::size_t at = bytes.find('\n', searched_);
    const bool found = at != std::string_view::npos;
    const std::size_t length = found ? at : bytes.size();
    if (length > reader.limit()) {
      reader.drop(found ? at + 1 : length);
      throw_invalid_argument(
          found ? "readline(): Separator is found, but chunk is longer than limit; make the stream "
                  "with a higher limit"
                : "readline(): Separator is not found, and chunk exceed the limit; make the stream "
                  "with a higher limit");
    }
    if (found || reader.ended()) {
      result_ = reader.take(found ? at + 1 : length);
      return true;
    }
    searched_ = length;
    if (!reader.receive(0)) return false;
  }
}

StreamNextLine::StreamNextLine(Ref<ReaderState> reader)
    : StreamRead(std::move(reader), Until::line, 0) {}

// --- into a buffer ------------------------------------------------------------------------------

StreamReadInto::StreamReadInto(Ref<ReaderState> reader, std::span<std::byte> into)
    : StreamReadBase(into_ops, std::move(reader)), into_(into) {}

bool StreamReadInto::advance(ReaderState& reader) {
  const std::string_view bytes = reader.bytes();
  if (bytes.empty()) {
    const std::optional<std::size_t> got = reader.receive_into(into_);
    got_ = got.value_or(0);
    return got.has_value();
  }
  got_ = std::min(bytes.size(), into_.size());
  std::memcpy(into_.data(), bytes.data(), got_);
  reader.drop(got_);
  return true;
}

// --- waits for the writing side -----------------------------------------------------------------

namespace {

constexpr auto drain_ops = StreamWait::ops_of("StreamWriter.drain()");
constexpr auto closed_ops = StreamWait::ops_of("StreamWriter.wait_closed()");

}  // namespace

StreamWait::StreamWait(const Ops& ops, Ref<StreamState> stream) noexcept
    : LineWait(ops), stream_(std::move(stream)) {}
StreamWait::StreamWait(StreamWait&&) noexcept = default;
StreamWait::~StreamWait() { leave(); }  // before the stream may be gone

StreamDrain::StreamDrain(Ref<StreamState> stream) noexcept
    : StreamWait(drain_ops, std::move(stream)) {}

bool StreamDrain::await_ready() { return !stream_->is_closing() && !stream_->writing_is_paused(); }

void StreamDrain::suspend() {
  if (!stream_->is_lost() && stream_->writing_is_paused()) {
    join(stream_->drains);
  } else {
    // Loops of write() and drain() that never wait notice the end of the connection.
    yielded_ = true;
    running_task()->yield_now();
  }
}

void StreamDrain::await_resume() {
  const bool had_to_wait = waited();
  if (had_to_wait) leave();
  if (had_to_wait || yielded_) running_task()->throw_delivery_if_any();
  if (const Failure& failure = stream_->reader().failure()) {
    stream_->told_of_failure = true;
    raise(failure);
  }
  if (!stream_->is_lost()) return;
  stream_->told_of_failure = true;
  if (stream_->failure()) raise(stream_->failure());
  if (had_to_wait && !stream_->writing_is_paused()) return;  // it was sent, then came the end
  const auto code = had_to_wait ? std::errc::connection_aborted : std::errc::connection_reset;
  throw std::system_error(std::make_error_code(code), "drain(): Connection lost");
}

StreamClosed::StreamClosed(Ref<StreamState> stream) noexcept
    : StreamWait(closed_ops, std::move(stream)) {}

bool StreamClosed::await_ready() const noexcept { return stream_->has_ended(); }
void StreamClosed::suspend() { join(stream_->ends); }

void StreamClosed::await_resume() {
  if (waited()) {
    leave();
    running_task()->throw_delivery_if_any();
  }
  stream_->told_of_failure = true;
  if (stream_->failure()) raise(stream_->failure());
}

}  // namespace asyncio::detail
