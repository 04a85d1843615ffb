#include "net/stream_state.hpp"

#include <asyncio/error.hpp>

#include "base/log.hpp"
#include "net/net_errors.hpp"

#include <utility>

namespace asyncio::detail {

StreamState::StreamState(LoopState& loop, std::unique_ptr<ByteStream> stream, std::size_t limit)
    : TransportState(loop, std::move(stream)),
      reader_(Ref<ReaderState>::adopt(new ReaderState(limit))) {
  loop.make_scratch();
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

TlsStream& StreamState::secure(TlsEngine::Side side, const TlsSettings& settings) {
  reader_->connect(nullptr);
  auto secure = std::make_unique<TlsStream>(loop(), take_stream(), side, settings);
  TlsStream& result = *secure;
  const std::string early = reader_->take(reader_->bytes().size());
  result.feed(std::as_bytes(std::span(early)));
  put_stream(std::move(secure));
  reader_->connect(this);
  return result;
}

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
  return {StreamReader(stream->reader_ref()), StreamWriter(stream)};
}

}  // namespace asyncio::detail
