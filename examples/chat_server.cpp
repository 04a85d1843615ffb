// A chat. Nobody waits for a client that does not read: it is dropped when too much is unsent.
#include <asyncio/asyncio.hpp>

#include <sys/socket.h>

#include <iostream>
#include <list>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "command_line.hpp"

struct Member {
  std::string nick;
  asyncio::StreamWriter writer;
};
using Members = std::list<Member>;

class Room {
 public:
  // write() never waits. What the system does not take is kept, and that is what must be bounded.
  void say(std::string_view nick, std::string_view text) {
    for (const Member& member : members_) {
      if (member.writer.is_closing()) continue;
      member.writer.writelines({nick, text});
      if (member.writer.get_write_buffer_size() > most_unsent) member.writer.abort();
    }
  }

  Members::iterator enter(std::string nick, asyncio::StreamWriter writer) {
    if (nick.empty() || nick.size() > 20) throw std::invalid_argument("a nick has 1 to 20 bytes");
    for (const Member& member : members_) {
      if (member.nick == nick) throw std::invalid_argument(nick + " is here already");
    }
    const auto place = members_.insert(members_.end(), {std::move(nick), std::move(writer)});
    say(place->nick, " has come\n");
    return place;
  }

  void leave(Members::iterator member) {
    const bool dropped = member->writer.is_closing();
    const std::string nick = std::move(member->nick);
    members_.erase(member);
    say(nick, dropped ? " was too slow\n" : " has left\n");
  }

 private:
  static constexpr std::size_t most_unsent = 256 * 1024;
  Members members_;
};

// A member as long as it lives: leaving must not depend on how the handler ends.
class Seat {
 public:
  Seat(Room& room, std::string nick, asyncio::StreamWriter writer)
      : room_(room), member_(room.enter(std::move(nick), std::move(writer))) {}
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;
  ~Seat() { room_.leave(member_); }
  [[nodiscard]] const std::string& nick() const { return member_->nick; }

 private:
  Room& room_;
  Members::iterator member_;
};

std::string stripped(std::string line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
  return line;
}

asyncio::Coro<> chat(Room& room, asyncio::StreamReader reader, asyncio::StreamWriter writer) {
  try {
    writer.write("your nick? ");
    std::string nick = stripped(co_await reader.readline());
    const Seat seat(room, std::move(nick), writer);
    while (auto line = co_await reader.next_line()) {
      room.say(seat.nick(), ": " + stripped(*line) + "\n");
    }
  } catch (const std::invalid_argument& refused) {  // a bad nick, or a line above the limit
    writer.write(std::string("goodbye: ") + refused.what() + "\n");
  } catch (const std::system_error& lost) {
    std::cerr << "lost a client: " << lost.what() << std::endl;
  }
}

asyncio::Coro<asyncio::Server> start(Room& room, std::uint16_t port) {
  auto handle = [&room](asyncio::StreamReader reader, asyncio::StreamWriter writer) {
    return chat(room, std::move(reader), std::move(writer));
  };
  return asyncio::start_server(handle, "127.0.0.1", port, {.limit = 4096});
}

// --- a demonstration: Ann and Bob chat, and Sloth never reads -----------------------------------

asyncio::Coro<asyncio::Connection> join(asyncio::Address server, std::string nick) {
  asyncio::Socket socket(server.family());
  socket.setsockopt(SOL_SOCKET, SO_RCVBUF, 4096);  // so that little is enough to fill it
  co_await asyncio::get_running_loop().sock_connect(socket, server);
  asyncio::Connection connection = asyncio::open_connection(std::move(socket));
  connection.writer.write(nick + "\n");
  (void)co_await connection.reader.readuntil("? ");
  co_return connection;
}

// Reads until a line that ends so; what others say is not shown.
asyncio::Coro<> read_until(asyncio::StreamReader reader, std::string name, std::string end) {
  while (auto line = co_await reader.next_line()) {
    if (line->find(": ") == std::string::npos) std::cout << name << " reads: " << *line;
    if (line->ends_with(end)) break;
  }
}

asyncio::Coro<> talk(asyncio::StreamWriter writer) {
  const std::string line = std::string(2000, 'x') + "\n";
  for (;;) {
    writer.write(line);
    co_await writer.drain();
    co_await asyncio::sleep(asyncio::Duration());
  }
}

asyncio::Coro<> demonstrate() {
  Room room;
  auto server = co_await start(room, 0);
  const asyncio::Address address = server.sockets().at(0);
  auto ann = co_await join(address, "Ann");
  co_await read_until(ann.reader, "Ann", "Ann has come\n");
  auto bob = co_await join(address, "Bob");
  co_await read_until(ann.reader, "Ann", "Bob has come\n");
  auto sloth = co_await join(address, "Sloth");

  auto talking = asyncio::create_task(talk(bob.writer));
  co_await asyncio::gather(read_until(ann.reader, "Ann", "Sloth was too slow\n"),
                           read_until(bob.reader, "Bob", "Sloth was too slow\n"));
  talking.cancel();
  bob.writer.write_eof();
  co_await asyncio::gather(read_until(ann.reader, "Ann", "Bob has left\n"),
                           read_until(bob.reader, "Bob", "Ann has left\n"));  // to the end
  ann.writer.close();
  sloth.writer.close();
  server.close();
  co_await server.wait_closed();
}

asyncio::Coro<> async_main(command_line::Args args) {
  if (args.empty()) {
    co_await demonstrate();
    co_return;
  }
  if (args.size() != 2 || args[0] != "serve") {
    throw command_line::Usage("chat_server [serve PORT]  (without: a demonstration)");
  }
  Room room;
  auto server = co_await start(room, command_line::port(args[1]));
  std::cout << "serving on " << server.sockets().at(0).str() << std::endl;
  co_await server.serve_forever();
}

int main(int argc, char** argv) { return command_line::run(argc, argv, async_main); }
