// Remote calls over a Unix socket. A message is its length in four bytes, then its text.
#include <asyncio/asyncio.hpp>

#include <unistd.h>

#include <cctype>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "command_line.hpp"

constexpr std::size_t largest_message = 1024 * 1024;

void send(const asyncio::StreamWriter& writer, std::string_view text) {
  std::string length;
  for (int shift = 24; shift >= 0; shift -= 8) length += static_cast<char>(text.size() >> shift);
  writer.writelines({length, text});
}

asyncio::Coro<std::string> receive(asyncio::StreamReader reader) {
  const std::string prefix = co_await reader.readexactly(4);
  std::size_t length = 0;
  for (const char byte : prefix) length = length << 8 | static_cast<unsigned char>(byte);
  if (length > largest_message) throw std::length_error("a message is too long");  // who knows why
  co_return co_await reader.readexactly(length);
}

std::string call(const std::string& request) {
  std::istringstream words(request);
  std::string method;
  words >> method;
  if (method == "add") {
    long long a = 0;
    long long b = 0;
    if (!(words >> a >> b)) throw std::invalid_argument("add takes two numbers");
    return std::to_string(a + b);
  }
  if (method == "upper") {
    std::string text;
    std::getline(words >> std::ws, text);
    for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return text;
  }
  throw std::invalid_argument("there is no method \"" + method + "\"; there are add and upper");
}

std::string answer_to(const std::string& request) {
  try {
    return "ok " + call(request);
  } catch (const std::exception& error) {
    return std::string("error ") + error.what();
  }
}

asyncio::Coro<> serve_client(asyncio::StreamReader reader, asyncio::StreamWriter writer) {
  try {
    for (;;) {
      const std::string request = co_await receive(reader);
      send(writer, answer_to(request));
      co_await writer.drain();
    }
  } catch (const asyncio::IncompleteReadError& end) {
    // Between two messages that is how a client leaves.
    if (!end.partial().empty()) std::cerr << "half a message: " << end.what() << std::endl;
  } catch (const std::exception& error) {
    std::cerr << "dropped a client: " << error.what() << std::endl;
  }
}

// Several calls on one connection, one after the other.
class Client {
 public:
  explicit Client(asyncio::Connection connection) : connection_(std::move(connection)) {}
  asyncio::Coro<std::string> call(std::string request) {
    send(connection_.writer, request);
    co_await connection_.writer.drain();
    co_return co_await receive(connection_.reader);
  }

 private:
  asyncio::Connection connection_;
};

asyncio::Coro<> call_all(std::string path, command_line::Args requests) {
  Client client(co_await asyncio::open_unix_connection(path));
  for (std::string_view request : requests) {
    const std::string answer = co_await client.call(std::string(request));
    std::cout << request << " -> " << answer << std::endl;
  }
}

asyncio::Coro<> async_main(command_line::Args args) {
  if (args.empty()) {  // a demonstration, on a name that is no file
    const std::string name = "@asyncio-unix-rpc-" + std::to_string(::getpid());
    auto server = co_await asyncio::start_unix_server(serve_client, name);
    const command_line::Args requests = {"add 2 3", "upper hello, world", "add 2", "divide 1 0"};
    co_await call_all(name, requests);
    server.close();
    co_await server.wait_closed();
  } else if (args.size() == 2 && args[0] == "serve") {
    auto server = co_await asyncio::start_unix_server(serve_client, args[1]);
    std::cout << "serving on " << server.sockets().at(0).str() << std::endl;
    co_await server.serve_forever();
  } else if (args.size() >= 3 && args[0] == "call") {
    const command_line::Args requests(args.begin() + 2, args.end());
    co_await call_all(std::string(args[1]), requests);
  } else {
    throw command_line::Usage(
        "unix_rpc [serve PATH | call PATH REQUEST...]  (without: a demonstration)");
  }
}

int main(int argc, char** argv) { return command_line::run(argc, argv, async_main); }
