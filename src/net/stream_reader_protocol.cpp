#include <asyncio/transports.hpp>

#include "net/reader_state.hpp"
#include "net/stream_state.hpp"

#include <utility>

namespace asyncio {

/// The connection, and whether it is paused.
class StreamReaderProtocol::Feed : public detail::IoObserver {
 public:
  Feed(detail::ReaderState& reader, const Transport& transport) noexcept
      : IoObserver{&Feed::wanted}, reader_(reader), transport_(transport) {
    reader_.fed_by(this);
  }
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;
  ~Feed() { reader_.fed_by(nullptr); }

  void fed() noexcept {
    if (reader_.bytes().size() > 2 * reader_.limit()) transport_.pause_reading();
  }

 private:
  static void wanted(IoObserver& self) noexcept {
    static_cast<Feed&>(self).transport_.resume_reading();
  }

  detail::ReaderState& reader_;
  Transport transport_;
};

StreamReaderProtocol::StreamReaderProtocol(StreamReader reader) noexcept : reader_(reader) {}
StreamReaderProtocol::~StreamReaderProtocol() = default;

void StreamReaderProtocol::connection_made(const Transport& transport) {
  feed_ = std::make_unique<Feed>(detail::StreamAccess::state(reader_), transport);
}

void StreamReaderProtocol::data_received(std::string_view data) {
  reader_.feed_data(data);
  if (feed_ != nullptr) feed_->fed();
}

bool StreamReaderProtocol::eof_received() {
  reader_.feed_eof();
  return true;
}

void StreamReaderProtocol::connection_lost(std::exception_ptr error) {
  feed_.reset();
  if (error != nullptr) {
    reader_.set_exception(std::move(error));
  } else {
    reader_.feed_eof();
  }
}

}  // namespace asyncio
