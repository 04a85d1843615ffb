#include <asyncio/error.hpp>
#include <asyncio/streams.hpp>

#include "files/file_state.hpp"
#include "net/file_part.hpp"
#include "net/stream_state.hpp"
#include "net/when_awaited.hpp"

#include <utility>

namespace asyncio {
namespace detail {

Coro<std::size_t> FileState::send_to(Self self, StreamWriter writer, SendfileOptions options) {
  const Turn turn = co_await self->turn("sendfile", Wants::reading);
  self->check_positions("sendfile");
  StreamState& stream = StreamAccess::state(writer);
  if (stream.is_closing()) {
    throw_runtime_error("sendfile(): the writer is closing; open another connection");
  }
  FilePart part(self->file_, self->fd(), options.offset, options.count.value_or(whole_file));
  Ref<TransportState> transport(&stream);
  co_return co_await send_file_part(get_running_loop(), std::move(transport), std::move(part));
}

}  // namespace detail

Coro<std::size_t> sendfile(const StreamWriter& writer, const File& file, SendfileOptions options) {
  return detail::when_awaited([&] {
    detail::check_file_part(options.offset, options.count);
    const auto& state = detail::FileAccess::state(file);
    if (!state) {
      detail::throw_runtime_error("sendfile(): this File is none; asyncio::open() gives one");
    }
    return detail::FileState::send_to(state, writer, options);
  });
}

}  // namespace asyncio
