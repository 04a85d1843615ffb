#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/detail/io_wait.hpp>
#include <asyncio/detail/wait_line.hpp>

#include <coroutine>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace asyncio::detail {

class ReaderState;
class StreamState;
struct StreamAccess;

/// A read of a StreamReader: looks at what has arrived, at once and whenever more may have.
class StreamReadBase : public IoWait {
 public:
  StreamReadBase(StreamReadBase&& other) noexcept;

  [[nodiscard]] bool await_ready();
  template <class P>
  void await_suspend(std::coroutine_handle<P>) {
    static_assert(OwnPromise<P>, "a stream can be awaited only in an asyncio::Coro");
    suspend();
  }

 protected:
  StreamReadBase(const Ops& ops, Ref<ReaderState> reader) noexcept;
  ~StreamReadBase();

  /// Returns: false to wait for more. Throws: what the read ends with.
  virtual bool advance(ReaderState& reader) = 0;
  /// At the end. Throws: CancelledError, or what advance() has thrown.
  void end();

 private:
  friend class IoWait;
  [[nodiscard]] IoSource* source() noexcept;
  [[nodiscard]] static Way way() noexcept { return Way::read; }
  bool attempt() noexcept;
  void suspend();
  [[noreturn]] void throw_awaited_already() const;

  Ref<ReaderState> reader_;
  Failure failure_;
  bool over_ = false;
};

/// read(), readexactly(), readuntil(), readline().
class [[nodiscard]] StreamRead : public StreamReadBase,
                                 public ConvertsToCoro<StreamRead, std::string> {
 public:
  enum class Until : std::uint8_t { some, end, size, separator, line };
  StreamRead(Ref<ReaderState> reader, Until until, std::size_t size);
  StreamRead(Ref<ReaderState> reader, std::vector<std::string> separators);
  std::string await_resume() {
    end();
    return std::move(result_);
  }

 private:
  bool advance(ReaderState& reader) override;
  bool advance_to_end(ReaderState& reader);
  bool advance_to_size(ReaderState& reader);
  bool advance_to_separator(ReaderState& reader);
  bool advance_line(ReaderState& reader);

  std::string result_;
  std::vector<std::string> separators_;
  std::size_t size_ = 0;
  std::size_t searched_ = 0;  // bytes that no match begins in
  std::uint64_t taken_ = 0;   // what others had taken then
  Until until_;
};

class [[nodiscard]] StreamNextLine
    : public StreamRead,
      public ConvertsToCoro<StreamNextLine, std::optional<std::string>> {
 public:
  explicit StreamNextLine(Ref<ReaderState> reader);
  using ConvertsToCoro<StreamNextLine,
                       std::optional<std::string>>::operator Coro<std::optional<std::string>>;
  std::optional<std::string> await_resume() {
    std::string line = StreamRead::await_resume();
    if (line.empty()) return std::nullopt;
    return line;
  }
};

class [[nodiscard]] StreamReadInto : public StreamReadBase,
                                     public ConvertsToCoro<StreamReadInto, std::size_t> {
 public:
  StreamReadInto(Ref<ReaderState> reader, std::span<std::byte> into);
  std::size_t await_resume() {
    end();
    return got_;
  }

 private:
  bool advance(ReaderState& reader) override;
  std::span<std::byte> into_;
  std::size_t got_ = 0;
};

/// What drain() and wait_closed() return.
class StreamWait : public LineWait {
 public:
  using LineWait::ops_of;
  StreamWait(StreamWait&& other) noexcept;

 protected:
  StreamWait(const Ops& ops, Ref<StreamState> stream) noexcept;
  ~StreamWait();
  void join(WaitLine& line) { line.join(*this); }

  Ref<StreamState> stream_;
};

class [[nodiscard]] StreamDrain : public StreamWait, public ConvertsToCoro<StreamDrain, void> {
 public:
  explicit StreamDrain(Ref<StreamState> stream) noexcept;
  [[nodiscard]] bool await_ready();
  template <class P>
  void await_suspend(std::coroutine_handle<P>) {
    static_assert(OwnPromise<P>, "a stream can be awaited only in an asyncio::Coro");
    suspend();
  }
  void await_resume();

 private:
  void suspend();
  bool yielded_ = false;
};

class [[nodiscard]] StreamClosed : public StreamWait, public ConvertsToCoro<StreamClosed, void> {
 public:
  explicit StreamClosed(Ref<StreamState> stream) noexcept;
  [[nodiscard]] bool await_ready() const noexcept;
  template <class P>
  void await_suspend(std::coroutine_handle<P>) {
    static_assert(OwnPromise<P>, "a stream can be awaited only in an asyncio::Coro");
    suspend();
  }
  void await_resume();

 private:
  void suspend();
};

}  // namespace asyncio::detail
