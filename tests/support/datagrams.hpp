#pragma once

#include <asyncio/datagram.hpp>
#include <asyncio/event.hpp>
#include <asyncio/timeout.hpp>
#include <asyncio/wait_for.hpp>

#include "support/errors.hpp"

#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace support {

/// Notes what it is told: "made", "<data>", "error 111", "paused", "resumed", "lost", "lost 104".
struct DatagramRecorder : asyncio::DatagramProtocol {
  std::vector<std::string> log;
  asyncio::Address from;  ///< of the last datagram
  std::optional<asyncio::DatagramTransport> transport;
  asyncio::Event changed;

  void connection_made(const asyncio::DatagramTransport& made) override {
    transport = made;
    note("made");
  }
  void datagram_received(std::string_view data, const asyncio::Address& address) override {
    from = address;
    note("<" + std::string(data) + ">");
  }
  void error_received(std::exception_ptr error) override { note("error " + number_of(error)); }
  void pause_writing() override { note("paused"); }
  void resume_writing() override { note("resumed"); }
  void connection_lost(std::exception_ptr error) override {
    transport.reset();
    note(error == nullptr ? "lost" : "lost " + number_of(error));
  }

  void note(std::string what) {
    log.push_back(std::move(what));
    changed.set();
  }
  [[nodiscard]] std::size_t count(std::string_view what) const {
    std::size_t n = 0;
    for (const std::string& line : log) n += line == what ? 1 : 0;
    return n;
  }
};

inline std::unique_ptr<DatagramRecorder> make_recorder() {
  return std::make_unique<DatagramRecorder>();
}

template <class R>
asyncio::Coro<> has_noted(R& recorder, std::size_t lines) {
  while (recorder.log.size() < lines) {
    recorder.changed.clear();
    co_await recorder.changed.wait();
  }
}

/// Until so many lines are noted. Throws: TimeoutError after five seconds.
template <class R>
asyncio::Coro<> noted(R& recorder, std::size_t lines) {
  co_await asyncio::wait_for(has_noted(recorder, lines), std::chrono::seconds(5));
}

using Endpoint = asyncio::ConnectedDatagram<DatagramRecorder>;

/// An endpoint at a free port of this machine.
inline asyncio::Coro<Endpoint> bound_endpoint() {
  const asyncio::Address any("127.0.0.1", 0);
  co_return co_await asyncio::get_running_loop().create_datagram_endpoint(&make_recorder,
                                                                          {.local_addr = &any});
}

/// One that sends to `remote` only.
inline asyncio::Coro<Endpoint> connected_endpoint(asyncio::Address remote) {
  co_return co_await asyncio::get_running_loop().create_datagram_endpoint(&make_recorder,
                                                                          {.remote_addr = &remote});
}

/// close(), until it has ended.
inline asyncio::Coro<> closed(const Endpoint& endpoint) {
  endpoint.transport.close();
  while (endpoint.transport.fileno() >= 0) co_await asyncio::sleep(asyncio::Duration());
}

}  // namespace support
