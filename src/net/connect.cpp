#include "net/connect.hpp"

#include <asyncio/as_result.hpp>
#include <asyncio/error.hpp>
#include <asyncio/event.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/task_group.hpp>
#include <asyncio/wait_for.hpp>
#include <asyncio/with.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace asyncio::detail {

/// An OSError of Python's that was given a text of its own.
class SeveralErrors final : public std::system_error {
 public:
  SeveralErrors(std::error_code first, std::string text)
      : std::system_error(first), text_(std::move(text)) {}
  [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }

 private:
  std::string text_;
};

namespace {

using Failures = std::vector<Failure>;

// --- errors -------------------------------------------------------------------------------------

/// What is to be told of a failure that is a std::system_error.
struct Told {
  explicit Told(const Failure& failure) {
    try {
      std::rethrow_exception(failure.error);
    } catch (const std::system_error& error) {
      code = error.code();
      text = error.what();
    }
  }
  std::error_code code;
  std::string text;
};

[[noreturn]] void raise_one_of(const Failures& failures) {
  const Told first(failures.front());
  std::string texts = first.text;
  bool all_equal = true;
  for (std::size_t i = 1; i < failures.size(); ++i) {
    const Told other(failures[i]);
    all_equal = all_equal && other.text == first.text;
    texts += ", " + other.text;
  }
  if (all_equal) raise(failures.front());
  throw SeveralErrors(first.code, "Multiple exceptions: " + texts);
}

[[noreturn]] void raise_all(Failures failures, bool all_errors) {
  if (failures.empty()) throw CancelledError();  // each attempt, by somebody who found its task
  if (!all_errors) raise_one_of(failures);
  raise(Failure(make_group("create_connection failed", Members(std::move(failures)))));
}

// --- one attempt --------------------------------------------------------------------------------

const char* family_name(Address::Family family) noexcept {
  switch (family) {
    case Address::Family::ipv4: return "ipv4";
    case Address::Family::ipv6: return "ipv6";
    case Address::Family::unix_: return "unix";
    case Address::Family::none: break;
  }
  return "none";
}

/// What one connect_any() tries, and how that has failed.
class Attempts {
 public:
  Attempts(EventLoop& loop, std::vector<Address> addresses, std::vector<Address> local_addresses)
      : loop_(loop),
        addresses_(std::move(addresses)),
        local_addresses_(std::move(local_addresses)),
        failures_(addresses_.size()) {}

  [[nodiscard]] std::size_t count() const noexcept { return addresses_.size(); }

  /// Throws: CancelledError, std::system_error, which the caller is to add().
  Coro<Socket> connect(std::size_t number) {
    const Address& address = addresses_[number];
    Socket socket(address.family());
    bind(socket, number);
    co_await loop_.sock_connect(socket, address);
    co_return socket;
  }
  /// Returns: false, and does nothing, if it is no error that another address could mend.
  bool add(std::size_t number, const Failure& failure) {
    if (!holds<std::system_error>(failure.error)) return false;
    failures_[number].push_back(failure);
    return true;
  }
  /// In the order of the addresses.
  [[nodiscard]] Failures failures() const {
    Failures all;
    for (const Failures& some : failures_) all.insert(all.end(), some.begin(), some.end());
    return all;
  }

 private:
  void bind(Socket& socket, std::size_t number) {
    if (local_addresses_.empty()) return;
    const Address::Family family = addresses_[number].family();
    Failures& failed = failures_[number];
    for (const Address& local : local_addresses_) {
      if (local.family() == family && bind_to(socket, local, failed)) return;
    }
    if (failed.empty()) {
      throw std::system_error(
          EADDRNOTAVAIL, std::generic_category(),
          fmt::format("no matching local address with family={} found", family_name(family)));
    }
    const Failure last = std::move(failed.back());
    failed.pop_back();
    raise(last);
  }
  static bool bind_to(Socket& socket, const Address& local, Failures& failed) {
    try {
      socket.bind(local);
      return true;
    } catch (const std::system_error&) {
      failed.push_back(current_failure());
      return false;
    }
  }

  EventLoop& loop_;
  std::vector<Address> addresses_;
  std::vector<Address> local_addresses_;
  std::vector<Failures> failures_;  // of each address
};

// --- several ------------------------------------------------------------------------------------

/// Returns: none if all have failed.
Coro<Socket> one_after_the_other(Attempts& attempts) {
  for (std::size_t number = 0; number < attempts.count(); ++number) {
    Result<Socket> result = co_await as_result(attempts.connect(number));
    if (result) co_return std::move(result).value();
    if (const Failure failure = failure_of(result); !attempts.add(number, failure)) raise(failure);
  }
  co_return Socket();
}

/// Attempts that overlap: each begins some time after the one before, or when that has failed.
///
/// States: nobody has won; won, with the socket in winner_; broken, with an error that is no
/// attempt's fault. The latter two cancel the group: its attempts, and the body that begins them.
class Race {
 public:
  Race(Attempts& attempts, Duration delay) noexcept : attempts_(attempts), delay_(delay) {}
  Race(const Race&) = delete;
  Race& operator=(const Race&) = delete;

  /// Returns: none if all have failed.
  Coro<Socket> run() {
    auto begin = [this] { return begin_all(); };
    co_await with(group_, begin);
    if (broken_) raise(broken_);
    co_return std::move(winner_);
  }

 private:
  [[nodiscard]] bool over() const noexcept { return winner_ || broken_; }

  Coro<> begin_all() {
    for (newest_ = 0; newest_ < attempts_.count() && !over(); ++newest_) {
      newest_failed_.clear();
      group_.create_task(attempt(newest_));
      if (newest_ + 1 == attempts_.count()) co_return;
      auto waited = co_await as_result(wait_for(newest_failed_.wait(), delay_));
      if (!waited && !holds<TimeoutError>(waited.error())) raise(failure_of(waited));
    }
  }

  Coro<> attempt(std::size_t number) {
    Result<Socket> result = co_await as_result(attempts_.connect(number));
    if (over()) co_return;  // two in one pass: this one is closed
    if (result) {
      winner_ = std::move(result).value();
      group_.cancel();
      co_return;
    }
    if (number == newest_) newest_failed_.set();
    const Failure failure = failure_of(result);
    if (result.cancelled()) raise(failure);
    if (attempts_.add(number, failure)) co_return;
    broken_ = failure;
    group_.cancel();
  }

  Attempts& attempts_;
  Duration delay_;
  TaskGroup group_;
  std::size_t newest_ = 0;
  Event newest_failed_;
  Socket winner_;
  Failure broken_;
};

Coro<Socket> overlapping(Attempts& attempts, Duration delay) {
  Race race(attempts, delay);
  co_return co_await race.run();
}

}  // namespace

std::vector<Address> interleaved(const std::vector<Address>& addresses, std::size_t first_count) {
  std::vector<std::vector<Address>> families;
  for (const Address& address : addresses) {
    const auto same = [&](const auto& some) { return some[0].family() == address.family(); };
    auto family = std::find_if(families.begin(), families.end(), same);
    if (family == families.end()) family = families.emplace(family);
    family->push_back(address);
  }
  std::vector<Address> result;
  if (families.empty()) return result;
  std::vector<Address>& first = families.front();
  const std::size_t ahead = std::min(std::max<std::size_t>(first_count, 1) - 1, first.size());
  result.assign(first.begin(), first.begin() + static_cast<std::ptrdiff_t>(ahead));
  first.erase(first.begin(), first.begin() + static_cast<std::ptrdiff_t>(ahead));
  for (std::size_t round = 0; result.size() < addresses.size(); ++round) {
    for (const std::vector<Address>& family : families) {
      if (round < family.size()) result.push_back(family[round]);
    }
  }
  return result;
}

Coro<Socket> connect_any(EventLoop& loop, std::vector<Address> addresses,
                         std::vector<Address> local_addresses, ConnectOptions options) {
  if (addresses.empty()) {
    throw_invalid_argument("connect_any(): there is no address to connect to; give at least one");
  }
  const bool overlap = options.happy_eyeballs_delay.has_value();
  const std::size_t interleave = options.interleave.value_or(overlap ? 1 : 0);
  if (interleave > 0) addresses = interleaved(addresses, interleave);
  Attempts attempts(loop, std::move(addresses), std::move(local_addresses));
  Coro<Socket> connecting = overlap ? overlapping(attempts, *options.happy_eyeballs_delay)
                                    : one_after_the_other(attempts);
  Socket socket = co_await std::move(connecting);
  if (!socket) raise_all(attempts.failures(), options.all_errors);
  co_return socket;
}

}  // namespace asyncio::detail
