#pragma once

namespace asyncio::detail {

/// A standard descriptor, made non-blocking for as long as anybody needs that. Others see it, since
/// the flag belongs to what they share: the shell, the parent, the other standard descriptors. So
/// it is changed only where nothing else works, and changed back when the last one is done.
///
/// Threads: any.
class BorrowedFlags {
 public:
  /// Throws: std::system_error, beginning with `who`.
  BorrowedFlags(int fd, const char* who);
  BorrowedFlags(const BorrowedFlags&) = delete;
  BorrowedFlags& operator=(const BorrowedFlags&) = delete;
  ~BorrowedFlags();

 private:
  unsigned forks_;
};

}  // namespace asyncio::detail
