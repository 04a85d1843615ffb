#include "net/stream_state.hpp"

#include <asyncio/error.hpp>

#include "base/log.hpp"
#include "net/net_errors.hpp"

#include <utility>

namespace asyncio::detail {

StreamState::StreamState(LoopState& loop, std::unique_ptr<ByteStream> stream, std::size_t limit)
    : TransportState(loop, std::move(stream)),
      reader_(Ref<ReaderState>::adopt(new ReaderState(limit))) {
  reader_->connect(this);
}

StreamState::~StreamState() { reader_->connect(nullptr); }

void StreamState::drop_writer() noexcept {
  if (--writers_ > 0) return;
  if (is_closing() || stream() == nullptr) return;
  if (loop().debug) {
    count_report(&ReportCounts::unclosed);
    try {
      log(LogLevel::warning, "unclosed StreamWriter to " + peer().str() + "; call close()");
    } catch (const std::bad_alloc&) {
      log(LogLevel::warning, "unclosed StreamWriter; call close()");
    }
  }
  abort();
}

std::string StreamState::leave_stream() {
  reader_->connect(nullptr);
  return reader_->take(reader_->bytes().size());
}

void StreamState::join_stream() noexcept { reader_->connect(this); }

void StreamState::stop_reading() noexcept { reader_->connect(nullptr); }

void StreamState::connection_lost() noexcept {
  if (failure()) {
    reader_->fail(failure());
  } else {
    reader_->feed_eof();
  }
  drains.wake_all();
  ends.wake_all();
}

asyncio::Connection handles_of(Ref<StreamState> stream) {
  (void)stream->peer();  // while it can be told
  return {StreamReader(stream->reader_ref()), StreamWriter(stream)};
}

}  // namespace asyncio::detail
