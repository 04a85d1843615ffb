#pragma once

#include <asyncio/detail/wait_line.hpp>
#include <asyncio/streams.hpp>

#include "net/reader_state.hpp"
#include "net/tls_stream.hpp"
#include "net/transport_state.hpp"

namespace asyncio::detail {

class ServerState;

/// The connection of a StreamReader and a StreamWriter.
class StreamState final : public TransportState {
 public:
  StreamState(LoopState& loop, std::unique_ptr<ByteStream> stream, std::size_t limit);

  [[nodiscard]] ReaderState& reader() const noexcept { return *reader_; }
  [[nodiscard]] Ref<ReaderState> reader_ref() const noexcept { return reader_; }
  /// Handles of users; the last one that goes aborts what is not closed.
  void add_writer() noexcept { ++writers_; }
  void drop_writer() noexcept;

  /// Somebody was told of failure().
  bool told_of_failure = false;
  WaitLine drains;  ///< tasks in drain()
  WaitLine ends;    ///< tasks in wait_closed()

 private:
  ~StreamState() override;
  void pause_writing() noexcept override {}
  void resume_writing() noexcept override { drains.wake_all(); }
  void stop_reading() noexcept override;
  std::string leave_stream() override;
  void join_stream() noexcept override;
  void connection_lost() noexcept override;

  Ref<ReaderState> reader_;
  unsigned writers_ = 0;
};

struct StreamAccess {
  static StreamState& state(const StreamWriter& writer) noexcept { return *writer.state_; }
  static ReaderState& state(const StreamReader& reader) noexcept { return *reader.state_; }
};

/// The two handles of a new connection.
[[nodiscard]] asyncio::Connection handles_of(Ref<StreamState> stream);

}  // namespace asyncio::detail
