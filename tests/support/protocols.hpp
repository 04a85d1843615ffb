#pragma once

#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/socket.hpp>
#include <asyncio/transports.hpp>

#include "support/endings.hpp"
#include "support/pattern.hpp"

#include <sys/socket.h>

#include <chrono>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace support {

/// What a Recorder writes down, and what it shall do. It may go before the Recorder.
struct Script {
  Script() = default;
  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;
  ~Script() { *here = nullptr; }

  std::shared_ptr<Script*> here = std::make_shared<Script*>(this);
  Log log = {};
  /// By the names in the log; done after a call is written down. "data": at each one.
  std::map<std::string, std::function<void()>> acts = {};
  bool keep_open = false;  ///< what eof_received() returns
  bool soons = false;      ///< "soon of CALL": the call_soon() of a call has come
  bool texts = true;       ///< the data instead of "data" in the log

  std::optional<asyncio::Transport> transport = {};
  std::string received = {};
  std::exception_ptr error = {};  ///< that connection_lost() was called with
  int alive = 0;                  ///< protocols

  [[nodiscard]] bool has(const std::string& call) const { return count(call) > 0; }
  [[nodiscard]] int count(const std::string& call) const {
    int n = 0;
    for (const std::string& line : log) n += line == call ? 1 : 0;
    return n;
  }
  void soon(const std::string& line) {
    asyncio::get_running_loop().call_soon([this, line] { log.push_back(line); });
  }
  void tell(const std::string& call, const std::string& line = {}) {
    log.push_back(line.empty() ? call : line);
    if (soons) soon("soon of " + call);
    if (const auto act = acts.find(call); act != acts.end()) act->second();
  }
};

/// Tells a Script of what it is told. It does not hold its transport, the script does.
struct Recorder : asyncio::Protocol {
  explicit Recorder(Script& script) : script_(script.here) { ++script.alive; }
  ~Recorder() override {
    if (Script* script = *script_) --script->alive;
  }

  void connection_made(const asyncio::Transport& transport) override {
    if (Script* script = *script_) {
      script->transport = transport;
      script->tell("made");
    }
  }
  void data_received(std::string_view data) override {
    if (Script* script = *script_) {
      script->received += data;
      script->tell("data", script->texts ? std::string(data) : "data");
    }
  }
  bool eof_received() override {
    Script* script = *script_;
    if (script != nullptr) script->tell("eof");
    return script != nullptr && script->keep_open;
  }
  void connection_lost(std::exception_ptr error) override {
    if (Script* script = *script_) {
      script->error = error;
      script->tell("lost");
    }
  }
  void pause_writing() override {
    if (Script* script = *script_) script->tell("pause");
  }
  void resume_writing() override {
    if (Script* script = *script_) script->tell("resume");
  }

 private:
  std::shared_ptr<Script*> script_;
};

/// A connection with a Recorder at one end, and a plain socket, not of the loop, at the other.
struct Line {
  asyncio::Transport transport;
  asyncio::Socket peer;

  void send(std::string_view text) const {
    if (::send(peer.fileno(), text.data(), text.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(text.size())) {
      throw std::runtime_error("Line::send(): the peer's buffer is full");
    }
  }
  /// What has arrived at the peer, at most `most` bytes.
  [[nodiscard]] std::string arrived(std::size_t most = std::size_t{1} << 16) const {
    std::string text(most, '\0');
    const ssize_t got = ::recv(peer.fileno(), text.data(), text.size(), 0);
    text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return text;
  }
  /// The end has arrived at the peer, and nothing before it.
  [[nodiscard]] bool ended() const {
    char byte = 0;
    return ::recv(peer.fileno(), &byte, 1, MSG_PEEK) == 0;
  }
};

inline asyncio::Coro<Line> line_of(std::function<std::unique_ptr<Recorder>()> factory,
                                   asyncio::SocketPair pair) {
  auto& loop = asyncio::get_running_loop();
  auto connecting = loop.create_connection(std::move(factory), std::move(pair.first));
  auto [transport, protocol] = co_await std::move(connecting);
  co_return Line{transport, std::move(pair.second)};
}

inline asyncio::Coro<Line> line_to(Script& script) {
  return line_of([&script] { return std::make_unique<Recorder>(script); }, asyncio::socketpair());
}

/// The same with a buffer of the system's for what is sent that holds little.
inline asyncio::Coro<Line> narrow_line_to(Script& script) {
  asyncio::SocketPair pair = asyncio::socketpair();
  pair.first.setsockopt(SOL_SOCKET, SO_SNDBUF, 4096);
  return line_of([&script] { return std::make_unique<Recorder>(script); }, std::move(pair));
}

/// Waits until `holds()`, five seconds at most. Returns: whether it did.
inline asyncio::Coro<bool> until(std::function<bool()> holds) {
  for (int i = 0; i < 5000; ++i) {
    if (holds()) co_return true;
    co_await asyncio::sleep(std::chrono::milliseconds(1));
  }
  co_return false;
}

/// Everything that arrives at the peer, until there are `size` bytes or the end.
inline asyncio::Coro<std::string> all_from(const Line& line, std::size_t size) {
  std::string all;
  for (int i = 0; i < 5000 && all.size() < size; ++i) {
    const std::string more = line.arrived();
    all += more;
    if (more.empty()) {
      if (line.ended()) break;
      co_await asyncio::sleep(std::chrono::milliseconds(1));
    } else {
      co_await asyncio::sleep(std::chrono::seconds(0));
    }
  }
  co_return all;
}

}  // namespace support
