#include "support/redis_server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>
#include <string_view>

namespace support {

namespace {

/// One that nobody has now.
std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const raw = reinterpret_cast<sockaddr*>(&address);
  const bool good = ::bind(fd, raw, size) == 0 && ::getsockname(fd, raw, &size) == 0;
  ::close(fd);
  if (!good) throw std::runtime_error("RedisServer: no free port");
  return ::ntohs(address.sin_port);
}

/// A child that dies with us; what it prints comes out of a pipe.
struct Started {
  pid_t pid;
  int output;
};

Started start_program(const std::vector<std::string>& words) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("RedisServer: no pipe");
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);  // it was too late
    const int null = ::open("/dev/null", O_RDONLY);
    ::dup2(null, 0);
    ::dup2(ends[1], 1);
    ::dup2(ends[1], 2);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  if (pid < 0) {
    ::close(ends[0]);
    throw std::runtime_error("RedisServer: no child");
  }
  return {pid, ends[0]};
}

/// Until the text, the end, or ten seconds of silence; closes it.
std::string read_until(int fd, std::string_view text) {
  constexpr int silence_ms = 10'000;
  std::string all;
  char buffer[4096];
  while (text.empty() || all.find(text) == std::string::npos) {
    pollfd wait{fd, POLLIN, 0};
    if (::poll(&wait, 1, silence_ms) <= 0) break;
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n <= 0) break;
    all.append(buffer, static_cast<std::size_t>(n));
  }
  ::close(fd);
  return all;
}

constexpr std::string_view ready = "eady to accept connections";

}  // namespace

bool RedisServer::is_installed() {
  static const bool installed = ::system("redis-server --version > /dev/null 2>&1") == 0 &&
                                ::system("redis-cli --version > /dev/null 2>&1") == 0;
  return installed;
}

RedisServer::RedisServer(Options options, bool started) : options_(std::move(options)) {
  if (options_.door != Door::unix_socket) port_ = free_port();
  if (options_.door == Door::tls) write_certificates();
  if (started) start();
}

RedisServer::~RedisServer() { kill(); }

void RedisServer::write_certificates() const {
  CertificateRequest request;
  request.names = {"DNS:localhost", "IP:127.0.0.1"};
  const Identity identity = authority_.issue(request);
  (void)folder_.write("cert.pem", identity.chain);
  (void)folder_.write("key.pem", identity.key);
  (void)folder_.write("ca.pem", authority_.pem());
}

void RedisServer::add_door(std::vector<std::string>& words) const {
  const std::string port = std::to_string(port_);
  switch (options_.door) {
    case Door::unix_socket:
      words.insert(words.end(), {"--port", "0", "--unixsocket", folder_ / "socket"});
      break;
    case Door::tcp: words.insert(words.end(), {"--port", port, "--bind", "127.0.0.1"}); break;
    case Door::tls:
      words.insert(words.end(),
                   {"--port", "0", "--tls-port", port, "--bind", "127.0.0.1", "--tls-cert-file",
                    folder_ / "cert.pem", "--tls-key-file", folder_ / "key.pem",
                    "--tls-ca-cert-file", folder_ / "ca.pem", "--tls-auth-clients", "no"});
      break;
  }
}

std::vector<std::string> RedisServer::command() const {
  std::vector<std::string> words{"redis-server", "--dir", folder_.path(), "--save", ""};
  add_door(words);
  if (options_.keeps) {
    words.insert(words.end(), {"--appendonly", "yes", "--appendfsync", "always"});
  }
  if (!options_.password.empty()) words.insert(words.end(), {"--requirepass", options_.password});
  return words;
}

void RedisServer::start() {
  const Started started = start_program(command());
  pid_ = started.pid;
  const std::string said = read_until(started.output, ready);
  if (said.find(ready) == std::string::npos) {
    kill();
    throw std::runtime_error("RedisServer: it did not become ready: " + said);
  }
}

void RedisServer::kill() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

std::string RedisServer::url_with(const std::string& password) const {
  const std::string login = password.empty() ? "" : ":" + password + "@";
  if (options_.door == Door::unix_socket) return "unix://" + login + (folder_ / "socket");
  const std::string scheme = options_.door == Door::tls ? "rediss://" : "redis://";
  return scheme + login + "127.0.0.1:" + std::to_string(port_);
}

std::string RedisServer::cli(std::initializer_list<std::string> words) const {
  std::vector<std::string> all{"redis-cli", "-s", folder_ / "socket"};
  if (options_.door == Door::tcp) all = {"redis-cli", "-p", std::to_string(port_)};
  if (!options_.password.empty()) all.insert(all.end(), {"-a", options_.password});
  all.insert(all.end(), words);
  const Started started = start_program(all);
  std::string said = read_until(started.output, {});
  ::waitpid(started.pid, nullptr, 0);
  while (said.ends_with('\n')) said.pop_back();
  return said;
}

}  // namespace support
