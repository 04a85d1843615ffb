// The echo server over TLS, with a certificate that is made when it starts.
#include <asyncio/asyncio.hpp>
#include <asyncio/ssl.hpp>

#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

#include "certificate.hpp"
#include "command_line.hpp"

asyncio::Coro<> echo(asyncio::StreamReader reader, asyncio::StreamWriter writer) {
  try {
    for (;;) {
      const std::string data = co_await reader.read(65536);
      if (data.empty()) co_return;
      writer.write(data);
      co_await writer.drain();
    }
  } catch (const asyncio::ssl::SSLError& error) {  // such as an end without close_notify
    std::cerr << "lost a client: " << error.what() << std::endl;
  } catch (const std::system_error& error) {
    std::cerr << "lost a client: " << error.what() << std::endl;
  }
}

asyncio::Coro<asyncio::Server> start(std::uint16_t port, certificate::Certificate own) {
  asyncio::ssl::Context context = asyncio::ssl::Context::server();
  context.use_certificate(own.chain, own.key);  // of files: context.load_cert_chain(cert, key)
  const asyncio::ServerOptions options{.ssl = &context};
  co_return co_await asyncio::start_server(echo, "127.0.0.1", port, options);
}

asyncio::Coro<> talk(asyncio::Address server, std::string trusted, std::string_view name) {
  const auto context = asyncio::ssl::create_default_context({.cadata = trusted});
  const asyncio::ConnectionOptions options{.ssl = &context, .server_hostname = name};
  auto [reader, writer] = co_await asyncio::open_connection(server, options);
  writer.write("hello\n");
  const std::string line = co_await reader.readline();
  std::cout << *writer.get_extra_info("version") << ": " << line << std::flush;
  writer.close();
  co_await writer.wait_closed();
}

asyncio::Coro<> demonstrate() {
  const certificate::Certificate own = certificate::for_localhost();
  auto server = co_await start(0, own);
  const asyncio::Address address = server.sockets().at(0);
  co_await talk(address, own.chain, "localhost");
  try {
    co_await talk(address, own.chain, "example.com");
  } catch (const asyncio::ssl::SSLCertVerificationError& error) {
    std::cout << "refused: " << error.verify_message() << std::endl;
  }
  try {
    const certificate::Certificate other = certificate::for_localhost();
    co_await talk(address, other.chain, "localhost");
  } catch (const asyncio::ssl::SSLCertVerificationError& error) {
    std::cout << "refused: " << error.verify_message() << std::endl;
  }
  server.close();
  co_await server.wait_closed();
}

asyncio::Coro<> async_main(command_line::Args args) {
  if (args.empty()) {
    co_await demonstrate();
    co_return;
  }
  if (args.size() != 3 || args[0] != "serve") {
    throw command_line::Usage(
        "tls_echo [serve PORT FILE]  (what a client must trust goes to FILE; without: a "
        "demonstration)");
  }
  const certificate::Certificate own = certificate::for_localhost();
  const std::string path(args[2]);
  std::ofstream file(path);
  if (!(file << own.chain << std::flush)) throw std::runtime_error("cannot write to " + path);
  auto server = co_await start(command_line::port(args[1]), own);
  std::cout << "serving on " << server.sockets().at(0).str() << std::endl;
  co_await server.serve_forever();
}

int main(int argc, char** argv) { return command_line::run(argc, argv, async_main); }
